//! Payments and refunds, as their proof names them.

use serde::{Deserialize, Serialize};

use crate::custom_data::CustomData;
use crate::event::{ActionSource, Consent, Page};
use crate::money::Money;
use crate::user_data::UserData;

/// Who proved a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentSource {
    /// A signed webhook.
    Webhook,
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
            Self::OrdersApi => "orders_api",
            Self::Report => "fact",
        }
    }
}

/// A successful payment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Payment {
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
    pub(super) fn is_of(&self, paid: &Payment) -> bool {
        let is_its_own = match (&self.payment_id, &paid.payment_id) {
            (Some(theirs), Some(ours)) => theirs == ours,
            _ => true,
        };
        is_its_own && self.money.currency == paid.money.currency
    }
}
