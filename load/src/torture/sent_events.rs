//! The events that the clients sent, and which of them were acknowledged.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// An event that was sent to the server. If it was sent several times, its content was the same.
#[derive(Debug, Clone)]
pub(super) struct SentEvent {
    pub(super) name: &'static str,
    /// SHA-256 of the person's normalised e-mail address.
    pub(super) email_hash: String,
    /// Value in hundredths.
    pub(super) value_minor: i64,
    /// Whether Meta refuses it for good.
    pub(super) is_poison: bool,
    /// Whether the server answered OK.
    pub(super) acknowledged: bool,
    /// Whether the server accepted the report that the pixel fired it.
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
    /// Calls that the callers gave up.
    pub(super) given_up: AtomicU64,
    /// Repeats of acknowledged calls that the server reported as duplicates.
    pub(super) duplicates: AtomicU64,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl SentEvents {
    /// Records an event before it is sent.
    pub(super) fn note_sent(&self, id: &str, event: SentEvent) {
        lock(&self.events).insert(id.to_owned(), event);
    }

    /// Records that the server acknowledged the event.
    pub(super) fn note_acknowledged(&self, id: &str) {
        self.change(id, |event| event.acknowledged = true);
    }

    /// Records that the server accepted the report of the pixel.
    pub(super) fn note_fired(&self, id: &str) {
        self.change(id, |event| event.fired = true);
    }

    fn change(&self, id: &str, change: impl FnOnce(&mut SentEvent)) {
        match lock(&self.events).get_mut(id) {
            Some(event) => change(event),
            None => self.complain(format!("{id} was acknowledged and never sent")),
        }
    }

    /// Records something that must not happen.
    pub(super) fn complain(&self, complaint: String) {
        lock(&self.complaints).push(complaint);
    }

    pub(super) fn complaints(&self) -> Vec<String> {
        lock(&self.complaints).clone()
    }

    /// All events by ID.
    pub(super) fn events(&self) -> HashMap<String, SentEvent> {
        lock(&self.events).clone()
    }

    pub(super) fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}
