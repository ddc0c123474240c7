//! Whether the wall's time may be believed. A pure rule: the readings are passed in.
//!
//! A wrong clock must destroy nothing, and nobody can tell a wrong clock by looking at it. So the
//! rule looks for what a right clock does not do, and doubts the time from then on: it moves
//! against the steady time while the server runs, it is implausible at a start, or it differs
//! from Meta's. The doubt ends when the wall shows again what was believed, when Meta shows the
//! same, when the new time has lasted [`STEADY_MS`], or when an operator confirms it.

/// How far the wall may move against the steady time within [`DRIFT_SPAN_MS`], milliseconds. NTP
/// slews by at most 1.8 s an hour, and steps only rarely. Two minutes change no decision here: the
/// shortest age that ends in a deletion is 48 hours.
pub(super) const JUMP_MS: i64 = 2 * 60 * 1000;
/// Span after which a small movement counts as right, milliseconds.
const DRIFT_SPAN_MS: i64 = 3600 * 1000;
/// How long a server may have been off for its time to be believed at the start, milliseconds. A
/// longer absence cannot be told from a clock that is ahead. If the clock is wrong all the same,
/// nothing is given up more than a day too early.
const AWAY_MS: i64 = 24 * 3600 * 1000;
/// How long a new time must last to be believed, milliseconds of running time. Health names the
/// doubt all the while, so that an operator has a day to see it; and a week's events stay a week.
const STEADY_MS: i64 = 24 * 3600 * 1000;
/// How far Meta's `Date` may differ, seconds. It has whole seconds, and an answer is on its way for
/// some; Meta itself takes events that are a little ahead.
const META_S: i64 = 5 * 60;

/// Both readings of one moment, milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// Unix time, as the machine has it.
    pub wall_ms: i64,
    /// Time since an arbitrary moment, which never jumps.
    pub steady_ms: i64,
}

impl Reading {
    /// Wall time minus steady time. It changes only when the wall time is set.
    pub fn offset_ms(self) -> i64 {
        self.wall_ms.saturating_sub(self.steady_ms)
    }
}

/// Why the time is doubted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doubt {
    /// It was set while the server ran, by so many milliseconds.
    Jumped { by_ms: i64 },
    /// At the start it was so far from the time that the store remembers, milliseconds.
    Implausible { by_ms: i64 },
    /// It is so far ahead of Meta's, seconds.
    MetaDisagrees { ahead_s: i64 },
}

/// What the store keeps of the rule between two starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TrustRecord {
    /// The wall's time, Unix milliseconds.
    pub wall_ms: i64,
    /// What was believed to be the time, Unix milliseconds.
    pub believed_ms: i64,
    /// How much later than that it may have been, milliseconds.
    pub slack_ms: i64,
    /// Meta doubts it: by how many seconds it was ahead of Meta's.
    pub meta_ahead_s: Option<i64>,
    /// How long the wall had gone steadily, milliseconds.
    pub steady_for_ms: i64,
    /// An operator's word stands behind the wall's time.
    pub is_confirmed: bool,
}

/// What an operator is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrustView {
    /// `None`: the time is trusted.
    pub doubt: Option<Doubt>,
    /// How long the wall has gone steadily, milliseconds.
    pub steady_for_ms: i64,
    /// When a steady time will be trusted, milliseconds from now. `None`: it is trusted, or Meta
    /// says otherwise.
    pub trusted_in_ms: Option<i64>,
}

/// The rule's state.
#[derive(Debug, Clone, Copy)]
pub(super) struct Trust {
    /// Offset of the time that is believed: the wall's before it was doubted, or Meta's.
    believed_ms: i64,
    /// How much later the time may be than what is believed, milliseconds: after a start, since
    /// nobody counted how long the server was off.
    slack_ms: i64,
    /// Offset of the wall as it is, and the steady time since which it has it.
    offset_ms: i64,
    since_ms: i64,
    doubt: Option<Doubt>,
    is_confirmed: bool,
}

impl Trust {
    /// The state of a store that remembers nothing: its first time is believed.
    pub(super) fn new(now: Reading) -> Self {
        Self {
            believed_ms: now.offset_ms(),
            slack_ms: 0,
            offset_ms: now.offset_ms(),
            since_ms: now.steady_ms,
            doubt: None,
            is_confirmed: false,
        }
    }

