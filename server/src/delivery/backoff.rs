//! When to try again (pure). The wait is 500 ms · 2ⁿ with full jitter, up to a maximum, and never
//! shorter than the wait that Meta asks for (6 hours at most).
//!
//! Why no backoff library: the wait is stored with the event, so it must follow from the number of
//! attempts alone. A library's backoff is an object that lives as long as a loop.

use std::time::Duration;

/// First wait, before jitter.
const FIRST: Duration = Duration::from_millis(500);
/// Longest wait that we choose ourselves.
const LONGEST: Duration = Duration::from_secs(600);
/// Longest wait that we accept from Meta.
const WISH_MAX: Duration = Duration::from_secs(6 * 3600);

/// Wait before the next attempt. `attempts`: made so far, at least 1. `dice`: a random number in
/// 0..1. `wish`: the wait that Meta asked for.
pub(super) fn wait(attempts: u32, dice: f64, wish: Option<Duration>) -> Duration {
    debug_assert!((0.0..1.0).contains(&dice));
    let ceiling = FIRST.saturating_mul(1 << attempts.saturating_sub(1).min(20)).min(LONGEST);
    let own = ceiling.mul_f64(dice);
    match wish {
        // Jitter is added to Meta's wait, so that callers do not all return at once.
        Some(wish) => wish.min(WISH_MAX) + own.min(FIRST * 10),
        None => own.max(FIRST / 10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_ceiling_doubles_and_stops() {
        let nearly_one = 0.999_999;
        assert!(wait(1, nearly_one, None) <= Duration::from_millis(500));
        assert!(wait(2, nearly_one, None) > Duration::from_millis(900));
        assert!(wait(50, nearly_one, None) <= LONGEST);
    }

    proptest! {
        #[test]
        fn every_wait_is_bounded_and_honours_the_wish(attempts in 1..u32::MAX, dice in 0.0..1.0_f64, wish in prop::option::of(0..100_000_u64)) {
            let wish = wish.map(Duration::from_secs);
            let wait = wait(attempts, dice, wish);
            prop_assert!(wait >= FIRST / 10 || wish.is_some());
            prop_assert!(wait <= LONGEST.max(WISH_MAX) + FIRST * 10);
            if let Some(wish) = wish { prop_assert!(wait >= wish.min(WISH_MAX)); }
        }
    }
}
