//! How many calls of one pixel may be open at once (pure): one more after every round that goes
//! well, half as many when Meta fails or slows down. Additive increase with multiplicative decrease
//! finds the number that Meta can take.

use std::time::Duration;

use super::usage::SLOW_PERCENT;

/// Most calls at once. More would gain nothing: 16 calls of 1000 events are faster than any disk.
const CALLS_MAX: u32 = 16;
/// A call is slow, and so a sign of overload, when it takes more than twice the best time plus
/// this.
const SLACK: Duration = Duration::from_millis(250);

#[derive(Debug, Clone)]
pub(super) struct Window {
    calls: u32,
    /// Calls that went well since the last change.
    good: u32,
    /// Below this size the window doubles per round. It does so from the start until the first sign
    /// of overload; then it grows by one per round.
    slow_start_below: u32,
    /// The shortest time of an answer. It rises slowly by itself, because Meta's own speed changes
    /// too.
    best: Option<Duration>,
    /// Number of the first call after the last decrease. Calls before it say nothing new.
    first_new: u64,
    begun: u64,
}

impl Default for Window {
    fn default() -> Self {
        Self { calls: 1, good: 0, slow_start_below: CALLS_MAX, best: None, first_new: 0, begun: 0 }
    }
}

impl Window {
    /// How many calls may be open at once.
    pub(super) fn calls(&self) -> u32 {
        self.calls
    }

    /// Counts a new call and returns its number.
    pub(super) fn begin(&mut self) -> u64 {
        self.begun += 1;
        self.begun
    }

    /// Call `no` succeeded after `took`; `percent` of the allowance is used.
    pub(super) fn succeed(&mut self, no: u64, took: Duration, percent: u32) {
        let best = self.best.map_or(took, |best| (best + best / 100).min(took));
        self.best = Some(best);
        if took > best * 2 + SLACK || percent >= SLOW_PERCENT {
            self.shrink(no);
            return;
        }
        self.good += 1;
        let round = if self.calls < self.slow_start_below { 1 } else { self.calls };
        if self.good >= round {
            self.good = 0;
            self.calls = (self.calls + 1).min(CALLS_MAX);
        }
    }

    /// Call `no` failed in transport or at the service.
    pub(super) fn fail(&mut self, no: u64) {
        self.shrink(no);
    }

    fn shrink(&mut self, no: u64) {
        if no < self.first_new {
            return;
        }
        self.calls = (self.calls / 2).max(1);
        self.slow_start_below = self.calls;
        self.good = 0;
        self.first_new = self.begun + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FAST: Duration = Duration::from_millis(50);

    fn grown(rounds: u32) -> Window {
        let mut window = Window::default();
        for _ in 0..rounds {
            let no = window.begin();
            window.succeed(no, FAST, 0);
        }
        window
    }

    #[test]
    fn it_grows_with_success_to_a_bound() {
        assert_eq!(Window::default().calls(), 1, "a start with a bad token costs one call");
        assert_eq!(grown(3).calls(), 4);
        assert_eq!(grown(1000).calls(), CALLS_MAX);
    }

    #[test]
    fn a_failure_halves_it_once_per_round_and_then_it_grows_slowly() {
        let mut window = grown(100);
        let calls: Vec<u64> = (0..16).map(|_| window.begin()).collect();
        for no in &calls {
            window.fail(*no);
        }
        assert_eq!(window.calls(), 8, "sixteen failures of one round count as one");
        for _ in 0..8 {
            let no = window.begin();
            window.succeed(no, FAST, 0);
        }
        assert_eq!(window.calls(), 9, "one more per round");
        for _ in 0..20 {
            let no = window.begin();
            window.fail(no);
        }
        assert_eq!(window.calls(), 1, "the window never closes");
    }

    #[test]
    fn slow_answers_and_a_full_allowance_shrink_it() {
        let mut window = grown(100);
        let no = window.begin();
        window.succeed(no, Duration::from_secs(2), 0);
        assert_eq!(window.calls(), 8);
        let no = window.begin();
        window.succeed(no, FAST, SLOW_PERCENT);
        assert_eq!(window.calls(), 4);
    }

    #[test]
    fn a_service_that_is_always_slow_is_not_punished_for_it() {
        let mut window = Window::default();
        for _ in 0..1000 {
            let no = window.begin();
            window.succeed(no, Duration::from_secs(3), 0);
        }
        assert_eq!(window.calls(), CALLS_MAX);
    }

    proptest! {
        #[test]
        fn it_stays_within_its_bounds(steps in prop::collection::vec((any::<bool>(), 0..5000_u64, 0..200_u32), 0..300)) {
            let mut window = Window::default();
            for (good, ms, percent) in steps {
                let no = window.begin();
                if good { window.succeed(no, Duration::from_millis(ms), percent) } else { window.fail(no) }
                prop_assert!((1..=CALLS_MAX).contains(&window.calls()));
            }
        }
    }
}
