//! The outbox: what was accepted and has not finished its way to Meta.
//!
//! Promises:
//! - `append` and `update_order` answer only once the change is on disk.
//! - One dedup key (pixel, event name, event ID) is one event; the first payload wins.
//! - An order and the events it gives rise to change in one atomic step.
//! - A claim leases events for a time under a number that grows with every claim; a
//!   result that comes under an older number is ignored.
//!
//! The trait speaks the product's words. No SQL, no transactions and no joins across
//! keys show in it: a clustered engine implements the same trait and passes the same
//! conformance suite. Atomic units are one event, or one order with its events.

#[cfg(test)]
pub(crate) mod conformance;
pub mod embedded;
mod entry;
mod figures;
#[cfg(test)]
mod model_tests;
mod order_query;
mod query;

pub use entry::{
    Appended, AttemptOutcome, AttemptResult, BrowserOutcome, CallRecord, ClaimedEvent, Confirmation,
    Confirmed, Existing, Initial, NewEvent, State,
};
pub use figures::{Figures, KeyCoverage, Metric, NameFigures, PixelBacklog};
pub use order_query::{OrderFilter, OrderView};
pub use query::{
    AttemptView, DeadWebhook, DeadWebhookFilter, Erased, EventFilter, EventKey, EventView, Page, Replayable,
    Replayed,
};

use std::sync::Arc;
use std::time::Duration;

use tandem_core::hash::Sha256Hex;
use tandem_core::id::{OrderId, PixelId};
use tandem_core::order::{Decision, Order, Standing};

/// Why the store did not do what was asked. Nothing is half-written in any case.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Too much is waiting already; try again in a moment.
    #[error("the store has too much to write at once; try again in a moment")]
    Busy,
    /// Disk full, directory read-only, engine away: an operator must look.
    #[error("the store cannot write: {0}")]
    Unavailable(String),
    /// The server is stopping.
    #[error("the server is stopping")]
    Stopped,
}

/// A webhook that was genuine, as it is kept: an extract without personal data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookRecord {
    /// Whose webhook it is: the provider and environment whose secret matched.
    pub account: String,
    /// Key under which copies of one webhook are the same.
    pub event_key: String,
    /// The webhook's own type.
    pub kind: String,
    /// Order it names.
    pub order_id: Option<String>,
    /// When it came, Unix milliseconds.
    pub received_ms: i64,
    /// Stable code when it was unusable: then it is a dead letter.
    pub dead_letter: Option<String>,
    /// Allow-listed extract, JSON.
    pub extract: String,
    /// SHA-256 of the body, hex.
    pub body_sha256: String,
    /// Length of the body, bytes.
    pub body_bytes: u32,
}

/// What an order's step asks the store to write beside the order.
#[derive(Debug, Default)]
pub struct OrderEffects {
    /// An event in its own right (a checkout event that named the order).
    pub event: Option<NewEvent>,
    /// The order's Purchase.
    pub purchase: Option<PurchaseChange>,
    /// Events that follow the Purchase (those of refunds): appended once each where it has
    /// left or is on its way; stopped with it where it was stopped.
    pub followers: Vec<NewEvent>,
    /// When the order should be asked of the payment provider.
    pub ask: Ask,
    /// A page asked about the order: a browser's copy of its Purchase is to be expected.
    pub browser_contact: bool,
}

/// When an order should be asked of the payment provider next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ask {
    /// As it was.
    #[default]
    AsPlanned,
    /// At this time, Unix milliseconds.
    At(i64),
    /// Not again.
    Never,
}

/// An order that is due to be asked of the payment provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueOrder {
    /// The order.
    pub order: OrderId,
    /// Its pixel.
    pub pixel: PixelId,
    /// How much is behind it.
    pub standing: Standing,
}

/// What happens to an order's one Purchase.
#[derive(Debug)]
pub enum PurchaseChange {
    /// Place it; replaces one that has not left.
    Place(Box<NewEvent>),
    /// Stop the one that has not left; place it as suppressed if there is none.
    Stop(Box<NewEvent>),
}

/// A step on one order. May run again if the store has to try again, so it must depend
/// on its input alone.
pub type OrderStep = Box<dyn FnMut(&mut Order) -> OrderEffects + Send>;

