//! Payments and refunds, with the data of their proofs.

use serde::{Deserialize, Serialize};

use crate::custom_data::CustomData;
use crate::event::{ActionSource, Consent, Page};
use crate::money::Money;
use crate::user_data::UserData;

/// Where the proof of a payment comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentSource {
    /// A webhook of the payment provider with a valid signature.
    Webhook,
    /// The payment provider's answer to the server's question (Orders API).
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
            Self::OrdersApi => "orders_api",
            Self::Report => "fact",
        }
    }
}

/// A successful payment of an order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Payment {
    /// The provider's ID of the payment; `None` for a report of the shop.
    pub payment_id: Option<String>,
    /// Money that the buyer paid.
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

/// Effect of a payment on the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PaymentOutcome {
    /// It is the first payment. The order is paid now.
    New,
    /// The payment was known already.
    Duplicate,
    /// It is a second successful payment of the same order. It is noted and changes nothing else.
    SecondPayment,
    /// The report names another amount than the known payment. It is not accepted.
    Conflict {
        /// Money of the known payment.
        known: Money,
    },
}

/// A refund: money that went back to the buyer.
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
        let is_its_own = match (&self.payment_id, &paid.payment_id) {
            (Some(theirs), Some(ours)) => theirs == ours,
            _ => true,
        };
        is_its_own && self.money.currency == paid.money.currency
    }
}
