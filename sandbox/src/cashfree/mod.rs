//! A fake Cashfree: orders, a checkout page, signed webhooks with retries, and the Orders API.

pub mod amount;
pub mod orders;

mod checkout;
mod orders_api;
mod payload;
mod signature;
pub(crate) mod webhook;

use axum::Router;

use crate::cashfree::orders::{Outcome, PaymentDetails};
use crate::state::Sandbox;

/// The routes of the checkout page and of the Orders API.
pub fn routes() -> Router<Sandbox> {
    Router::new().merge(checkout::routes()).merge(orders_api::routes())
}

/// Makes a payment attempt on an order and, unless told otherwise, sends its webhook.
/// Answers Cashfree's ID of the payment, or `None` for an unknown order.
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
