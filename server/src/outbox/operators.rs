//! Operators' queries to the outbox and the types of the answers. None holds personal data.

use std::sync::Arc;
use std::time::Duration;

use tandem_core::code;
use tandem_core::event::is_too_old;
use tandem_core::id::{EventId, EventName, OrderId, PixelId};
use tandem_core::order::Order;
use tandem_core::user_data::KeySet;
use tokio::sync::broadcast;

use super::{BrowserOutcome, DeadWebhook, Figures, State, StoreError};

/// What operators see and change, and the chores that keep the store small.
///
/// Lists and figures may lag a moment behind other servers' writes. Every server sees the changes
/// made here: a pause, a replay, a purge.
#[async_trait::async_trait]
pub trait OperatorStore: std::fmt::Debug + Send + Sync + 'static {
    /// Events, newest first.
    async fn list(&self, filter: EventFilter, page: Page) -> Result<Vec<EventView>, StoreError>;

    /// The events with this key, with their attempts.
    async fn find(&self, key: EventKey) -> Result<Vec<(EventView, Vec<AttemptView>)>, StoreError>;

    /// The events at these positions.
    async fn at(&self, seqs: Arc<[u64]>) -> Result<Vec<EventView>, StoreError>;

    /// Positions of events that were accepted or changed, at least those of this server. A
    /// subscriber who falls behind loses the oldest.
    fn watch(&self) -> broadcast::Receiver<Arc<[u64]>>;

    /// Orders, newest first by the time of their first report.
    async fn list_orders(&self, filter: OrderFilter, page: Page) -> Result<Vec<OrderView>, StoreError>;

    /// Dead-lettered webhooks, newest first.
    async fn dead_webhooks(
        &self,
        filter: DeadWebhookFilter,
        page: Page,
    ) -> Result<Vec<DeadWebhook>, StoreError>;

    /// Sets the dead letters at these positions back to pending, with a new schedule and the same
    /// event ID. `allow_double_count`: also those whose browser copy Meta may have counted.
    async fn replay(&self, seqs: Vec<u64>, allow_double_count: bool) -> Result<Replayed, StoreError>;

    /// Deletes dead letters at the positions. Returns how many.
    async fn purge(&self, seqs: Vec<u64>) -> Result<u64, StoreError>;

    /// Removes the webhooks at these positions from the dead letters. They stay known. Returns how
    /// many.
    async fn purge_webhooks(&self, seqs: Vec<u64>) -> Result<u64, StoreError>;

    /// Pauses or resumes a pixel's delivery. Restarts keep the setting.
    async fn set_paused(&self, pixel: PixelId, paused: bool) -> Result<(), StoreError>;

    /// Pixels whose delivery an operator has paused.
    async fn paused(&self) -> Result<Vec<PixelId>, StoreError>;

    /// Moves events that were accepted before any pixel was configured to `pixel`. Returns how
    /// many.
    async fn adopt_unassigned(&self, pixel: PixelId) -> Result<u64, StoreError>;

    /// Deletes what is past its time, about `max` rows of each kind; returns how many.
    /// `retention`: of finished events. Ages are running time of the store; nothing is deleted
    /// while the wall's time is not trusted.
    async fn sweep(&self, retention: Duration, max: usize) -> Result<usize, StoreError>;

    /// How long the store has run, and what waits for a trusted time.
    async fn time_figures(&self) -> Result<TimeFigures, StoreError>;

    /// Figures for health, metrics and the dashboard. Unix milliseconds.
    async fn figures(&self, now_ms: i64) -> Result<Figures, StoreError>;

    /// Checks whether a write would be accepted now: writes and syncs a test value.
    async fn probe(&self) -> Result<(), StoreError>;
}

/// Selects events. All given conditions must hold.
#[derive(Debug, Clone, Default)]
pub struct EventFilter {
    pub name: Option<String>,
    pub state: Option<State>,
    pub order_id: Option<String>,
    pub pixel: Option<String>,
    /// Accepted at or after this time, Unix milliseconds.
    pub received_from_ms: Option<i64>,
    /// Accepted before this time, Unix milliseconds.
    pub received_before_ms: Option<i64>,
    /// Exact event ID.
    pub id: Option<String>,
    pub code: Option<String>,
    /// Finished at or after this time, Unix milliseconds.
    pub finished_from_ms: Option<i64>,
    /// Finished before this time, Unix milliseconds.
    pub finished_before_ms: Option<i64>,
    /// Pixels whose pending events count as held.
    pub held_pixels: Vec<String>,
}

/// Whether a dead letter can be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replayable {
    Yes,
    /// Yes, but Meta may count it twice: Meta has counted the browser's copy already.
    MayCountTwice,
    /// No: the event is too old for Meta.
    TooOld,
    /// No: its personal data was removed.
    PersonGone,
}

