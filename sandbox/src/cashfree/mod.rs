//! A fake Cashfree: orders, a checkout page, signed webhooks with retries, and the Orders API.

mod checkout;
mod kinds;
mod orders_api;
mod pay;
mod payload;
mod signature;
pub(crate) mod webhook;

pub(crate) use pay::{notify, pay, refund};

use axum::Router;

use crate::state::Sandbox;

pub fn routes() -> Router<Sandbox> {
    Router::new().merge(checkout::routes()).merge(orders_api::routes())
}
