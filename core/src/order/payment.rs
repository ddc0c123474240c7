//! Payments and refunds of an order: the proof.

use serde::{Deserialize, Serialize};

use super::Order;
use super::history::{Note, NoteKind};
use crate::custom_data::CustomData;
use crate::event::{ActionSource, Consent, Page};
use crate::money::{MinorUnits, Money};
use crate::user_data::UserData;

/// Most further payments or refunds kept with one order.
const NOTES_MAX: usize = 16;

/// Who proved a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentSource {
    /// A signed webhook.
    Webhook,
    /// The payment provider's API, asked by us.
    OrdersApi,
    /// An internal caller.
    Fact,
}

impl PaymentSource {
    /// Name for people and programs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::OrdersApi => "orders_api",
            Self::Fact => "fact",
        }
    }
}

/// A successful payment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Paid {
    /// The provider's ID of the payment; `None` for a fact.
    pub payment_id: Option<String>,
    /// What was paid.
    pub money: Money,
    /// When it was paid, Unix seconds.
    pub at_s: i64,
    /// When we learnt of it, Unix seconds.
    pub seen_at_s: i64,
    /// Who proved it.
    pub source: PaymentSource,
    /// Where the sale took place.
    pub action_source: ActionSource,
    /// The customer as the proof names them, hashed.
    pub user_data: UserData,
    /// Contents, as far as the proof knows them.
    pub custom_data: CustomData,
    /// What the shop's catalogue makes of it; counts where nobody names the contents.
    #[serde(default, skip_serializing_if = "CustomData::is_empty")]
    pub listed: CustomData,
    /// The page, as far as the proof knows it.
    pub page: Page,
    /// Permission, as far as the proof knows it.
    pub consent: Consent,
}

impl Note {
    fn of(paid: &Paid) -> Self {
        Self {
            kind: NoteKind::Payment,
            id: paid.payment_id.clone().unwrap_or_default(),
            payment_id: None,
            status: "SUCCESS".to_owned(),
            money: Some(paid.money),
            at_s: Some(paid.at_s),
            seen_at_s: paid.seen_at_s,
            source: paid.source,
            is_lost: false,
        }
    }
}

/// What a payment meant to the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PaymentOutcome {
    /// It is the first: the order is paid.
    New,
    /// It was known.
    Duplicate,
    /// A second successful payment of the same order; noted, and nothing more.
    SecondPayment,
    /// A fact that contradicts what is known; not taken.
    Conflict {
        /// What the order was paid with.
        known: Money,
    },
}

/// Money that went back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refund {
    /// The provider's ID of the refund.
    pub refund_id: String,
    /// The payment it belongs to; `None`: the order's only one.
    pub payment_id: Option<String>,
    /// How much.
    pub money: Money,
    /// When, Unix seconds; 0 where nobody noted it.
    #[serde(default)]
    pub at_s: i64,
    /// Whether its own event was placed.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub(super) told: bool,
}

impl Refund {
    /// Money that went back at `at_s` (Unix seconds). `payment_id`: the payment, where it is
    /// named.
    pub fn new(refund_id: String, payment_id: Option<String>, money: Money, at_s: i64) -> Self {
        Self { refund_id, payment_id, money, at_s, told: false }
    }

    /// Whether it is of this payment: another payment's, and another currency, is not.
    pub(super) fn is_of(&self, paid: &Paid) -> bool {
        let is_its_own = match (&self.payment_id, &paid.payment_id) {
            (Some(theirs), Some(ours)) => theirs == ours,
            _ => true,
        };
        is_its_own && self.money.currency == paid.money.currency
    }
}

impl Order {
    /// Takes a successful payment.
    pub fn pay(&mut self, paid: Paid) -> PaymentOutcome {
        let is_fact = paid.source == PaymentSource::Fact;
        let note = Note::of(&paid);
        let outcome = self.take(paid, is_fact);
        if !matches!(outcome, PaymentOutcome::Conflict { .. }) {
            self.note(note);
        }
        let payment_id = self.paid.as_ref().and_then(|paid| paid.payment_id.clone());
        if let Some((id, at_s)) = self.voided.iter().find(|(id, _)| Some(id) == payment_id.as_ref()).cloned()
        {
            self.void(&id, at_s);
        }
        outcome
    }

    fn take(&mut self, paid: Paid, is_fact: bool) -> PaymentOutcome {
        let Some(known) = &mut self.paid else {
            self.denied_internally |= paid.consent.denied;
            self.paid = Some(paid);
            return PaymentOutcome::New;
        };
        if is_fact {
            return if known.money == paid.money {
                PaymentOutcome::Duplicate
            } else {
                PaymentOutcome::Conflict { known: known.money }
            };
        }
        match (&known.payment_id, &paid.payment_id) {
            (Some(ours), Some(theirs)) if ours == theirs => PaymentOutcome::Duplicate,
            // The provider's own word on the sale that a fact told of.
            (None, Some(_)) if known.money == paid.money => {
                known.payment_id = paid.payment_id;
                PaymentOutcome::Duplicate
            }
            (_, Some(theirs)) => {
                if self.other_payments.contains(theirs) {
                    return PaymentOutcome::Duplicate;
                }
                if self.other_payments.len() < NOTES_MAX {
                    self.other_payments.push(theirs.clone());
                }
                PaymentOutcome::SecondPayment
            }
            (_, None) => PaymentOutcome::Duplicate,
        }
    }

    /// Notes a failed or dropped attempt. Never undoes a payment.
    pub fn fail(&mut self) {
        self.failed = true;
    }

    /// Notes that a payment was voided: what was authorised is not taken, or given back
    /// whole. Of the paying payment it is a full refund; of another it is a failed attempt.
    pub fn void(&mut self, payment_id: &str, at_s: i64) {
        match &self.paid {
            Some(paid) if paid.payment_id.as_deref() == Some(payment_id) => {
                let (id, money) = (format!("void_{payment_id}"), paid.money);
                self.refund(Refund::new(id, Some(payment_id.to_owned()), money, at_s));
            }
            // The message that it was paid may come later.
            known => {
                self.failed |= known.is_none();
                let is_known = self.voided.iter().any(|(id, _)| id == payment_id);
                if !is_known && self.voided.len() < NOTES_MAX {
                    self.voided.push((payment_id.to_owned(), at_s));
                }
            }
        }
    }

    /// Notes a successful refund. Returns false when it was known.
    pub fn refund(&mut self, refund: Refund) -> bool {
        if self.refunds.len() >= NOTES_MAX || self.refunds.iter().any(|r| r.refund_id == refund.refund_id) {
            return false;
        }
        self.refunds.push(refund);
        true
    }

    /// Whether all of the paying payment went back. Refunds of a second payment, and of
    /// another currency, do not count.
    pub fn is_fully_refunded(&self) -> bool {
        let Some(paid) = &self.paid else { return false };
        let back = self
            .refunds
            .iter()
            .filter(|refund| refund.is_of(paid))
            .try_fold(MinorUnits::default(), |sum, refund| sum.checked_add(refund.money.amount));
        paid.money.amount.get() > 0 && back.is_none_or(|sum| sum >= paid.money.amount)
    }
}
