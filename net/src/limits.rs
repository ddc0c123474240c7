//! How many connections a port may have, and how it makes room for one more.

use std::time::Duration;

use tandem_settings::Networks;

/// Connections that are evicted together: finding them costs a walk through all.
const EVICTED_AT_ONCE: usize = 64;

/// The numbers of one port.
#[derive(Debug, Clone)]
pub struct ConnectionLimits {
    /// Most connections at once.
    pub connections_max: usize,
    /// Most connections of one subscriber; `None`: as many as there are.
    pub per_subscriber: Option<SubscriberLimit>,
    /// Connections that are evicted together where all places are taken.
    pub evicted_at_once: usize,
    /// A connection that has been quiet for less than this is never evicted.
    pub quiet_min: Duration,
    /// What a newcomer meets where nobody can be evicted.
    pub when_full: WhenFull,
}

/// Most connections of one subscriber ([`crate::subscriber`]). Loopback is always exempt.
#[derive(Debug, Clone)]
pub struct SubscriberLimit {
    /// Most connections at once.
    pub connections_max: usize,
    /// Addresses that stand for many callers: proxies.
    pub exempt: Networks,
}

/// What a newcomer meets where all places are taken and nobody can be evicted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenFull {
    /// It is closed at once.
    Refuse,
    /// It waits for a place, and all that come later wait behind it.
    Wait,
}

impl ConnectionLimits {
    /// So many connections; a newcomer that nobody makes room for is refused.
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
