//! The figures that health, metrics and the dashboard show of the outbox. They hold no personal
//! data.

use std::collections::BTreeMap;

use tandem_core::order::SignalSource;

use super::{DeadWebhook, State};

/// What is counted per minute, pixel and event name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Metric {
    /// Accepted events. Duplicates and suppressed events are not counted.
    Accepted = 1,
    /// Calls that repeated a key.
    Duplicate = 2,
    /// Accepted events that are counted and never sent.
    Suppressed = 3,
    /// Events that Meta acknowledged.
    Delivered = 4,
    /// Events that were given up.
    DeadLetter = 5,
    /// Events that Meta acknowledged and that a browser reported too.
    DeliveredWithBrowser = 6,
    /// The same, if the page's copy was also confirmed FIRED within 48 hours.
    Deduplicated = 7,
    GraphCall = 8,
    /// Graph calls slower than 1.5 s, or unanswered.
    GraphCallSlow = 9,
    /// Events that Meta acknowledged without counting them (`events_received` too small).
    Shortfall = 10,
    /// Purchases that Meta acknowledged, with the signals of the page that claimed the order.
    SignalsOfClaim = 11,
    /// The same, of an earlier event that named the order.
    SignalsOfEarlierEvent = 12,
    /// The same, of one of the shop's services.
    SignalsOfInternal = 13,
    /// The same, without signals.
    SignalsOfNobody = 14,
}

impl Metric {
    pub const ALL: [Self; 14] = [
        Self::Accepted,
        Self::Duplicate,
        Self::Suppressed,
        Self::Delivered,
        Self::DeadLetter,
        Self::DeliveredWithBrowser,
        Self::Deduplicated,
        Self::GraphCall,
        Self::GraphCallSlow,
        Self::Shortfall,
        Self::SignalsOfClaim,
        Self::SignalsOfEarlierEvent,
        Self::SignalsOfInternal,
        Self::SignalsOfNobody,
    ];

    /// The metric that counts Purchases with signals from this source.
    pub fn of_signals(from: SignalSource) -> Self {
        match from {
            SignalSource::Claim => Self::SignalsOfClaim,
            SignalSource::EarlierEvent => Self::SignalsOfEarlierEvent,
            SignalSource::Internal => Self::SignalsOfInternal,
            SignalSource::Nobody => Self::SignalsOfNobody,
        }
    }
}

/// Counts of the last 24 hours under one event name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NameFigures(pub BTreeMap<Metric, u64>);

impl NameFigures {
    pub fn get(&self, metric: Metric) -> u64 {
        self.0.get(&metric).copied().unwrap_or_default()
    }
}

/// Backlog of one pixel.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PixelBacklog {
    /// Entries per state, all time.
    pub states: BTreeMap<State, u64>,
    /// When the oldest unfinished entry was accepted, Unix milliseconds.
    pub oldest_open_ms: Option<i64>,
    /// Why events are held one by one: stable codes.
    pub hold_codes: Vec<&'static str>,
}

impl PixelBacklog {
    /// Number of entries in one state.
    pub fn get(&self, state: State) -> u64 {
        self.states.get(&state).copied().unwrap_or_default()
    }

    /// Number of unfinished entries that are not held.
    pub fn open(&self) -> u64 {
        self.states.iter().filter(|(state, _)| state.is_open()).map(|(_, n)| n).sum()
    }
}

/// How many of the latest events carry each match key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyCoverage {
    /// Number of events that were read.
    pub events: u64,
    /// How many events carry each key, by Meta's name for the key.
    pub keys: BTreeMap<&'static str, u64>,
}

/// All figures of the store that health, metrics and the dashboard show.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Figures {
    /// Counts of the last 24 hours, by event name.
    pub last_24h: BTreeMap<String, NameFigures>,
    /// Backlog, by pixel ID.
    pub backlog: BTreeMap<String, PixelBacklog>,
    /// Number of dead-lettered webhooks.
    pub dead_webhooks: u64,
    /// The latest dead-lettered webhooks.
    pub latest_dead_webhooks: Vec<DeadWebhook>,
    pub coverage: KeyCoverage,
    /// Number of known orders, and of paid orders.
    pub orders: (u64, u64),
    /// The latest paid orders have IDs that count up.
    pub order_ids_guessable: bool,
}

impl Figures {
    /// One count over all event names.
    pub fn total(&self, metric: Metric) -> u64 {
        self.last_24h.values().map(|figures| figures.get(metric)).sum()
    }

    /// Number of entries in one state over all pixels.
    pub fn in_state(&self, state: State) -> u64 {
        self.backlog.values().map(|backlog| backlog.get(state)).sum()
    }

    /// Purchases of the last 24 hours, by the source of their browser signals.
    pub fn signals(&self) -> [(SignalSource, u64); 4] {
        SignalSource::ALL.map(|from| (from, self.total(Metric::of_signals(from))))
    }
}
