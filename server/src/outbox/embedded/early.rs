//! Confirmations that came before their event, because a closing page sends both at once. They wait
//! in memory. A crash loses them, which changes a figure but loses no event.

use crate::aging::AgingMap;
use crate::outbox::Confirmation;

/// Most confirmations that come in one wait and are kept.
const WAITING_MAX: usize = 10_000;
/// How long a confirmation waits, milliseconds.
const WAIT_MS: i64 = 10 * 60 * 1000;

/// Pixel, name and ID.
type Key = (i64, String, String);
/// A confirmation, and when it came, Unix milliseconds.
type Waiting = (Confirmation, i64);

/// Confirmations without an event.
#[derive(Debug)]
pub(super) struct Early {
    waiting: AgingMap<Key, Waiting>,
    /// What each key held before its change, since the last [`Self::settle`].
    log: Vec<(Key, Option<Waiting>)>,
}

impl Default for Early {
    fn default() -> Self {
        Self { waiting: AgingMap::new(WAIT_MS, WAITING_MAX), log: Vec::new() }
    }
}

impl Early {
    /// Keeps a confirmation. The first one under a key stays.
    pub(super) fn keep(&mut self, pixel: i64, confirmation: &Confirmation, now_ms: i64) {
        let key = (pixel, confirmation.name.as_str().to_owned(), confirmation.id.key().to_owned());
        let is_waiting =
            self.waiting.get(&key).is_some_and(|(_, since_ms)| now_ms.saturating_sub(*since_ms) < WAIT_MS);
        if !is_waiting && self.waiting.insert(key.clone(), (confirmation.clone(), now_ms), now_ms) {
            self.log.push((key, None));
        }
    }

    /// Takes the confirmation that waits for an event, if it has not waited too long.
    pub(super) fn take(&mut self, pixel: i64, name: &str, id: &str, now_ms: i64) -> Option<Confirmation> {
        if self.waiting.is_empty() {
            return None;
        }
        let key = (pixel, name.to_owned(), id.to_owned());
        let (confirmation, since_ms) = self.waiting.remove(&key)?;
        self.log.push((key, Some((confirmation.clone(), since_ms))));
        (now_ms.saturating_sub(since_ms) < WAIT_MS).then_some(confirmation)
    }

    /// A mark to which [`Self::undo`] can return.
    pub(super) fn mark(&self) -> usize {
        self.log.len()
    }

    /// Undoes all changes since a mark.
    pub(super) fn undo(&mut self, mark: usize) {
        while self.log.len() > mark
            && let Some((key, before)) = self.log.pop()
        {
            match before {
                Some(waiting) => {
                    let since_ms = waiting.1;
                    self.waiting.insert(key, waiting, since_ms);
                }
                None => drop(self.waiting.remove(&key)),
            }
        }
    }

    /// Ends a transaction. Its changes are written or undone.
    pub(super) fn settle(&mut self) {
        self.log.clear();
    }
}
