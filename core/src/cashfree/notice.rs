//! What a webhook says, by its kind.

use super::link::{FormNotice, LinkNotice};
use super::payment::{ChargesNotice, FlatOrderNotice, PaymentNotice};
use super::refund::{DisputeNotice, RefundNotice};
use super::subscription::{SettlementNotice, SubscriptionNotice};

/// What a message is about.
#[derive(Debug)]
pub enum Notice {
    /// A payment succeeded, failed or was dropped.
    Payment(Box<PaymentNotice>),
    /// Fees of a payment.
    Charges(Box<ChargesNotice>),
    /// A refund the merchant asked for.
    Refund(Box<RefundNotice>),
    /// A refund Cashfree made by itself.
    AutoRefund(Box<RefundNotice>),
    /// A buyer disputes a payment.
    Dispute(Box<DisputeNotice>),
    /// A payment link.
    Link(Box<LinkNotice>),
    /// A payment form.
    Form(Box<FormNotice>),
    /// A subscription was charged, or changed.
    Subscription(SubscriptionNotice),
    /// Cashfree pays the shop.
    Settlement(Box<SettlementNotice>),
    /// The flat notification of old integrations.
    FlatOrder(Box<FlatOrderNotice>),
    /// The dashboard's test.
    Ping,
    /// Anything else, other Cashfree products included.
    Unknown,
}
