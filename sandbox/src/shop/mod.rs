//! The demo shop: Saanjh Paper, a small maker of evening cards and notebooks that does not exist.
//!
//! Every page works without Tandem and without JavaScript: forms post normally. When the browser
//! package loads, the same pages report what happens under one event ID on both sides.

mod assets;
mod catalogue;
mod forms;
mod layout;
mod pages;
mod policy;
mod thank_you;

#[cfg(test)]
mod tests;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::response::Redirect;
use axum::routing::{get, post};

use crate::state::Sandbox;

pub fn routes(sandbox: &Sandbox) -> Router<Sandbox> {
    Router::new()
        .route("/shop", get(|| async { Redirect::permanent("/shop/") }))
        .route("/shop/", get(pages::landing))
        .route("/shop/product", get(pages::product))
        .route("/shop/checkout", get(pages::checkout))
        .route("/shop/thank-you", get(thank_you::page))
        .route("/shop/leads", post(forms::take_lead))
        .route("/shop/orders", post(forms::order_by_form))
        .route("/shop/api/orders", post(forms::order_by_script))
        .layer(from_fn_with_state(sandbox.clone(), policy::add))
        .route("/shop/assets/{file}", get(assets::file))
}
