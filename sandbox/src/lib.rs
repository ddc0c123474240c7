//! Local fakes of Meta and Cashfree, and a shop to try Tandem in.
//!
//! One listener serves four things:
//!
//! | module | stands in for |
//! |---|---|
//! | [`graph`] | Meta's Graph API, `POST /{version}/{pixel}/events`, with Meta's refusals |
//! | [`pixel`] | Meta's browser library `fbevents.js` and the `/tr/` address it reports to |
//! | [`cashfree`] | Cashfree's checkout page, webhooks and Orders API |
//! | [`shop`] | a shop that uses Tandem's browser package |
//!
//! [`mod@matches`] computes what Meta would have deduplicated, and [`events_manager`] shows it. With [`control`], tests
//! and people script faults and look at what arrived.
//!
//! The sandbox shares no rule with Tandem's core. A fake that used the product's normalisation, signing or parsing
//! would repeat the product's mistakes.

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
pub mod own_pages;
pub mod pixel;
pub mod pkg;
pub mod records;
pub mod serve;
pub mod shop;
pub mod state;

#[cfg(test)]
mod testing;

use axum::Router;
use axum::middleware::from_fn;
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
        .merge(shop::routes(&sandbox))
        .merge(events_manager::routes())
        .merge(pkg::routes())
        .merge(examples::routes())
        .merge(control::routes().layer(from_fn(own_pages::only)))
        .with_state(sandbox)
}
