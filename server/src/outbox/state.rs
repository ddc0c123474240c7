//! The states of an event and of its browser's copy, by name and stored number.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// It may still be sent.
    Waits,
    /// It may have reached Meta.
    OnItsWay,
    Finished,
}

/// The only table of states. A row holds the state, its stored number, its name in SQL, its name
/// for people and labels, and its phase.
macro_rules! states {
    ($($(#[$doc:meta])+ $state:ident = $number:literal, $sql:ident, $name:literal, $phase:ident;)+) => {
        /// State of an entry.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum State {
            $($(#[$doc])+ $state = $number,)+
        }

        impl State {
            /// All states, with their names in SQL.
            pub(crate) const NAMES: [(Self, &str); [$($number),+].len()] =
                [$((Self::$state, stringify!($sql))),+];
            pub const ALL: [Self; Self::NAMES.len()] = [$(Self::$state),+];

            /// Name for people and labels.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$state => $name,)+
                }
            }

            fn phase(self) -> Phase {
                match self {
                    $(Self::$state => Phase::$phase,)+
                }
            }
        }

        /// The stored numbers, by the states' names in SQL.
        pub(crate) mod numbers {
            use super::State;

            $(#[allow(dead_code, reason = "no query names every state")]
            pub(crate) const $sql: u8 = State::$state as u8;)+
        }
    };
}

states! {
    /// The event waits to be sent.
    Pending = 1, PENDING, "pending", Waits;
    /// Delivery has leased the event.
    InFlight = 2, IN_FLIGHT, "in_flight", OnItsWay;
    /// Meta acknowledged the event. Final.
    Delivered = 3, DELIVERED, "delivered", Finished;
    /// Held by itself. A pixel's hold is the pixel's state and not the event's.
    Held = 4, HELD, "held", Waits;
    /// Given up. Final until an operator replays it.
    DeadLetter = 5, DEAD_LETTER, "dead_letter", Finished;
    /// Counted and never sent. Final.
    Suppressed = 6, SUPPRESSED, "suppressed", Finished;
    /// A Purchase that waits for its browser's signals.
    WaitingJoin = 7, WAITING_JOIN, "waiting_join", Waits;
}

impl State {
    /// Reads the stored number.
    pub fn from_number(number: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|state| i64::from(*state as u8) == number)
    }

    /// Whether the entry may still be sent and is not on its way.
    pub fn waits(self) -> bool {
        self.phase() == Phase::Waits
    }

    /// Whether the entry is finished for good.
    pub fn is_finished(self) -> bool {
        self.phase() == Phase::Finished
    }

    /// Whether the entry has not finished and is not held.
    pub fn is_open(self) -> bool {
        !self.is_finished() && self != Self::Held
    }

    /// Whether the entry was sent or may be on its way: its payload is fixed.
    pub fn has_left(self) -> bool {
        !self.waits() && self != Self::Suppressed
    }
}

/// What a page did with its copy of the event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum BrowserOutcome {
    /// The Meta pixel took the copy.
    Fired = 1,
    /// The Meta pixel is missing or was blocked.
    Blocked = 2,
    /// The Meta pixel threw an error.
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
