//! The states of an event and of its browser's copy, by name and stored number.

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
