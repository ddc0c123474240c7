//! The budget of questions to the payment provider per minute. Orders that only strangers named cannot use all of
//! it.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tandem_core::order::TrustLevel;

const MINUTE: Duration = Duration::from_secs(60);

/// The questions of the last minute.
#[derive(Debug)]
pub(super) struct Budget {
    /// Most questions in all.
    max: usize,
    /// Most questions about orders that only strangers named.
    strangers_max: usize,
    spent: Mutex<Usage>,
}

#[derive(Debug, Default)]
struct Usage {
    /// When each question was asked, and whether its order was a stranger's; the oldest first.
    questions: VecDeque<(Instant, bool)>,
    /// No question is asked before this time, because the provider said that there were too many.
    paused_until: Option<Instant>,
}

impl Budget {
    pub(super) fn new(max: usize, strangers_max: usize) -> Self {
        Self { max, strangers_max, spent: Mutex::default() }
    }

    /// Takes a question from the budget. False: none is left.
    pub(super) fn take(&self, trust: TrustLevel) -> bool {
        self.take_at(trust, Instant::now())
    }

    /// Stops all questions for a while.
    pub(super) fn pause(&self, time: Duration) {
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        spent.paused_until = Some(Instant::now() + time);
    }

    fn take_at(&self, trust: TrustLevel, now: Instant) -> bool {
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        if spent.paused_until.is_some_and(|until| now < until) {
            return false;
        }
        while spent.questions.front().is_some_and(|(at, _)| now.duration_since(*at) >= MINUTE) {
            spent.questions.pop_front();
        }
        let for_strangers = trust < TrustLevel::Attested;
        let by_strangers = spent.questions.iter().filter(|(_, for_strangers)| *for_strangers).count();
        if spent.questions.len() >= self.max || (for_strangers && by_strangers >= self.strangers_max) {
            return false;
        }
        spent.questions.push_back((now, for_strangers));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_leave_some_of_it_and_a_minute_brings_it_back() {
        let budget = Budget::new(5, 3);
        let now = Instant::now();
        let taken = (0..10).filter(|_| budget.take_at(TrustLevel::Claimed, now)).count();
        assert_eq!(taken, 3);
        assert!(!budget.take_at(TrustLevel::CheckedOut, now), "a checkout proves no more than a claim");
        let taken = (0..10).filter(|_| budget.take_at(TrustLevel::Attested, now)).count();
        assert_eq!(taken, 2, "the rest is kept for orders that the provider itself named");
        let later = now + MINUTE;
        assert!(!budget.take_at(TrustLevel::Claimed, later - Duration::from_millis(1)));
        assert!(budget.take_at(TrustLevel::Claimed, later));
    }

    #[test]
    fn in_a_pause_nothing_is_asked() {
        let budget = Budget::new(5, 3);
        budget.pause(Duration::from_secs(30));
        let now = Instant::now();
        assert!(!budget.take_at(TrustLevel::Attested, now));
        assert!(budget.take_at(TrustLevel::Attested, now + Duration::from_secs(31)));
    }
}
