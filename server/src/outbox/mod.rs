//! The outbox: what was accepted and has not finished its way to Meta.
//!
//! Promises:
//! - What an engine answers is durable.
//! - One dedup key (pixel, event name, event ID) is one event; the first payload wins.
//! - An order and the events it gives rise to change in one atomic step.
//! - Delivery leases events for a time under a number that grows with every lease; a
//!   result that comes under an older number is ignored.
//!
//! Four traits, each for those who need it: [`EventStore`] (who takes events),
//! [`DeliveryQueue`] (delivery), [`OrderStore`] (steps on orders), [`OperatorStore`] (lists,
//! figures, chores). They speak the product's words. No SQL, no transactions and no joins
//! across keys show in them, and none assumes that one process has the store to itself: a
//! clustered engine implements the same traits and passes the same conformance suite. Atomic
//! units are one event, or one order with its events.

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
mod state;

pub use error::StoreError;
pub use events::{Appended, Confirmation, Confirmed, Erased, EventStore, Existing, Initial, NewEvent};
pub use figures::{Figures, KeyCoverage, Metric, NameFigures, PixelBacklog};
pub use operators::{
    AttemptView, DeadWebhookFilter, EventFilter, EventKey, EventView, OperatorStore, OrderFilter, OrderView,
    Page, Replayable, Replayed, TimeFigures,
};
pub use orders::{
    Ask, DeadWebhook, DueOrder, OrderEffects, OrderStep, OrderStore, OrderUpdated, PurchaseChange,
    StepAnswer, WebhookRecord, purchase_change,
};
pub use queue::{AttemptOutcome, AttemptResult, CallRecord, DeliveryQueue, LeasedEvent};
pub(crate) use state::numbers;
pub use state::{BrowserOutcome, State};
pub use tandem_core::capi::Payload;

use std::sync::Arc;

/// One engine, by what is asked of it. Cheap to clone; who needs one part takes that part.
#[derive(Debug, Clone)]
pub struct Outbox {
    /// Taking events.
    pub events: Arc<dyn EventStore>,
    pub queue: Arc<dyn DeliveryQueue>,
    /// Orders and webhooks.
    pub orders: Arc<dyn OrderStore>,
    /// Lists, figures and chores.
    pub operators: Arc<dyn OperatorStore>,
}

impl Outbox {
    /// Shares an engine.
    pub fn new<E: EventStore + DeliveryQueue + OrderStore + OperatorStore>(engine: E) -> Self {
        let engine = Arc::new(engine);
        let (events, queue) = (Arc::clone(&engine), Arc::clone(&engine));
        Self { events, queue, orders: Arc::<E>::clone(&engine), operators: engine }
    }
}
