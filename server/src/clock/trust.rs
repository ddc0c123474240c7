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
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW_MS: i64 = 1_763_942_400_000;
    const MINUTE_MS: i64 = 60_000;
    const DAY_MS: i64 = 24 * 3600 * 1000;

    /// A machine whose wall can be set.
    struct Machine {
        now: Reading,
        trust: Trust,
    }

    impl Machine {
        fn new() -> Self {
            let now = Reading { wall_ms: NOW_MS, steady_ms: 5_000 };
            Self { now, trust: Trust::new(now) }
        }

        fn pass(&mut self, ms: i64) -> bool {
            self.now.wall_ms += ms;
            self.now.steady_ms += ms;
            self.look()
        }

        fn set(&mut self, by_ms: i64) -> bool {
            self.now.wall_ms += by_ms;
            self.look()
        }

        /// A start after `away_ms`, at which the wall is wrong by `wrong_ms`.
        fn restart(&mut self, away_ms: i64, wrong_ms: i64) -> bool {
            let record = self.trust.record(self.now);
            self.now = Reading { wall_ms: self.now.wall_ms + away_ms + wrong_ms, steady_ms: 77 };
            self.trust = Trust::recall(record, self.now);
            self.look()
        }

        /// An answer of Meta's, whose clock is so far ahead of the wall.
        fn meta(&mut self, ahead_ms: i64) -> bool {
            self.trust.hear_meta(self.now, (self.now.wall_ms + ahead_ms).div_euclid(1000));
            self.look()
        }

        fn look(&mut self) -> bool {
            self.trust.observe(self.now);
            self.trust.doubt().is_none()
        }
    }

    #[test]
    fn a_jump_is_doubted_until_the_clock_is_back() {
        for by_ms in [40 * DAY_MS, -3650 * DAY_MS, 3 * MINUTE_MS] {
            let mut machine = Machine::new();
            assert!(machine.pass(DAY_MS));
            assert!(!machine.set(by_ms), "{by_ms}");
            assert_eq!(machine.trust.doubt(), Some(Doubt::Jumped { by_ms }));
            assert!(!machine.pass(75_000));
            assert!(machine.set(-by_ms), "{by_ms}");
        }
    }

    #[test]
    fn what_ntp_does_in_an_hour_is_no_jump_and_creeping_is_one() {
        let mut machine = Machine::new();
        for _ in 0..100 {
            machine.pass(30 * MINUTE_MS);
            assert!(machine.set(1_000));
        }
        let mut machine = Machine::new();
        assert!(machine.set(MINUTE_MS) && machine.set(MINUTE_MS) && !machine.set(MINUTE_MS));
    }

    #[test]
    fn a_new_time_is_trusted_after_a_steady_day() {
        let mut machine = Machine::new();
        machine.set(40 * DAY_MS);
        assert!(!machine.pass(DAY_MS - MINUTE_MS));
        assert_eq!(machine.trust.view(machine.now).trusted_in_ms, Some(MINUTE_MS));
        assert!(!machine.set(DAY_MS), "set again, it has to begin again");
        assert!(!machine.pass(DAY_MS - MINUTE_MS) && machine.pass(MINUTE_MS));
    }

    #[test]
    fn a_start_is_plausible_within_a_day_after_what_is_remembered() {
        for (away_ms, wrong_ms, is_trusted) in [
            (MINUTE_MS, 0, true),
            (23 * 3600 * 1000, 0, true),
            (30 * DAY_MS, 0, false),
            (MINUTE_MS, 40 * DAY_MS, false),
            (MINUTE_MS, -3650 * DAY_MS, false),
        ] {
            let mut machine = Machine::new();
            machine.pass(DAY_MS);
            assert_eq!(machine.restart(away_ms, wrong_ms), is_trusted, "{away_ms} {wrong_ms}");
            assert_eq!(machine.restart(MINUTE_MS, 0), is_trusted, "a second start makes nothing plausible");
            machine.pass(MINUTE_MS);
            if wrong_ms != 0 {
                assert!(machine.set(-wrong_ms), "NTP sets what the machine's battery forgot");
            }
        }
    }

    #[test]
    fn a_start_does_not_make_a_doubted_clock_right() {
        for by_ms in [3600 * 1000, -3600 * 1000] {
            let mut machine = Machine::new();
            assert!(!machine.set(by_ms) && !machine.restart(MINUTE_MS, 0), "{by_ms}");
            assert!(machine.set(-by_ms));
        }
        let mut machine = Machine::new();
        assert!(
            !machine.set(40 * DAY_MS) && machine.restart(3600 * 1000, -40 * DAY_MS),
            "it was set right meanwhile"
        );
    }

    #[test]
    fn the_steady_day_goes_on_across_starts() {
        let mut machine = Machine::new();
        assert!(!machine.restart(30 * DAY_MS, 0));
        for _ in 0..5 {
            assert!(!machine.pass(DAY_MS / 6));
            assert!(!machine.restart(MINUTE_MS, 0));
        }
        assert!(machine.pass(DAY_MS / 6 + 1));
    }

    #[test]
    fn meta_ends_a_doubt_and_raises_one() {
        let mut machine = Machine::new();
        assert!(!machine.restart(30 * DAY_MS, 0) && machine.meta(3_000));
        assert!(!machine.set(40 * DAY_MS) && !machine.meta(-40 * DAY_MS));
        assert_eq!(machine.trust.doubt(), Some(Doubt::MetaDisagrees { ahead_s: 40 * 24 * 3600 }));
        assert!(!machine.pass(30 * DAY_MS), "no steadiness counts against Meta's word");
        assert!(!machine.restart(MINUTE_MS, 0), "nor does a start");
        assert!(!machine.set(-39 * DAY_MS) && !machine.meta(-DAY_MS));
        assert!(machine.set(-DAY_MS), "the time is the one that Meta told");
        let mut first_start = Machine::new();
        assert!(!first_start.meta(10 * DAY_MS), "nothing was remembered, and Meta knows better");
        assert!(!first_start.pass(2 * DAY_MS));
        assert!(!first_start.set(5 * DAY_MS) && first_start.set(5 * DAY_MS));
    }

    #[test]
    fn an_operators_word_stands_until_the_clock_is_set_again() {
        let mut machine = Machine::new();
        machine.set(40 * DAY_MS);
        machine.trust.confirm(machine.now);
        assert!(machine.look() && machine.meta(-40 * DAY_MS) && machine.restart(MINUTE_MS, 0));
        assert!(machine.pass(30 * DAY_MS) && machine.meta(-40 * DAY_MS));
        assert!(!machine.set(DAY_MS));
        assert!(
            !machine.meta(-40 * DAY_MS) && matches!(machine.trust.doubt(), Some(Doubt::MetaDisagrees { .. }))
        );
    }

    proptest! {
        /// Whatever happened: the time is trusted only within what the rule allows, and a right
        /// clock is trusted in the end.
        #[test]
        fn a_wrong_clock_is_never_trusted_soon_and_a_right_one_always_in_the_end(
            steps in prop::collection::vec((0..4_u8, -3650..3650_i64, 0..600_i64), 1..30)
        ) {
            let mut machine = Machine::new();
            let (mut wrong_ms, mut steady_ms, mut slack_ms) = (0_i64, 0_i64, JUMP_MS);
            for (kind, days, minutes) in steps {
                let by_ms = if kind == 0 { days * DAY_MS } else { 0 };
                let is_trusted = match kind {
                    0 => machine.set(by_ms),
                    1 => { slack_ms += AWAY_MS; machine.restart(minutes * MINUTE_MS, 0) }
                    2 => machine.meta(-wrong_ms),
                    _ => { steady_ms += minutes * MINUTE_MS; machine.pass(minutes * MINUTE_MS) }
                };
                wrong_ms += by_ms;
                if by_ms != 0 { steady_ms = 0; }
                prop_assert!(!is_trusted || wrong_ms.abs() <= slack_ms || steady_ms >= STEADY_MS, "{wrong_ms}");
            }
            machine.set(-wrong_ms);
            prop_assert!(machine.meta(0));
        }
    }
}
