//! Local stand-ins for the outside parties of Tandem, and a shop to try it in.
//!
//! One listener carries four things:
//!
//! | module | stands in for |
//! |---|---|
//! | [`graph`] | Meta's Graph API, `POST /{version}/{pixel}/events`, with Meta's refusals |
//! | [`pixel`] | Meta's browser library `fbevents.js` and the `/tr/` address it reports to |
//! | [`cashfree`] | Cashfree's checkout page, webhooks and Orders API |
//! | [`shop`] | a shop that uses Tandem's browser package |
//!
//! What Meta would have deduplicated is worked out in [`mod@matches`] and shown by [`events_manager`];
//! [`control`] lets tests and people script faults and look at what arrived.
//!
//! Nothing here shares code with Tandem's own crates: a fake that used the product's normalisation,
//! signing or parsing would agree with the product's mistakes.

pub mod answer;
pub mod cashfree;
pub mod clock;
pub mod config;
pub mod control;
pub mod events_manager;
pub mod examples;
pub mod faults;
pub mod graph;
pub mod journal;
pub mod lock;
pub mod matches;
pub mod money;
pub mod orders;
pub mod pixel;
pub mod pkg;
pub mod records;
pub mod serve;
pub mod shop;
pub mod state;

#[cfg(test)]
mod testing;

use axum::Router;
use axum::response::Redirect;
use axum::routing::get;

use crate::state::Sandbox;

/// All routes of the sandbox over one shared state.
pub fn router(sandbox: Sandbox) -> Router {
    Router::new()
        .route("/", get(|| async { Redirect::to("/shop/") }))
        .route("/livez", get(|| async { "ok" }))
        .merge(graph::routes())
        .merge(pixel::routes())
        .merge(cashfree::routes())
        .merge(shop::routes())
        .merge(events_manager::routes())
        .merge(pkg::routes())
        .merge(examples::routes())
        .merge(control::routes())
        .with_state(sandbox)
}
