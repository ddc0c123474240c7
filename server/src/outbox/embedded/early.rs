//! Confirmations that came before their event: a page that is left sends both side by side.
//! They wait in memory for a while; what is lost with the process is a figure, no event.

use std::collections::HashMap;

use crate::outbox::Confirmation;

/// Most confirmations that wait.
const WAITING_MAX: usize = 10_000;
/// How long one waits, milliseconds.
const WAIT_MS: i64 = 10 * 60 * 1000;

/// Confirmations without an event, by pixel, name and ID.
#[derive(Debug, Default)]
pub(super) struct Early(HashMap<(i64, String, String), (Confirmation, i64)>);

impl Early {
    /// Keeps one. The first under a key stands.
    pub(super) fn keep(&mut self, pixel: i64, confirmation: &Confirmation, now_ms: i64) {
        if self.0.len() >= WAITING_MAX {
            self.0.retain(|_, (_, since_ms)| now_ms - *since_ms < WAIT_MS);
        }
        if self.0.len() < WAITING_MAX {
            let key = (pixel, confirmation.name.as_str().to_owned(), confirmation.id.as_str().to_owned());
            self.0.entry(key).or_insert_with(|| (confirmation.clone(), now_ms));
        }
    }

    /// Takes the one that waits for an event, if it has not waited too long.
    pub(super) fn take(&mut self, pixel: i64, name: &str, id: &str, now_ms: i64) -> Option<Confirmation> {
        if self.0.is_empty() {
            return None;
        }
        let (confirmation, since_ms) = self.0.remove(&(pixel, name.to_owned(), id.to_owned()))?;
        (now_ms - since_ms < WAIT_MS).then_some(confirmation)
    }
}
