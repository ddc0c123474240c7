//! The outbox keeps the accepted events until each is delivered or given up.
//!
//! Promises:
//! - When an engine answers, its write is durable.
//! - One dedup key (pixel, event name, event ID) is one event; the first payload wins.
//! - An order and the events that it causes change in one atomic step.
//! - Delivery leases events for a time, under a number that grows with every lease. A result that
//!   comes under an older number is ignored.
//!
//! The four traits serve four callers: [`EventStore`] (accepting events), [`DeliveryQueue`]
//! (delivery), [`OrderStore`] (steps on orders) and [`OperatorStore`] (lists, figures, chores).
//! They use the product's words and show no SQL, no transactions and no joins across keys. No trait
//! assumes that one process owns the store: a clustered engine implements the same traits and
//! passes the same conformance suite. An atomic unit is one event, or one order with its events.

#[cfg(test)]
pub(crate) mod conformance;
pub mod embedded;
mod error;
mod events;
mod figures;
#[cfg(test)]
mod model_tests;
mod operators;
mod orders;
mod queue;
mod reserve;
mod state;

pub use error::StoreError;
pub use events::{
    Appended, Confirmation, Confirmed, Erased, Erasure, EventStore, Existing, HandedEvent, Initial,
    LeaseHolder, NewEvent,
};
pub use figures::{Figures, KeyCoverage, Metric, NameFigures, PixelBacklog};
pub use operators::{
    AttemptView, DeadWebhookFilter, EventFilter, EventKey, EventView, OperatorStore, OrderFilter, OrderView,
    Page, Replayable, Replayed, TimeFigures,
};
pub use orders::{
    Ask, DeadWebhook, DueOrder, Lane, OrderEffects, OrderKey, OrderStep, OrderStore, OrderUpdated,
    PurchaseChange, StepAnswer, WebhookRecord, purchase_change,
};
pub use queue::{AttemptOutcome, AttemptResult, CallRecord, DeliveryQueue, LeasedEvent};
pub use reserve::Reserve;
pub(crate) use state::numbers;
pub use state::{BrowserOutcome, State};
pub use tandem_core::capi::Payload;

use std::sync::Arc;

/// One engine, split by its callers. Cheap to clone. A caller takes only the part it needs.
#[derive(Debug, Clone)]
pub struct Outbox {
    pub events: Arc<dyn EventStore>,
    pub queue: Arc<dyn DeliveryQueue>,
    pub orders: Arc<dyn OrderStore>,
    pub operators: Arc<dyn OperatorStore>,
}

impl Outbox {
    pub fn new<E: EventStore + DeliveryQueue + OrderStore + OperatorStore>(engine: E) -> Self {
        let engine = Arc::new(engine);
        let (events, queue) = (Arc::clone(&engine), Arc::clone(&engine));
        Self { events, queue, orders: Arc::<E>::clone(&engine), operators: engine }
    }
}
