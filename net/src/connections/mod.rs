//! The open connections of a port. Connections are evicted to make room, or ended when they make no progress.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::activity::{Activity, Directive, ms_since};
use crate::address::subscriber;
use crate::limits::{ConnectionLimits, WhenFull};

/// Most TLS handshakes at once.
const HANDSHAKES_MAX: usize = 1024;
/// Longest wait for the head of an HTTP/1.1 request, or for a connection's first bytes, ms.
const HEAD_MAX_MS: u64 = 10_000;
/// Longest wait for the caller to read, ms.
const STALL_MAX_MS: u64 = 30_000;
/// Longest time in which no request begins or ends on a busy connection, ms. It does not apply to
/// the shop's own services. A claim waits at most five seconds, and a body has ten to arrive.
const STUCK_MAX_MS: u64 = 60_000;
/// How often a new connection that waits for a place checks again whether another one can be
/// evicted. Connections that were too young or busy may be quiet by then.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// How long nobody looks through all connections again after a look found none to evict, ms.
/// Otherwise a crowd at a full port would pay for one look at all connections each.
const BARREN_MS: u64 = 5;

/// All connections of a port.
#[derive(Debug)]
pub struct Connections {
    limits: ConnectionLimits,
    epoch: Instant,
    state: Mutex<State>,
    /// A place has become free.
    freed: Notify,
}

#[derive(Debug, Default)]
struct State {
    next: u64,
    activities: HashMap<u64, Arc<Activity>>,
    /// Number of connections that have not been told to end.
    kept: usize,
    /// The connections of each subscriber that have not been told to end.
    by_subscriber: HashMap<IpAddr, HashMap<u64, Arc<Activity>>>,
    handshaking: usize,
    /// Until then, ms since the epoch, a look through all connections would find none to evict.
    barren_until_ms: u64,
}

/// A connection's place. Dropping it frees the place.
#[derive(Debug)]
pub(crate) struct ConnectionEntry {
    connections: Arc<Connections>,
    number: u64,
    pub(crate) activity: Arc<Activity>,
}

