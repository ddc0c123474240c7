//! What health, metrics and the dashboard show of the outbox. No personal data.

use std::collections::BTreeMap;

use tandem_core::order::SignalSource;

use super::{DeadWebhook, State};

/// What is counted per minute, pixel and event name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Metric {
    /// Accepted; duplicates and suppressed ones not counted.
    Accepted = 1,
    /// Calls that repeated a key.
    Duplicate = 2,
    /// Accepted, counted and never sent.
    Suppressed = 3,
    /// Acknowledged by Meta.
    Delivered = 4,
    /// Given up.
    DeadLetter = 5,
    /// Acknowledged by Meta, and a browser contact is known.
    DeliveredWithBrowser = 6,
    /// The same, and its page's copy was confirmed FIRED within 48 hours.
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
    /// All of them.
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

    /// Purchases with signals from there.
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
    /// One count.
    pub fn get(&self, metric: Metric) -> u64 {
        self.0.get(&metric).copied().unwrap_or_default()
    }
}

/// Backlog of one pixel.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PixelBacklog {
    /// Entries per state, all time.
    pub states: BTreeMap<State, u64>,
    /// When the oldest unfinished one was accepted, Unix milliseconds.
    pub oldest_open_ms: Option<i64>,
    /// Why events are held one by one: stable codes.
    pub hold_codes: Vec<&'static str>,
}

impl PixelBacklog {
    /// Entries in one state.
    pub fn get(&self, state: State) -> u64 {
        self.states.get(&state).copied().unwrap_or_default()
    }

    /// Unfinished entries that nothing holds.
    pub fn open(&self) -> u64 {
        self.states.iter().filter(|(state, _)| state.is_open()).map(|(_, n)| n).sum()
    }
}

/// How many of the latest events carry each match key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyCoverage {
    /// Events looked at.
    pub events: u64,
    /// How many carry the key, by Meta's name of it.
    pub keys: BTreeMap<&'static str, u64>,
}

/// Everything health, metrics and the dashboard show of the store.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Figures {
    /// Last 24 hours, by event name.
    pub last_24h: BTreeMap<String, NameFigures>,
    /// By pixel.
    pub backlog: BTreeMap<String, PixelBacklog>,
    /// Dead-lettered webhooks.
    pub dead_webhooks: u64,
    /// The latest of them.
    pub latest_dead_webhooks: Vec<DeadWebhook>,
    /// Match keys of the latest events.
    pub coverage: KeyCoverage,
    /// Orders known, and paid ones.
    pub orders: (u64, u64),
    /// The latest paid orders have IDs that count up.
    pub order_ids_guessable: bool,
}

impl Figures {
    /// A count over all event names.
    pub fn total(&self, metric: Metric) -> u64 {
        self.last_24h.values().map(|figures| figures.get(metric)).sum()
    }

    /// Entries in one state over all pixels.
    pub fn in_state(&self, state: State) -> u64 {
        self.backlog.values().map(|backlog| backlog.get(state)).sum()
    }

    /// Purchases of the last 24 hours by who brought their browser signals.
    pub fn signals(&self) -> [(SignalSource, u64); 4] {
        SignalSource::ALL.map(|from| (from, self.total(Metric::of_signals(from))))
    }
}
