//! How many connections a port may have, and how it makes room for one more.

use std::time::Duration;

use tandem_settings::Networks;

/// Connections that are evicted together, because finding them needs a walk through all connections.
const EVICTED_AT_ONCE: usize = 64;

/// The limits of one port.
#[derive(Debug, Clone)]
pub struct ConnectionLimits {
    /// Most connections at once.
    pub connections_max: usize,
    /// Most connections of one subscriber. `None`: no limit.
    pub per_subscriber: Option<SubscriberLimit>,
    /// Connections that are evicted together when all places are taken.
    pub evicted_at_once: usize,
    /// A connection that has been quiet for less than this is never evicted.
    pub quiet_min: Duration,
    /// What happens to a new connection when no other can be evicted.
    pub when_full: WhenFull,
}

/// Most connections of one subscriber ([`crate::subscriber`]). Loopback is always exempt.
#[derive(Debug, Clone)]
pub struct SubscriberLimit {
    /// Most connections at once.
    pub connections_max: usize,
    /// Addresses that many callers share: proxies.
    pub exempt: Networks,
}

/// What happens to a new connection when all places are taken and no connection can be evicted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenFull {
    /// The new connection is closed at once.
    Refuse,
    /// The new connection waits for a place. All later ones wait behind it.
    Wait,
}

impl ConnectionLimits {
    /// `connections_max` connections. A new connection is refused when no other can be evicted.
    pub fn new(connections_max: usize) -> Self {
        Self {
            connections_max,
            per_subscriber: None,
            evicted_at_once: EVICTED_AT_ONCE,
            quiet_min: Duration::ZERO,
            when_full: WhenFull::Refuse,
        }
    }
}