/// What became of an order's step.
#[derive(Debug)]
pub struct OrderUpdated {
    /// False when the webhook was known and the step did not run.
    pub applied: bool,
    /// What became of the event in its own right.
    pub event: Option<Appended>,
    /// Whether the Purchase was written (false: it had left already, or there is none).
    pub purchase: Option<Appended>,
}

/// The durable store of events, orders and webhooks.
#[tonic::async_trait]
pub trait Outbox: Send + Sync + 'static {
    /// Stores an event. Answers once it is on disk.
    async fn append(&self, event: NewEvent) -> Result<Appended, StoreError>;

    /// Runs a step on one order, made with `pixel` if it is new, and writes the order
    /// with the step's effects atomically. A `webhook` seen before stops it.
    async fn update_order(
        &self,
        order: OrderId,
        pixel: PixelId,
        webhook: Option<WebhookRecord>,
        step: OrderStep,
    ) -> Result<OrderUpdated, StoreError>;

    /// Keeps a webhook that concerns no order. False when it was known.
    async fn record_webhook(&self, webhook: WebhookRecord) -> Result<bool, StoreError>;

    /// Notes what pages did with their copies.
    async fn confirm(
        &self,
        pixel: PixelId,
        confirmations: Vec<Confirmation>,
    ) -> Result<Confirmed, StoreError>;

    /// Leases up to `max` events of a pixel that are due, oldest due first.
    async fn claim(
        &self,
        pixel: PixelId,
        max: usize,
        lease: Duration,
    ) -> Result<Vec<ClaimedEvent>, StoreError>;

    /// Records a Graph call with the result of each of its events.
    async fn record(&self, call: CallRecord, results: Vec<AttemptResult>) -> Result<(), StoreError>;

    /// Gives leased events back, due at once, without counting an attempt.
    async fn release(&self, leases: Vec<(u64, u32)>) -> Result<(), StoreError>;

    /// Lets events go that are held one by one under `code`. Returns how many.
    async fn release_held(&self, code: &str) -> Result<u64, StoreError>;

    /// Gives up waiting events that are too old for Meta, at most about `max`; returns how
    /// many.
    async fn expire(&self, max: usize) -> Result<usize, StoreError>;

    /// Gives events that were taken before any pixel was configured to `pixel`. Returns
    /// how many.
    async fn adopt_unassigned(&self, pixel: PixelId) -> Result<u64, StoreError>;

    /// Puts dead letters at the positions back to pending, with a schedule of their own
    /// and under the same event ID. `allow_double_count`: also those whose browser copy
    /// Meta may have counted for good.
    async fn replay(&self, seqs: Vec<u64>, allow_double_count: bool) -> Result<Replayed, StoreError>;

    /// Deletes dead letters at the positions. Returns how many.
    async fn purge(&self, seqs: Vec<u64>) -> Result<u64, StoreError>;

    /// Takes webhooks at the positions off the dead letters; they stay known. Returns how
    /// many.
    async fn purge_webhooks(&self, seqs: Vec<u64>) -> Result<u64, StoreError>;

    /// Removes the person of every event and order that carries one of the digests. What
    /// was not delivered yet never is.
    async fn erase(&self, digests: Vec<Sha256Hex>) -> Result<Erased, StoreError>;

    /// Stops a pixel's delivery, or lets it go on; remembered across restarts.
    async fn set_paused(&self, pixel: PixelId, paused: bool) -> Result<(), StoreError>;

    /// Pixels whose delivery is stopped.
    async fn paused(&self) -> Result<Vec<PixelId>, StoreError>;

    /// Positions of events as they are accepted and as they change. A subscriber who falls
    /// behind loses the oldest.
    fn watch(&self) -> tokio::sync::broadcast::Receiver<Arc<[u64]>>;

    /// The events at these positions.
    async fn at(&self, seqs: Arc<[u64]>) -> Result<Vec<EventView>, StoreError>;

    /// Deletes what is past its time, about `max` rows of each kind; returns how many.
    /// `retention`: of finished events.
    async fn sweep(&self, retention: Duration, max: usize) -> Result<usize, StoreError>;

    /// Orders that are due to be asked of the payment provider, at most `max`: those with
    /// the most behind them first.
    async fn orders_to_ask(&self, max: usize) -> Result<Vec<DueOrder>, StoreError>;

    /// Whether an event of a pixel is due.
    async fn has_due(&self, pixel: PixelId) -> Result<bool, StoreError>;

    /// Orders, those first heard of last first.
    async fn list_orders(&self, filter: OrderFilter, page: Page) -> Result<Vec<OrderView>, StoreError>;

    /// One order.
    async fn order(&self, id: OrderId) -> Result<Option<Order>, StoreError>;

    /// Events, newest first.
    async fn list(&self, filter: EventFilter, page: Page) -> Result<Vec<EventView>, StoreError>;

    /// Dead-lettered webhooks, newest first.
    async fn dead_webhooks(
        &self,
        filter: DeadWebhookFilter,
        page: Page,
    ) -> Result<Vec<DeadWebhook>, StoreError>;

    /// Events with this ID, with their attempts.
    async fn find(&self, key: EventKey) -> Result<Vec<(EventView, Vec<AttemptView>)>, StoreError>;

    /// Figures for health, metrics and the dashboard. Unix milliseconds.
    async fn figures(&self, now_ms: i64) -> Result<Figures, StoreError>;

    /// Whether a write would be accepted now: writes and syncs a probe.
    async fn probe(&self) -> Result<(), StoreError>;
}

