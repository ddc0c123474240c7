//! Payments and refunds, as their proof names them.

use serde::{Deserialize, Serialize};

use crate::custom_data::CustomData;
use crate::event::{ActionSource, Consent, Page};
use crate::id::PixelId;
use crate::money::Money;
use crate::user_data::UserData;

/// Who proved a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentSource {
    /// A signed webhook.
    Webhook,
    /// A signed message of a payment link or form. It names what was to be paid, which surcharges
    /// and offers change.
    LinkOrForm,
    /// The payment provider's API, asked by us.
    OrdersApi,
    /// A report of one of the shop's own services (`RecordPurchase` with the internal token). Stored
    /// and shown as `fact`.
    #[serde(rename = "fact")]
    Report,
}

impl PaymentSource {
    /// Name for people and programs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::LinkOrForm => "link_or_form",
            Self::OrdersApi => "orders_api",
            Self::Report => "fact",
        }
    }

    /// How well it knows a payment. Of two proofs of one payment the better one counts.
    pub(super) fn rank(self) -> u8 {
        match self {
            Self::LinkOrForm => 0,
            Self::OrdersApi => 1,
            Self::Webhook | Self::Report => 2,
        }
    }
}

/// A successful payment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Payment {
    /// The provider's ID of the payment; `None` for a report of the shop.
    pub payment_id: Option<String>,
    /// The merchant's account with the provider, where the proof names it. Money of another
    /// account does not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The pixel, where the proof decides it: a report that names one, or the order's prefix.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pixel: Option<PixelId>,
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

impl Payment {
    /// Takes what a better proof says of the same payment. What only this one knew stays.
    pub(super) fn improve(&mut self, better: Self) {
        let was = core::mem::replace(self, better);
        self.user_data.fill_blanks(&was.user_data);
        self.custom_data.fill_blanks(&was.custom_data);
        self.payment_id = self.payment_id.take().or(was.payment_id);
        self.account = self.account.take().or(was.account);
        self.pixel = self.pixel.take().or(was.pixel);
        self.seen_at_s = self.seen_at_s.min(was.seen_at_s);
    }
}

/// What a payment meant to the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PaymentOutcome {
    /// It is the first: the order is paid.
    New,
    /// It was known.
    Duplicate,
    /// It was known from a weaker proof; this one counts from now on.
    BetterProof,
    /// Nothing was paid: the amount is zero.
    Zero,
    /// It is another merchant account's; noted, and nothing more.
    OtherAccount,
    /// A second successful payment of the same order; noted, and nothing more.
    SecondPayment,
    /// The report contradicts what is known and is not taken.
    Conflict {
        /// What the order was paid with.
        known: Money,
    },
}

impl PaymentOutcome {
    /// The word under which it stands in the order's history.
    pub(super) fn noted_as(self) -> &'static str {
        match self {
            Self::Zero => "ZERO",
            Self::OtherAccount => "OTHER_ACCOUNT",
            Self::New | Self::Duplicate | Self::BetterProof | Self::SecondPayment | Self::Conflict { .. } => {
                "SUCCESS"
            }
        }
    }
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
    pub(super) fn is_of(&self, paid: &Payment) -> bool {
        is_of(self.payment_id.as_ref(), self.money, paid)
    }
}

/// Refunds of one payment, added up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RefundSum {
    payment_id: Option<String>,
    pub(super) money: Money,
}

impl RefundSum {
    pub(super) fn is_of(&self, paid: &Payment) -> bool {
        is_of(self.payment_id.as_ref(), self.money, paid)
    }

    /// Adds a refund to the sum of its payment.
    pub(super) fn add(sums: &mut Vec<Self>, refund: Refund) {
        let Refund { payment_id, money, .. } = refund;
        let known =
            sums.iter_mut().find(|sum| sum.payment_id == payment_id && sum.money.currency == money.currency);
        match known {
            // A sum that is too large to hold is more than was paid anyway.
            Some(sum) => sum.money.amount = sum.money.amount.saturating_add(money.amount),
            None => sums.push(Self { payment_id, money }),
        }
    }
}

/// Whether money that went back is of a payment. A refund that names no payment is of the order's
/// only one. One that names a payment is not of a reported payment whose ID nobody knows.
fn is_of(payment_id: Option<&String>, back: Money, paid: &Payment) -> bool {
    payment_id.is_none_or(|theirs| paid.payment_id.as_ref() == Some(theirs))
        && back.currency == paid.money.currency
}
