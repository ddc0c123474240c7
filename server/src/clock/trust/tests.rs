//! A machine whose clock is set, restarted and compared with Meta's.

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
