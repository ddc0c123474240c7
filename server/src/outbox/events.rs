//! Accepting events: append, confirm, erase.

use std::sync::Arc;
use std::time::Duration;

use tandem_core::capi::Payload;
use tandem_core::event::Event;
use tandem_core::hash::Sha256Hex;
use tandem_core::id::{EventId, EventName, OrderId, PixelId};
use tandem_core::order::{Environment, Order};

use super::{BrowserOutcome, State, StoreError};

/// Accepts events.
///
/// One dedup key (pixel, event name, event ID) is one event: of several servers that append
/// under one key at the same time, one gets [`Appended::New`] and the others the first event.
/// A server may append an event that is already leased to itself ([`Initial::Leased`]): the
/// engine hands the event to that server's delivery in memory, and no other server sees it as
/// due before that lease has ended.
#[async_trait::async_trait]
pub trait EventStore: std::fmt::Debug + Send + Sync + 'static {
    /// Stores an event. Returns once the event is durable.
    async fn append(&self, event: NewEvent) -> Result<Appended, StoreError>;

    /// Notes what pages did with their copies. Of Purchases, those of `environment` are meant.
    async fn confirm(
        &self,
        pixel: PixelId,
        environment: Environment,
        confirmations: Vec<Confirmation>,
    ) -> Result<Confirmed, StoreError>;

    /// Removes the person from every event and order that carries one of the digests, or shares its order or its
    /// browser (`fbp`) with one that does. The person's undelivered events are never sent. What was removed is not
    /// left in the store's files either, or the answer says so.
    async fn erase(&self, digests: Vec<Sha256Hex>, how: Erasure) -> Result<Erased, StoreError>;
}

/// Who sends an event that is stored already leased.
///
/// The engine hands the event over once it is durable. Nothing between the commit and the holder can get lost: no
/// event is leased to nobody, whatever became of the call that brought it.
pub trait LeaseHolder: std::fmt::Debug + Send + Sync {
    /// How long the lease runs.
    fn span(&self) -> Duration;

    /// Takes the event under its position in the store.
    fn take(&self, seq: u64, event: HandedEvent);
}

/// What delivery needs of an event that is handed over in memory.
#[derive(Debug)]
pub struct HandedEvent {
    /// When it happened, Unix seconds.
    pub time_s: i64,
    /// Whose money it speaks of; `None`: of no money.
    pub environment: Option<Environment>,
    /// The data that goes to Meta.
    pub payload: Arc<Payload>,
}

/// State in which an event enters.
#[derive(Debug, Clone)]
pub enum Initial {
    /// To be sent, and due now.
    Pending,
    /// To be sent, and leased under number 1 to the server that stores it. The engine hands
    /// it to that server's delivery in memory.
    Leased(Arc<dyn LeaseHolder>),
    /// A Purchase that waits for signals so long at most.
    WaitingJoin(Duration),
    /// Held by itself and not by its pixel, for this reason.
    Held(String),
    /// Counted and never sent, for this reason.
    Suppressed(String),
    /// Given up at once, for this reason.
    DeadLetter(String),
}

/// An event to be stored.
#[derive(Debug, Clone)]
pub struct NewEvent {
    pub pixel: PixelId,
    pub name: EventName,
    pub id: EventId,
    /// Of which money it speaks: of a Purchase, and of what follows it.
    pub environment: Option<Environment>,
    /// Order it belongs to.
    pub order: Option<OrderId>,
    /// When it happened, Unix seconds.
    pub time_s: i64,
    /// When it was accepted, Unix milliseconds.
    pub received_ms: i64,
    /// The data that goes to Meta. Shared with delivery when the event is handed over in memory.
    pub payload: Arc<Payload>,
    /// Whether a browser reported the event, so that a browser copy is to be expected.
    pub browser_contact: bool,
    pub initial: Initial,
}

impl NewEvent {
    /// Makes an entry of an order's Purchase, or of what follows it.
    pub fn of_order(order: &Order, event: &Event, received_ms: i64, initial: Initial) -> Self {
        let is_purchase = event.name == EventName::purchase();
        let had_browser = is_purchase && !event.opt_out && order.claimed_at_s().is_some();
        let environment = Some(order.environment());
        Self { environment, ..Self::new(event, received_ms, initial, had_browser) }
    }

    /// Makes an entry of an event. `received_ms`: Unix milliseconds.
    pub fn new(event: &Event, received_ms: i64, initial: Initial, browser_contact: bool) -> Self {
        Self {
            pixel: event.pixel.clone(),
            name: event.name.clone(),
            id: event.id.clone(),
            environment: None,
            order: event.custom_data.order_id.clone(),
            time_s: event.time_s,
            received_ms,
            payload: Arc::new(Payload::of(event)),
            browser_contact,
            initial,
        }
    }
}

/// Result of an append.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Appended {
    /// The event was stored.
    New {
        /// Position in the store.
        seq: u64,
    },
    /// The key was taken already; this is its first event.
    Duplicate(Existing),
}

/// The first event under a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Existing {
    /// Its ID as it was given first.
    pub id: EventId,
    pub state: State,
    /// Its JSON without personal data.
    pub public_json: String,
    /// Stable code of the reason for its state.
    pub code: Option<String>,
}

/// What a page did with its copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confirmation {
    /// Name under which the page fired its copy.
    pub name: EventName,
    /// ID under which the page fired its copy.
    pub id: EventId,
    pub outcome: BrowserOutcome,
    /// When the page did it, Unix seconds.
    pub at_s: i64,
}

impl Confirmation {
    /// The order whose Purchase it is about, if it is about one.
    pub fn purchase_order(&self) -> Option<OrderId> {
        if self.name == EventName::purchase() { self.id.purchase_order() } else { None }
    }
}

/// How many confirmations named a known event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Confirmed {
    pub accepted: u32,
    pub unknown: u32,
}

/// Whether an erasure changes anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Erasure {
    /// It only counts what it would remove.
    Count,
    Erase,
}

/// How much an erasure removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Erased {
    /// Events whose person was removed.
    pub events: u64,
    /// Orders whose signals were removed.
    pub orders: u64,
    /// The store's files may still hold what was removed. The same erasure again finishes it.
    pub leaves_traces: bool,
}

impl std::ops::AddAssign for Erased {
    fn add_assign(&mut self, other: Self) {
        self.events += other.events;
        self.orders += other.orders;
        self.leaves_traces |= other.leaves_traces;
    }
}
