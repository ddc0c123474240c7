//! A payment attempt, a refund, and the webhooks about an order.

use super::{kinds, payload, webhook};
use crate::orders::amount::Amount;
use crate::orders::{Outcome, PaymentDetails, RefundStatus};
use crate::state::Sandbox;

/// Makes a payment attempt on an order, and sends its webhook if that is wanted. Returns Cashfree's ID of the payment,
/// or `None` for an unknown order.
pub(crate) fn pay(
    sandbox: &Sandbox,
    order_id: &str,
    outcome: Outcome,
    details: PaymentDetails,
    send_webhook: bool,
) -> Option<String> {
    let (order, payment) = sandbox.orders().pay(order_id, outcome, details)?;
    if send_webhook {
        let body = payload::webhook_body(&order, &payment);
        webhook::deliver(sandbox.clone(), &order.order_id, outcome.webhook_type(), body);
    }
    Some(payment.cf_payment_id)
}

/// Refunds a paid order, and sends the refund's webhook if that is wanted. Returns Cashfree's ID of the refund.
///
/// # Errors
/// The reason for which Cashfree would refuse the refund, in one sentence.
pub(crate) fn refund(
    sandbox: &Sandbox,
    order_id: &str,
    amount: Option<Amount>,
    status: RefundStatus,
    send_webhook: bool,
) -> Result<String, String> {
    let (order, payment, refund) = sandbox.orders().refund(order_id, amount, status)?;
    if send_webhook {
        let body = kinds::refund_body(&order, &payment, &refund);
        webhook::deliver(sandbox.clone(), &order.order_id, kinds::REFUND, body);
    }
    Ok(refund.cf_refund_id)
}

/// Sends a signed webhook of another kind about a paid order.
///
/// # Errors
/// What is missing, in one sentence.
pub(crate) fn notify(sandbox: &Sandbox, order_id: &str, kind: &str) -> Result<(), String> {
    let kind = *kinds::KINDS
        .iter()
        .find(|known| **known == kind)
        .ok_or_else(|| format!("kind: one of {}", kinds::KINDS.join(", ")))?;
    let body = {
        let orders = sandbox.orders();
        let order = orders.get(order_id).ok_or("no such order")?;
        kinds::body(kind, order, order.paid().ok_or("the order is not paid")?)
    };
    webhook::deliver(sandbox.clone(), order_id, kind, body);
    Ok(())
}
