//! The queue that delivery works off: leases and results.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tandem_core::capi::Payload;
use tandem_core::id::PixelId;

use super::StoreError;

/// The events that wait to be sent.
///
/// A lease belongs to whoever asked for it, has a span, and carries a number that grows with
/// every lease of its event. The number is the fencing token: a result or a release that comes
/// under an older number changes nothing. When the span is over, the event is due again for
/// any server. At its start a server may end early what its own earlier life had leased,
/// never what another server holds. So an event can be sent twice, under one event ID, and is
/// never lost.
#[async_trait::async_trait]
pub trait DeliveryQueue: std::fmt::Debug + Send + Sync + 'static {
    /// Whether an event of a pixel is due.
    async fn has_due(&self, pixel: PixelId) -> Result<bool, StoreError>;

    /// Leases up to `max` events of a pixel that are due, oldest due first. No two callers
    /// get one event within one span.
    async fn lease(&self, pixel: PixelId, max: usize, span: Duration)
    -> Result<Vec<LeasedEvent>, StoreError>;

    /// Records a Graph call with the result of each of its events.
    async fn record(&self, call: CallRecord, results: Vec<AttemptResult>) -> Result<(), StoreError>;

    /// Gives leased events (position, lease number) back, due at once, without counting an
    /// attempt.
    async fn release(&self, leases: Vec<(u64, u32)>) -> Result<(), StoreError>;

    /// Lets events go that are held one by one under `code`. Returns how many.
    async fn release_held(&self, code: &str) -> Result<u64, StoreError>;

    /// Gives up waiting events that are too old for Meta, at most about `max`; returns how
    /// many.
    async fn expire(&self, max: usize) -> Result<usize, StoreError>;
}

/// An event leased to delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeasedEvent {
    /// Position in the store.
    pub seq: u64,
    /// Number of this lease; results under an older one are ignored.
    pub lease_no: u32,
    /// When the lease ends.
    pub lease_ends: Instant,
    /// Attempts made before, since the last replay.
    pub attempts: u32,
    /// Stable code of the last attempt.
    pub last_code: Option<String>,
    /// When it happened, Unix seconds.
    pub time_s: i64,
    /// When the page fired its copy, Unix seconds.
    pub fired_s: Option<i64>,
    /// What goes to Meta.
    pub payload: Arc<Payload>,
}

/// One Graph call, or one decision of delivery that needed none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallRecord {
    pub pixel: PixelId,
    /// When it began, Unix milliseconds.
    pub started_ms: i64,
    /// How long it took, milliseconds.
    pub duration_ms: u32,
    /// HTTP status; 0 without an answer.
    pub http_status: u16,
    /// Meta's code, 0 when none.
    pub meta_code: i64,
    /// Meta's subcode, 0 when none.
    pub meta_subcode: i64,
    /// Meta's trace ID.
    pub fbtrace_id: String,
    /// Path Meta blamed, if any.
    pub blamed_path: String,
    /// Events in the call; 0: a decision of ours, without a call.
    pub batch_size: u32,
    /// Events that Meta acknowledged without counting them.
    pub shortfall: u32,
}

/// Result of one send of one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptResult {
    /// Position in the store.
    pub seq: u64,
    /// Lease under which it was sent.
    pub lease_no: u32,
    /// Result.
    pub outcome: AttemptOutcome,
    /// Stable code.
    pub code: &'static str,
}

/// What a send came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttemptOutcome {
    /// Meta acknowledged it.
    Delivered,
    /// To be sent again after this wait.
    Retry(Duration),
    /// Sent, and no answer; to be sent again after this wait.
    Unknown(Duration),
    /// Its pixel cannot be used; back to pending, due after this wait.
    Held(Duration),
    /// Not to be sent as things are: held on its own account until somebody releases it.
    HeldAlone,
    /// Refused by Meta, or known to be: given up.
    Refused,
}

impl AttemptOutcome {
    /// Name for people and labels.
    pub fn name(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Retry(_) => "retry",
            Self::Unknown(_) => "unknown",
            Self::Held(_) | Self::HeldAlone => "held",
            Self::Refused => "refused",
        }
    }
}
