//! Payments and refunds, with the data of their proofs.

use serde::{Deserialize, Serialize};

use crate::custom_data::CustomData;
use crate::event::{ActionSource, Consent, Page};
use crate::id::PixelId;
use crate::money::Money;
use crate::user_data::UserData;

/// Where the proof of a payment comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentSource {
    /// A webhook of the payment provider with a valid signature.
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
    /// Stable name: `webhook`, `orders_api`, or `fact` for a report.
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

/// A successful payment of an order.
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
    /// When the order was paid, Unix seconds.
    pub at_s: i64,
    /// When the server learnt of the payment, Unix seconds.
    pub seen_at_s: i64,
    /// Where the proof comes from.
    pub source: PaymentSource,
    /// Where the sale took place.
    pub action_source: ActionSource,
    /// Hashed match keys of the customer in the proof.
    pub user_data: UserData,
    /// Contents of the order, as far as the proof has them.
    pub custom_data: CustomData,
    /// Contents from the shop's catalogue. They count only if neither the proof nor the browser names
    /// contents.
    #[serde(default, skip_serializing_if = "CustomData::is_empty")]
    pub listed: CustomData,
    /// The page of the sale, as far as the proof has it.
    pub page: Page,
    /// What the customer allowed, as far as the proof has it.
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

    /// Takes what a proof that counts no more than this one adds about the customer: the first may have come without
    /// it, such as a report of a person who refused and allows it now. Returns whether it added anything.
    pub(super) fn learn(&mut self, same: &Self) -> bool {
        let before = (self.user_data.key_set(), self.page.clone());
        self.user_data.fill_blanks(&same.user_data);
        self.page.fill_blanks(&same.page);
        before != (self.user_data.key_set(), self.page.clone())
    }
}

/// What a payment meant to the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PaymentOutcome {
    /// It is the first payment. The order is paid now.
    New,
    /// The payment was known already.
    Duplicate,
    /// It was known from a weaker proof; this one counts from now on.
    BetterProof,
    /// Nothing was paid: the amount is zero.
    Zero,
    /// It is another merchant account's; noted, and nothing more.
    OtherAccount,
    /// A second successful payment of the same order; noted, and nothing more.
    SecondPayment,
    /// The report names another amount than the known payment. It is not accepted.
    Conflict {
        /// Money of the known payment.
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
    /// The provider's ID of the refunded payment; `None` when the message names none.
    pub payment_id: Option<String>,
    /// Amount of the refund.
    pub money: Money,
    /// When the money went back, Unix seconds; 0 in orders stored before this field existed.
    #[serde(default)]
    pub at_s: i64,
    /// Whether the event of this refund was placed.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub(super) told: bool,
}

impl Refund {
    /// Makes a refund. `refund_id` and `payment_id` are the provider's IDs; `payment_id` is `None` when
    /// it is not named. `at_s`: when the money went back, Unix seconds.
    pub fn new(refund_id: String, payment_id: Option<String>, money: Money, at_s: i64) -> Self {
        Self { refund_id, payment_id, money, at_s, told: false }
    }

    /// Whether the refund belongs to `paid`: it names no other payment and has the same currency.
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
