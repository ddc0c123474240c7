//! The content of a webhook, by its kind.

use super::link::{FormNotice, LinkNotice};
use super::payment::{ChargesNotice, FlatOrderNotice, PaymentNotice};
use super::refund::{DisputeNotice, RefundNotice};
use super::subscription::{SettlementNotice, SubscriptionNotice};

/// The content of a message, by its kind.
#[derive(Debug)]
pub enum Notice {
    /// A payment succeeded, failed or was dropped.
    Payment(Box<PaymentNotice>),
    /// Fees of a payment.
    Charges(Box<ChargesNotice>),
    /// A refund that the merchant asked for.
    Refund(Box<RefundNotice>),
    /// A refund that Cashfree made by itself.
    AutoRefund(Box<RefundNotice>),
    /// A buyer disputes a payment.
    Dispute(Box<DisputeNotice>),
    /// A payment link changed, e.g. because it was paid.
    Link(Box<LinkNotice>),
    /// An order of a payment form changed, e.g. because it was paid.
    Form(Box<FormNotice>),
    /// A subscription was charged or changed.
    Subscription(SubscriptionNotice),
    /// Cashfree transfers money to the shop.
    Settlement(Box<SettlementNotice>),
    /// The flat notification of old integrations.
    FlatOrder(Box<FlatOrderNotice>),
    /// The test message of Cashfree's dashboard.
    Ping,
    /// Anything else, messages of other Cashfree products included.
    Unknown,
}