impl Connections {
    pub(crate) fn new(limits: ConnectionLimits) -> Arc<Self> {
        let (epoch, state, freed) = (Instant::now(), Mutex::default(), Notify::new());
        Arc::new(Self { limits, epoch, state, freed })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Number of free places.
    pub fn free(&self) -> usize {
        self.limits.connections_max.saturating_sub(self.state().kept)
    }

    /// Admits a connection. At a limit it evicts the connections that have been quiet for longest: of the
    /// same subscriber, of those in a handshake, or of all. `None`: no connection can be evicted, and the
    /// port refuses new connections in that case.
    pub(crate) async fn admit(self: &Arc<Self>, address: IpAddr, is_tls: bool) -> Option<ConnectionEntry> {
        loop {
            let entry = self.try_admit(address, is_tls);
            if entry.is_some() || self.limits.when_full == WhenFull::Refuse {
                return entry;
            }
            // Look again after a freed place and after the time-out.
            drop(tokio::time::timeout(LOOK_AGAIN, self.freed.notified()).await);
        }
    }

    fn try_admit(self: &Arc<Self>, address: IpAddr, is_tls: bool) -> Option<ConnectionEntry> {
        let limits = &self.limits;
        let limit = limits
            .per_subscriber
            .as_ref()
            .filter(|limit| !address.to_canonical().is_loopback() && !limit.exempt.contains(address));
        let counted = limit.map(|_| subscriber(address));
        let mut state = self.state();
        if let (Some(limit), Some(counted)) = (limit, counted)
            && let Some(own) = state.by_subscriber.get(&counted)
            && own.len() >= limit.connections_max
        {
            let quiet = self.quietest(own, 1, |_| true);
            if quiet.is_empty() {
                return None;
            }
            state.close(quiet);
        }
        if is_tls && state.handshaking >= HANDSHAKES_MAX {
            self.evict(&mut state, Activity::is_handshaking);
        }
        if state.kept >= limits.connections_max && self.evict(&mut state, |_| true) == 0 {
            return None;
        }
        let activity = Arc::new(Activity::new(self.epoch, counted, is_tls));
        let number = state.next;
        state.next += 1;
        state.kept += 1;
        state.handshaking += usize::from(is_tls);
        if let Some(counted) = counted {
            state.by_subscriber.entry(counted).or_default().insert(number, Arc::clone(&activity));
        }
        state.activities.insert(number, Arc::clone(&activity));
        Some(ConnectionEntry { connections: Arc::clone(self), number, activity })
    }

    /// Evicts some of the longest quiet connections, when the system runs out of resources.
    pub(crate) fn make_room(&self) {
        self.evict(&mut self.state(), |_| true);
    }

    /// Evicts connections among all, as many as are evicted at once. Returns how many.
    fn evict(&self, state: &mut State, among: impl Fn(&Activity) -> bool) -> usize {
        let now_ms = ms_since(self.epoch);
        if now_ms < state.barren_until_ms {
            return 0;
        }
        let quiet = self.quietest(&state.activities, self.limits.evicted_at_once, among);
        if quiet.is_empty() {
            state.barren_until_ms = now_ms + BARREN_MS;
        }
        let count = quiet.len();
        state.close(quiet);
        count
    }

    /// Up to `count` of these connections, those that have been quiet for longest.
    fn quietest(
        &self,
        activities: &HashMap<u64, Arc<Activity>>,
        count: usize,
        among: impl Fn(&Activity) -> bool,
    ) -> Vec<(u64, Arc<Activity>)> {
        let quiet_min_ms = u64::try_from(self.limits.quiet_min.as_millis()).unwrap_or(u64::MAX);
        let Some(since_max_ms) = ms_since(self.epoch).checked_sub(quiet_min_ms) else { return Vec::new() };
        let mut quiet: Vec<(u64, u64)> = activities
            .iter()
            .filter(|(_, activity)| activity.directive() == Directive::Keep && among(activity))
            .filter_map(|(number, activity)| Some((activity.quiet_since_ms()?, *number)))
            .filter(|(since_ms, _)| *since_ms <= since_max_ms)
            .collect();
        if count < quiet.len() {
            quiet.select_nth_unstable(count);
            quiet.truncate(count);
        }
        let found = quiet.into_iter().map(|(_, number)| number);
        found.filter_map(|number| Some((number, Arc::clone(activities.get(&number)?)))).collect()
    }

    /// Ends connections that make no progress.
    pub(crate) fn sweep(&self) {
        let mut state = self.state();
        let over = |age: Option<u64>, max: u64| age.is_some_and(|age| age > max);
        let lost: Vec<(u64, Arc<Activity>, &str)> = state
            .activities
            .iter()
            .filter(|(_, activity)| activity.directive() == Directive::Keep)
            .filter_map(|(number, activity)| {
                let why = if over(activity.head_age_ms(), HEAD_MAX_MS) {
                    "the head of a request took too long"
                } else if over(activity.stall_age_ms(), STALL_MAX_MS) {
                    "the caller stopped reading"
                } else if over(activity.stuck_age_ms(), STUCK_MAX_MS) {
                    "a request made no progress"
                } else if activity.has_overdue_answer() {
                    "the caller did not take an answer"
                } else {
                    return None;
                };
                Some((*number, Arc::clone(activity), why))
            })
            .collect();
        for (number, activity, why) in lost {
            tracing::debug!(why, "connection ended");
            state.end(number, &activity, Directive::Abort);
        }
    }
}

impl State {
    fn close(&mut self, quiet: Vec<(u64, Arc<Activity>)>) {
        for (number, activity) in quiet {
            self.end(number, &activity, Directive::Close);
        }
    }

    /// Ends a connection. Its place is free at once, even if its task needs a moment to end.
    fn end(&mut self, number: u64, activity: &Activity, directive: Directive) {
        self.forget(number, activity);
        activity.direct(directive);
    }

    fn forget(&mut self, number: u64, activity: &Activity) {
        self.kept -= 1;
        if let Some(subscriber) = activity.subscriber
            && let Some(own) = self.by_subscriber.get_mut(&subscriber)
        {
            own.remove(&number);
            if own.is_empty() {
                self.by_subscriber.remove(&subscriber);
            }
        }
    }
}

impl ConnectionEntry {
    pub(crate) fn mark_handshake_done(&self) {
        if self.activity.is_handshaking() {
            self.connections.state().handshaking -= 1;
            self.activity.mark_handshake_done();
        }
    }
}

impl Drop for ConnectionEntry {
    fn drop(&mut self) {
        self.mark_handshake_done();
        let mut state = self.connections.state();
        state.activities.remove(&self.number);
        if self.activity.directive() == Directive::Keep {
            state.forget(self.number, &self.activity);
        }
        drop(state);
        self.connections.freed.notify_one();
    }
}

#[cfg(test)]
mod tests;
