//! The model: what the outbox promises, without saying how.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::outbox::{AttemptOutcome, State};

/// Longest wait that a schedule keeps across a start.
const WAIT_MS_MAX: i64 = 26 * 3600 * 1000;

/// One event of the model: its state, and when it is due in time that never jumps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Modelled {
    pub(super) state: State,
    /// When it is due, or when it finished.
    pub(super) due_ms: i64,
}

/// The model: what the outbox promises, without saying how.
#[derive(Debug, Default)]
pub(super) struct Model(pub(super) BTreeMap<u32, Modelled>);

impl Model {
    pub(super) fn append(&mut self, key: u32, state: State, due_ms: i64) {
        self.0.entry(key).or_insert(Modelled { state, due_ms });
    }

    /// Due are pending events, and leased ones whose lease has ended.
    pub(super) fn due(&self, now_ms: i64) -> usize {
        let waits = |event: &&Modelled| matches!(event.state, State::Pending | State::InFlight);
        self.0.values().filter(waits).filter(|event| event.due_ms <= now_ms).count()
    }

    pub(super) fn finish(&mut self, key: u32, outcome: AttemptOutcome, now_ms: i64) {
        let wait =
            |wait: Duration| Modelled { state: State::Pending, due_ms: now_ms + crate::clock::millis(wait) };
        let after = match outcome {
            AttemptOutcome::Delivered => Modelled { state: State::Delivered, due_ms: now_ms },
            AttemptOutcome::HeldAlone => Modelled { state: State::Held, due_ms: now_ms },
            AttemptOutcome::Refused => Modelled { state: State::DeadLetter, due_ms: now_ms },
            AttemptOutcome::Retry(w) | AttemptOutcome::Unknown(w) | AttemptOutcome::Held(w) => wait(w),
        };
        self.0.insert(key, after);
    }

    /// A start at which the wall shows a time that is `shift_ms` further than it should be.
    pub(super) fn start(&mut self, now_ms: i64, shift_ms: i64) {
        for event in self.0.values_mut() {
            match event.state {
                State::InFlight => *event = Modelled { state: State::Pending, due_ms: now_ms },
                State::Pending => {
                    let due_ms = event.due_ms - shift_ms;
                    event.due_ms = if due_ms > now_ms + WAIT_MS_MAX { now_ms } else { due_ms };
                }
                _ => {}
            }
        }
    }
}