impl Replayable {
    /// Judges a dead letter. `time_s`: when the event happened, Unix seconds. `now_s`: Unix
    /// seconds.
    pub fn judge(has_person: bool, time_s: i64, code: Option<&str>, now_s: i64) -> Self {
        if !has_person {
            Self::PersonGone
        } else if is_too_old(time_s, now_s) {
            Self::TooOld
        } else if code == Some(code::DEDUP_WINDOW_PASSED) {
            Self::MayCountTwice
        } else {
            Self::Yes
        }
    }
}

/// Result of a replay.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Replayed {
    /// Number of events set back to pending.
    pub replayed: u64,
    /// Number skipped because Meta may have counted the browser's copy.
    pub skipped_double_count: u64,
    /// Number skipped because their person was removed or they are too old for Meta.
    pub skipped_unsendable: u64,
}

impl Replayed {
    /// Counts a dead letter. Returns whether it is to be sent.
    pub fn count(&mut self, replayable: Replayable, allow_double_count: bool) -> bool {
        match replayable {
            Replayable::PersonGone | Replayable::TooOld => self.skipped_unsendable += 1,
            Replayable::MayCountTwice if !allow_double_count => self.skipped_double_count += 1,
            Replayable::MayCountTwice | Replayable::Yes => {
                self.replayed += 1;
                return true;
            }
        }
        false
    }
}

impl std::ops::AddAssign for Replayed {
    fn add_assign(&mut self, other: Self) {
        self.replayed += other.replayed;
        self.skipped_double_count += other.skipped_double_count;
        self.skipped_unsendable += other.skipped_unsendable;
    }
}

/// What the store knows of its time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TimeFigures {
    /// Running time, over all starts, milliseconds.
    pub running_ms: i64,
    /// Waiting events that look too old for Meta by the wall's time; counted up to a bound.
    pub too_old: u32,
}

/// One page of a listing, newest first.
#[derive(Debug, Clone, Copy)]
pub struct Page {
    /// Only positions below this one.
    pub below_seq: Option<u64>,
    /// Most entries of the page.
    pub size: usize,
}

/// Names one event, as far as the caller knows it.
#[derive(Debug, Clone)]
pub struct EventKey {
    pub id: EventId,
    pub name: Option<String>,
    pub pixel: Option<String>,
}

/// An event as an operator sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventView {
    /// Position in the store.
    pub seq: u64,
    pub pixel: PixelId,
    pub name: EventName,
    pub id: EventId,
    pub state: State,
    pub order_id: Option<String>,
    /// When it happened, Unix seconds.
    pub time_s: i64,
    /// When it was accepted, Unix milliseconds.
    pub received_ms: i64,
    /// When it is due, Unix milliseconds.
    pub due_ms: Option<i64>,
    /// When it finished, Unix milliseconds.
    pub finished_ms: Option<i64>,
    pub attempts: u32,
    /// Stable code of the last result, or of the reason for its state.
    pub code: Option<String>,
    pub keys: KeySet,
    /// Whether its personal data is still stored. Without it, the event cannot be sent.
    pub has_person: bool,
    /// What the page did with its copy.
    pub browser: Option<BrowserOutcome>,
    /// When the page fired its copy, Unix seconds.
    pub fired_s: Option<i64>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptView {
    /// From 1.
    pub attempt_no: u32,
    /// When it began, Unix milliseconds.
    pub started_ms: i64,
    /// How long it took, milliseconds.
    pub duration_ms: u32,
    /// `delivered`, `retry`, `refused`, `held` or `unknown`.
    pub result: String,
    pub code: String,
    /// HTTP status, 0 without an answer.
    pub http_status: u16,
    pub meta_code: i64,
    pub meta_subcode: i64,
    /// Meta's trace ID of the call.
    pub fbtrace_id: String,
    /// Events in the call.
    pub batch_size: u32,
    /// Path in the request that Meta blamed.
    pub blamed_path: String,
}

/// Selects dead-lettered webhooks. All given conditions must hold.
#[derive(Debug, Clone, Default)]
pub struct DeadWebhookFilter {
    pub code: Option<String>,
    /// Received at or after this time, Unix milliseconds.
    pub received_from_ms: Option<i64>,
    /// Received before this time, Unix milliseconds.
    pub received_before_ms: Option<i64>,
}

/// Selects orders. All given conditions must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OrderFilter {
    pub id: Option<OrderId>,
    /// Only those with a proof of payment.
    pub paid_only: bool,
    /// Changed at or after this time, Unix milliseconds.
    pub updated_from_ms: Option<i64>,
    /// Changed before this time, Unix milliseconds.
    pub updated_before_ms: Option<i64>,
}

/// An order as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct OrderView {
    /// Position in the store. It grows with each new order.
    pub seq: u64,
    pub order: Order,
    /// When it was first reported, Unix milliseconds.
    pub created_ms: i64,
    /// When it last changed, Unix milliseconds.
    pub updated_ms: i64,
}
