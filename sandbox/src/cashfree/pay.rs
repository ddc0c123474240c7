//! A payment attempt and its webhook.

use super::{payload, webhook};
use crate::orders::{Outcome, PaymentDetails};
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
