//! What the clients sent, and what was acknowledged to them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// One event that was sent to the server, perhaps several times, always the same.
#[derive(Debug, Clone)]
pub(super) struct SentEvent {
    /// Event name.
    pub(super) name: &'static str,
    /// SHA-256 of its person's e-mail address.
    pub(super) email_hash: String,
    /// Value in hundredths.
    pub(super) value_minor: i64,
    /// Whether Meta refuses it for good.
    pub(super) is_poison: bool,
    /// Whether the server said OK.
    pub(super) acknowledged: bool,
    /// Whether the server said that it knows that the page's pixel fired it.
    pub(super) fired: bool,
}

/// All events of all clients.
#[derive(Debug, Default)]
pub(super) struct SentEvents {
    events: Mutex<HashMap<String, SentEvent>>,
    complaints: Mutex<Vec<String>>,
    /// Calls answered with OK.
    pub(super) answered: AtomicU64,
    /// Calls that failed and were repeated or given up.
    pub(super) failed: AtomicU64,
    /// Calls given up without an answer.
    pub(super) given_up: AtomicU64,
    /// Repeats of acknowledged calls that were known as such.
    pub(super) duplicates: AtomicU64,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl SentEvents {
    /// Notes an event before it is sent.
    pub(super) fn note_sent(&self, id: &str, event: SentEvent) {
        lock(&self.events).insert(id.to_owned(), event);
    }

    /// Notes the server's OK.
    pub(super) fn note_acknowledged(&self, id: &str) {
        self.change(id, |event| event.acknowledged = true);
    }

    /// Notes that the server took the report of the pixel.
    pub(super) fn note_fired(&self, id: &str) {
        self.change(id, |event| event.fired = true);
    }

    fn change(&self, id: &str, change: impl FnOnce(&mut SentEvent)) {
        match lock(&self.events).get_mut(id) {
            Some(event) => change(event),
            None => self.complain(format!("{id} was acknowledged and never sent")),
        }
    }

    /// Notes what must not happen.
    pub(super) fn complain(&self, complaint: String) {
        lock(&self.complaints).push(complaint);
    }

    /// Everything that must not happen and did.
    pub(super) fn complaints(&self) -> Vec<String> {
        lock(&self.complaints).clone()
    }

    /// All events by their IDs.
    pub(super) fn events(&self) -> HashMap<String, SentEvent> {
        lock(&self.events).clone()
    }

    /// One more of something.
    pub(super) fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}
