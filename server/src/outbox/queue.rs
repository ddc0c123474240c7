//! Delivery's queue: leases and results.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tandem_core::capi::Payload;
use tandem_core::id::PixelId;
use tandem_core::order::Environment;

use super::StoreError;

/// The events that wait to be sent.
///
/// A lease belongs to the server that asked for it, lasts for a span, and carries a number that
/// grows with every lease of its event. The number is the fencing token: a result or a release
/// under an older number changes nothing. When the span is over, the event is due again for any
/// server. At its start a server may end the leases of its own earlier process, but never those of
/// another server. So an event can be sent twice, under one event ID, but is never lost.
#[async_trait::async_trait]
pub trait DeliveryQueue: std::fmt::Debug + Send + Sync + 'static {
    /// Whether an event of a pixel is due.
    async fn has_due(&self, pixel: PixelId) -> Result<bool, StoreError>;

    /// Leases up to `max` due events of a pixel, the one due longest first. No two callers get the
    /// same event within one span.
    async fn lease(&self, pixel: PixelId, max: usize, span: Duration)
    -> Result<Vec<LeasedEvent>, StoreError>;

    /// Records a Graph call with the result of each of its events.
    async fn record(&self, call: CallRecord, results: Vec<AttemptResult>) -> Result<(), StoreError>;

    /// Gives leased events (position, lease number) back. They are due at once, and no attempt is
    /// counted.
    async fn release(&self, leases: Vec<(u64, u32)>) -> Result<(), StoreError>;

    /// Lets events go that are held one by one under `code`, and speak of no money of another
    /// environment than `environment`. Returns how many.
    async fn release_held(&self, code: &str, environment: Environment) -> Result<u64, StoreError>;

    /// Holds what waits of other environments than `environment`, under the code
    /// `other_environment`, and lets go what was held so of this one. Returns how many are held
    /// anew.
    async fn hold_other_environments(&self, environment: Environment) -> Result<u64, StoreError>;

    /// Gives up waiting events that are too old for Meta, about `max` at most. Returns how many.
    async fn expire(&self, max: usize) -> Result<usize, StoreError>;
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeasedEvent {
    /// Position in the store.
    pub seq: u64,
    /// Number of this lease; results under an older one are ignored.
    pub lease_no: u32,
    pub lease_ends: Instant,
    /// Attempts before this lease, since the last replay.
    pub attempts: u32,
    /// Stable code of the last attempt.
    pub last_code: Option<String>,
    /// When it happened, Unix seconds.
    pub time_s: i64,
    /// Whose money it speaks of; `None`: of no money.
    pub environment: Option<Environment>,
    /// When the page fired its copy, Unix seconds.
    pub fired_s: Option<i64>,
    /// The data that goes to Meta.
    pub payload: Arc<Payload>,
}

/// One Graph call, or one decision of delivery that needed no call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallRecord {
    pub pixel: PixelId,
    /// When it began, Unix milliseconds.
    pub started_ms: i64,
    /// How long it took, milliseconds.
    pub duration_ms: u32,
    /// HTTP status; 0 without an answer.
    pub http_status: u16,
    /// Meta's code, 0 when Meta sent none.
    pub meta_code: i64,
    /// Meta's subcode, 0 when Meta sent none.
    pub meta_subcode: i64,
    /// Meta's trace ID of the call.
    pub fbtrace_id: String,
    /// Path in the request that Meta blamed; empty when none.
    pub blamed_path: String,
    /// Number of events in the call. 0: delivery decided without a call.
    pub batch_size: u32,
    /// Number of events that Meta acknowledged without counting them.
    pub shortfall: u32,
}

/// Result of one attempt to send one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptResult {
    /// Position in the store.
    pub seq: u64,
    /// Number of the lease under which it was sent.
    pub lease_no: u32,
    pub outcome: AttemptOutcome,
    pub code: &'static str,
}

/// Outcome of one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttemptOutcome {
    /// Meta acknowledged it.
    Delivered,
    /// The event is sent again after this wait.
    Retry(Duration),
    /// The event was sent and no answer came. It is sent again after this wait.
    Unknown(Duration),
    /// The pixel cannot be used. The event goes back to pending and is due after this wait.
    Held(Duration),
    /// Not to be sent as things are. It is held on its own account until somebody releases it.
    HeldAlone,
    /// Meta refused the event, or would refuse it. It is given up.
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
