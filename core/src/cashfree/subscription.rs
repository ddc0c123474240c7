//! Subscriptions and settlements. They are stored, and by default they change no order.

use super::customer::Customer;
use super::error::MessageError;
use super::fields::{self, CashfreeId};
use super::json::Node;
use super::refund::{RefundNotice, read_refund};
use crate::currency::Currency;
use crate::id::OrderId;
use crate::money::Money;

/// A message of the `SUBSCRIPTION_*` family.
#[derive(Debug)]
pub enum SubscriptionNotice {
    /// A payment or an authorisation: `SUBSCRIPTION_PAYMENT_*`, `SUBSCRIPTION_AUTH_STATUS`.
    Payment(Box<SubscriptionPayment>),
    /// `SUBSCRIPTION_STATUS_CHANGED`, in one edition `…_CHANGE`.
    Status {
        /// Cashfree's ID of the subscription.
        subscription_id: Option<CashfreeId>,
        /// The new status in upper case, where the message has one.
        status: Option<String>,
    },
    /// `SUBSCRIPTION_REFUND_STATUS`: a refund of a subscription's payment.
    Refund(Box<RefundNotice>),
    /// Reminders and controlled notifications.
    Other,
}

/// A payment of a subscription.
#[derive(Debug)]
pub struct SubscriptionPayment {
    /// The merchant's ID of the payment. It serves as the order ID if the merchant counts such
    /// payments.
    pub payment_ref: Option<OrderId>,
    /// Cashfree's ID of the payment.
    pub payment_id: Option<CashfreeId>,
    /// Cashfree's ID of the subscription.
    pub subscription_id: Option<CashfreeId>,
    /// Status in upper case: `SUCCESS`, `FAILED`, `CANCELLED`, `INITIALIZED`, or another.
    pub status: Option<String>,
    /// `AUTH`, `CHARGE`, or in edition 2023-08-01 an instrument such as `DEBIT_CARD`.
    pub payment_type: Option<String>,
    /// Money of the payment.
    pub money: Option<Money>,
    /// When the payment was initiated, Unix seconds; `None` for a time without offset.
    pub initiated_at_s: Option<i64>,
    /// Number of retries of the payment.
    pub retry_attempts: Option<u32>,
    /// Whether the message reports a successful payment.
    pub is_success: bool,
    /// Who pays. The messages name nobody: the merchant's ID of the subscription stands for the
    /// person.
    pub customer: Customer,
}

impl SubscriptionPayment {
    /// Whether the payment is revenue: a success that is not only a verification of the mandate
    /// (`AUTH`, one or two rupees).
    pub fn is_charge(&self) -> bool {
        self.is_success && self.payment_type.as_deref() != Some("AUTH")
    }
}

pub(super) fn read_subscription(
    kind: &str,
    data: &Node<'_>,
    assumed: Currency,
) -> Result<SubscriptionNotice, MessageError> {
    Ok(match kind {
        "SUBSCRIPTION_REFUND_STATUS" => {
            let mut refund = read_refund(data, false, assumed)?;
            refund.order_id = refund.order_id.or(fields::order_id(data.get("payment_id")).ok());
            SubscriptionNotice::Refund(Box::new(refund))
        }
        "SUBSCRIPTION_STATUS_CHANGED" | "SUBSCRIPTION_STATUS_CHANGE" => {
            let details = data.get("subscription_details");
            let either = |key: &str| match data.get(key) {
                Node::Null => fields::optional_id(details.get(key)),
                node => fields::optional_id(node),
            };
            let status = ["subscription_status", "status"]
                .into_iter()
                .flat_map(|key| [data.get(key), details.get(key)])
                .find_map(|node| fields::status(node).ok());
            SubscriptionNotice::Status { subscription_id: either("cf_subscription_id"), status }
        }
        "SUBSCRIPTION_AUTH_STATUS"
        | "SUBSCRIPTION_PAYMENT_SUCCESS"
        | "SUBSCRIPTION_PAYMENT_FAILED"
        | "SUBSCRIPTION_PAYMENT_CANCELLED"
        | "SUBSCRIPTION_PAYMENT_NOTIFICATION_INITIATED" => {
            SubscriptionNotice::Payment(Box::new(read_payment(kind, data, assumed)?))
        }
        _ => SubscriptionNotice::Other,
    })
}

fn read_payment(kind: &str, data: &Node<'_>, assumed: Currency) -> Result<SubscriptionPayment, MessageError> {
    let is_success = kind == "SUBSCRIPTION_PAYMENT_SUCCESS";
    let status = fields::status(data.get("payment_status"));
    let payment_id = fields::payment_id(data.get("cf_payment_id"));
    let payment_ref = fields::order_id(data.get("payment_id"));
    let money = fields::currency(&[data.get("payment_currency")], assumed)
        .and_then(|currency| fields::money(data.get("payment_amount"), currency));
    if is_success {
        // Only a success can count as revenue, so only a success must be complete.
        if status.clone()? != "SUCCESS" {
            return Err(MessageError::StatusTypeMismatch);
        }
        payment_id.clone()?;
        payment_ref.clone()?;
        money?;
    }
    Ok(SubscriptionPayment {
        payment_ref: payment_ref.ok(),
        payment_id: payment_id.ok(),
        subscription_id: fields::optional_id(data.get("cf_subscription_id")),
        status: status.ok(),
        payment_type: fields::status(data.get("payment_type")).ok(),
        money: money.ok(),
        initiated_at_s: fields::time_s(data.get("payment_initiated_date")),
        retry_attempts: data.get("retry_attempts").text_or_number().and_then(|text| text.parse().ok()),
        is_success,
        customer: Customer::of(&Node::Null, &Node::Null, &Node::Null, data.get("subscription_id")),
    })
}

/// Content of a `SETTLEMENT_*` or `VENDOR_SETTLEMENT_*`: Cashfree transfers money to the
/// merchant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettlementNotice {
    /// Cashfree's ID of the settlement.
    pub settlement_id: CashfreeId,
    /// Status in upper case: `SUCCESS` or another.
    pub status: String,
    /// Settled amount, in the assumed currency; the message names none.
    pub money: Option<Money>,
    /// When the money was settled, Unix seconds.
    pub settled_at_s: Option<i64>,
}

pub(super) fn read_settlement(data: &Node<'_>, assumed: Currency) -> Result<SettlementNotice, MessageError> {
    let settlement = data.get("settlement");
    Ok(SettlementNotice {
        settlement_id: fields::subject_id(settlement.get("settlement_id"))?,
        status: fields::status(settlement.get("status"))?,
        money: fields::money(settlement.get("amount_settled"), assumed).ok(),
        settled_at_s: fields::time_s(settlement.get("settled_on")),
    })
}
