//! Entries of the outbox, their states, and what may happen to them.

use std::time::{Duration, Instant};

use tandem_core::capi;
use tandem_core::event::Event;
use tandem_core::id::{EventId, EventName, OrderId, PixelId};
use tandem_core::user_data::KeySet;

/// State of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum State {
    /// Waits to be sent.
    Pending = 1,
    /// Leased by delivery.
    InFlight = 2,
    /// Acknowledged by Meta. Final.
    Delivered = 3,
    /// Held on its own account (its pixel's hold is the pixel's state, not the event's).
    Held = 4,
    /// Given up. Final, until replayed.
    DeadLetter = 5,
    /// Counted and never sent. Final.
    Suppressed = 6,
    /// A Purchase that waits for its browser's signals.
    WaitingJoin = 7,
}

impl State {
    /// All states.
    pub const ALL: [Self; 7] = [
        Self::Pending,
        Self::InFlight,
        Self::Delivered,
        Self::Held,
        Self::DeadLetter,
        Self::Suppressed,
        Self::WaitingJoin,
    ];

    /// Reads the stored number.
    pub fn from_number(number: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|state| i64::from(*state as u8) == number)
    }

    /// Whether the entry has not finished and nothing holds it.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Pending | Self::InFlight | Self::WaitingJoin)
    }

    /// Whether the entry has left, or may be on its way: its payload is fixed.
    pub fn has_left(self) -> bool {
        matches!(self, Self::InFlight | Self::Delivered | Self::DeadLetter)
    }

    /// Name for people and labels.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::InFlight => "in_flight",
            Self::Delivered => "delivered",
            Self::Held => "held",
            Self::DeadLetter => "dead_letter",
            Self::Suppressed => "suppressed",
            Self::WaitingJoin => "waiting_join",
        }
    }
}

/// State in which an event enters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Initial {
    /// To be sent; due now.
    Pending,
    /// To be sent, and leased to this process for so long: the event is handed to delivery
    /// in memory.
    Leased(Duration),
    /// A Purchase that waits for signals so long at most.
    WaitingJoin(Duration),
    /// Held on its own account, for this reason.
    Held(String),
    /// Counted and never sent, for this reason.
    Suppressed(String),
    /// Given up at once, for this reason.
    DeadLetter(String),
}

/// An event to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    /// Pixel.
    pub pixel: PixelId,
    /// Name.
    pub name: EventName,
    /// ID.
    pub id: EventId,
    /// Order it belongs to.
    pub order: Option<OrderId>,
    /// When it happened, Unix seconds.
    pub time_s: i64,
    /// When it was accepted, Unix milliseconds.
    pub received_ms: i64,
    /// Its JSON without personal data.
    pub facts: String,
    /// Its JSON with the personal data.
    pub person: String,
    /// Names of its match keys.
    pub keys: KeySet,
    /// Whether a browser told us of it, so that a second copy is to be expected.
    pub browser_contact: bool,
    /// State it enters in.
    pub initial: Initial,
}

impl NewEvent {
    /// Makes an entry of an event. `received_ms`: Unix milliseconds.
    pub fn new(event: &Event, received_ms: i64, initial: Initial, browser_contact: bool) -> Self {
        let capi::Fragments { facts, person } = capi::fragments(event);
        Self {
            pixel: event.pixel.clone(),
            name: event.name.clone(),
            id: event.id.clone(),
            order: event.custom_data.order_id.clone(),
            time_s: event.time_s,
            received_ms,
            facts,
            person,
            keys: event.user_data.key_set(),
            browser_contact,
            initial,
        }
    }
}

/// What became of an append.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Appended {
    /// Stored, at this position.
    New {
        /// Position in the store.
        seq: u64,
    },
    /// The key was taken; here is the first.
    Duplicate(Existing),
}

/// The first event under a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Existing {
    /// Its state.
    pub state: State,
    /// Its JSON without personal data.
    pub facts: String,
    /// Stable code of the reason for its state.
    pub code: Option<String>,
}

/// An event leased to delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedEvent {
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
    /// Names of its match keys.
    pub keys: KeySet,
    /// Its JSON without personal data.
    pub facts: String,
    /// Its JSON with the personal data.
    pub person: String,
}

/// One Graph call, or one decision of delivery that needed none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallRecord {
    /// Pixel.
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
            Self::Held(_) => "held",
            Self::Refused => "refused",
        }
    }
}

/// What a page did with its copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confirmation {
    /// Name as fired.
    pub name: EventName,
    /// ID as fired.
    pub id: EventId,
    /// `fired`, `blocked` or `failed`.
    pub outcome: BrowserOutcome,
    /// When, Unix seconds.
    pub at_s: i64,
}

/// Outcome of the page's copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum BrowserOutcome {
    /// The pixel took it.
    Fired = 1,
    /// The pixel is missing or was blocked.
    Blocked = 2,
    /// The pixel threw.
    Failed = 3,
}

impl BrowserOutcome {
    /// Reads the stored number.
    pub fn from_number(number: i64) -> Option<Self> {
        [Self::Fired, Self::Blocked, Self::Failed].into_iter().find(|o| i64::from(*o as u8) == number)
    }

    /// Name for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fired => "fired",
            Self::Blocked => "blocked",
            Self::Failed => "failed",
        }
    }
}

/// How many confirmations named a known event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Confirmed {
    /// Known.
    pub accepted: u32,
    /// Unknown.
    pub unknown: u32,
}