/// The store as the rest of the server holds it. Cheap to clone.
#[derive(Clone)]
pub struct SharedOutbox(Arc<dyn Outbox>);

impl SharedOutbox {
    /// Shares a store.
    pub fn new(store: impl Outbox) -> Self {
        Self(Arc::new(store))
    }
}

impl std::ops::Deref for SharedOutbox {
    type Target = dyn Outbox;

    fn deref(&self) -> &Self::Target {
        &*self.0
    }
}

impl std::fmt::Debug for SharedOutbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Outbox")
    }
}

/// Runs a step that also answers its caller.
pub async fn step_order<T: Send + 'static>(
    outbox: &SharedOutbox,
    order: OrderId,
    pixel: PixelId,
    webhook: Option<WebhookRecord>,
    mut step: impl FnMut(&mut Order) -> (OrderEffects, T) + Send + 'static,
) -> Result<(OrderUpdated, Option<T>), StoreError> {
    let slot = Arc::new(std::sync::Mutex::new(None));
    let answer = Arc::clone(&slot);
    let boxed: OrderStep = Box::new(move |order| {
        let (effects, value) = step(order);
        *answer.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(value);
        effects
    });
    let updated = outbox.update_order(order, pixel, webhook, boxed).await?;
    let value = slot.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
    Ok((updated, value))
}

/// Translates the order's decision into what the store must write.
pub fn purchase_change(
    decision: Decision,
    received_ms: i64,
    hold_code: Option<&'static str>,
    had_browser: bool,
) -> Option<PurchaseChange> {
    let new = |event: &tandem_core::event::Event, initial: Initial| {
        Box::new(NewEvent::new(event, received_ms, initial, had_browser))
    };
    match decision {
        Decision::Nothing => None,
        Decision::Send(event) => {
            let initial = hold_code.map_or(Initial::Pending, |code| Initial::Held(code.into()));
            Some(PurchaseChange::Place(new(&event, initial)))
        }
        Decision::Hold(event, until_ms) => {
            let wait_ms = u64::try_from(until_ms.saturating_sub(received_ms)).unwrap_or_default();
            let initial = hold_code.map_or(Initial::WaitingJoin(Duration::from_millis(wait_ms)), |code| {
                Initial::Held(code.into())
            });
            Some(PurchaseChange::Place(new(&event, initial)))
        }
        Decision::Withhold(event, why) => {
            Some(PurchaseChange::Stop(new(&event, Initial::Suppressed(why.code().into()))))
        }
        Decision::TooOld(event) => {
            Some(PurchaseChange::Place(new(&event, Initial::DeadLetter(tandem_core::code::TOO_OLD.into()))))
        }
    }
}