    /// The state at a start.
    pub(super) fn recall(record: TrustRecord, now: Reading) -> Self {
        let away_ms = now.wall_ms.saturating_sub(record.wall_ms);
        let goes_on = (-JUMP_MS..=AWAY_MS).contains(&away_ms);
        let was_doubted = record.wall_ms.saturating_sub(record.believed_ms).saturating_abs() > JUMP_MS;
        // A doubted clock that goes on does not become right by a start, and says how long it took.
        let (believed_ms, slack_ms) = match was_doubted && goes_on {
            true => (record.believed_ms.saturating_add(away_ms), record.slack_ms),
            false => (record.believed_ms, AWAY_MS),
        };
        let by_ms = now.wall_ms.saturating_sub(believed_ms);
        let doubt = match record.meta_ahead_s.filter(|_| goes_on) {
            Some(ahead_s) => Doubt::MetaDisagrees { ahead_s },
            None => Doubt::Implausible { by_ms },
        };
        let mut trust = Self {
            believed_ms: believed_ms.saturating_sub(now.steady_ms),
            slack_ms,
            since_ms: now.steady_ms.saturating_sub(if goes_on { record.steady_for_ms } else { 0 }),
            doubt: Some(doubt),
            is_confirmed: record.is_confirmed && goes_on,
            ..Self::new(now)
        };
        trust.observe(now);
        trust
    }

    /// What to keep for the next start.
    pub(super) fn record(&self, now: Reading) -> TrustRecord {
        TrustRecord {
            wall_ms: now.wall_ms,
            believed_ms: self.believed_ms.saturating_add(now.steady_ms),
            slack_ms: self.slack_ms,
            meta_ahead_s: match self.doubt {
                Some(Doubt::MetaDisagrees { ahead_s }) => Some(ahead_s),
                _ => None,
            },
            steady_for_ms: now.steady_ms.saturating_sub(self.since_ms),
            is_confirmed: self.is_confirmed,
        }
    }

    /// Why the time is doubted; `None`: it is trusted.
    pub(super) fn doubt(&self) -> Option<Doubt> {
        self.doubt
    }

    pub(super) fn view(&self, now: Reading) -> TrustView {
        let steady_for_ms = now.steady_ms.saturating_sub(self.since_ms);
        let waits = matches!(self.doubt, Some(Doubt::Jumped { .. } | Doubt::Implausible { .. }));
        TrustView {
            doubt: self.doubt,
            steady_for_ms,
            trusted_in_ms: waits.then_some(STEADY_MS.saturating_sub(steady_for_ms).max(0)),
        }
    }

    /// Looks at the clock.
    pub(super) fn observe(&mut self, now: Reading) {
        let offset_ms = now.offset_ms();
        if offset_ms.saturating_sub(self.offset_ms).saturating_abs() > JUMP_MS {
            self.offset_ms = offset_ms;
            self.since_ms = now.steady_ms;
            self.is_confirmed = false;
            // Also where Meta contradicted the time before: this is another one.
            self.doubt = Some(Doubt::Jumped { by_ms: offset_ms.saturating_sub(self.believed_ms) });
        }
        match self.doubt {
            None if now.steady_ms.saturating_sub(self.since_ms) >= DRIFT_SPAN_MS => self.believe(now),
            None | Some(Doubt::MetaDisagrees { .. }) => {}
            Some(Doubt::Jumped { .. } | Doubt::Implausible { .. }) => self.end_doubt(now),
        }
    }

    /// Ends a doubt when the wall shows what was believed, or has gone steadily for long enough.
    fn end_doubt(&mut self, now: Reading) {
        let by_ms = now.offset_ms().saturating_sub(self.believed_ms);
        let as_believed = (-JUMP_MS..=self.slack_ms + JUMP_MS).contains(&by_ms);
        if as_believed || now.steady_ms.saturating_sub(self.since_ms) >= STEADY_MS {
            self.believe(now);
        }
    }

    fn believe(&mut self, now: Reading) {
        *self = Self { is_confirmed: self.is_confirmed, ..Self::new(now) };
    }

    /// Meta's clock shows `meta_s` (Unix seconds).
    pub(super) fn hear_meta(&mut self, now: Reading, meta_s: i64) {
        self.observe(now);
        let ahead_s = now.wall_ms.div_euclid(1000).saturating_sub(meta_s);
        if ahead_s.saturating_abs() <= META_S {
            if self.doubt.is_some() {
                self.believe(now);
            }
        } else if !self.is_confirmed {
            // Meta's is the time now that a corrected clock will show.
            self.believed_ms = now.offset_ms().saturating_sub(ahead_s.saturating_mul(1000));
            self.slack_ms = 0;
            self.doubt = Some(Doubt::MetaDisagrees { ahead_s });
        }
    }

    /// An operator says that the wall is right. It counts more than Meta's word, until the wall is
    /// set again.
    pub(super) fn confirm(&mut self, now: Reading) {
        self.believe(now);
        self.is_confirmed = true;
    }
}

#[cfg(test)]
mod tests;
