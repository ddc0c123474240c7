//! The circuit breaker of one pixel (pure). After several failures in a row it stops all calls for
//! a while. Then one small probe decides.

use std::time::Duration;

/// Failures in a row that open the circuit.
const FAILURES_TO_OPEN: u32 = 5;
const FIRST_PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Circuit {
    Closed,
    /// No call goes out before this time, in steady milliseconds.
    Open(i64),
    /// One probe is out, and no other call.
    HalfOpen,
}

/// Counts failures and decides. It counts transport and service failures only: a refused event says
/// nothing about the service.
#[derive(Debug, Clone)]
pub(super) struct Breaker {
    circuit: Circuit,
    failures: u32,
    openings: u32,
}

impl Default for Breaker {
    fn default() -> Self {
        Self { circuit: Circuit::Closed, failures: 0, openings: 0 }
    }
}

impl Breaker {
    pub(super) fn circuit(&self) -> Circuit {
        self.circuit
    }

    /// Whether a call may go out now. Call it once per Graph call: when the pause of an open
    /// circuit is over, it makes the circuit half-open.
    pub(super) fn permit(&mut self, now_ms: i64) -> bool {
        match self.circuit {
            Circuit::Closed => true,
            Circuit::HalfOpen => false,
            Circuit::Open(until_ms) if now_ms >= until_ms => {
                self.circuit = Circuit::HalfOpen;
                true
            }
            Circuit::Open(_) => false,
        }
    }

    pub(super) fn succeed(&mut self) {
        *self = Self::default();
    }

    /// A call failed in transport or at the service.
    pub(super) fn fail(&mut self, now_ms: i64) {
        if matches!(self.circuit, Circuit::Open(_)) {
            return; // Calls that began before the circuit opened say nothing new.
        }
        self.failures = self.failures.saturating_add(1);
        if self.circuit == Circuit::HalfOpen || self.failures >= FAILURES_TO_OPEN {
            let pause = FIRST_PAUSE.saturating_mul(1 << self.openings.min(10)).min(LONGEST_PAUSE);
            self.openings = self.openings.saturating_add(1);
            let pause_ms = i64::try_from(pause.as_millis()).unwrap_or(i64::MAX);
            self.circuit = Circuit::Open(now_ms.saturating_add(pause_ms));
        }
    }

    /// A call that [`Self::permit`] allowed was not made.
    pub(super) fn cancel(&mut self, now_ms: i64) {
        if self.circuit == Circuit::HalfOpen {
            self.circuit = Circuit::Open(now_ms);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_failures_open_it_and_one_good_probe_closes_it() {
        let mut breaker = Breaker::default();
        for _ in 0..4 {
            breaker.fail(0);
            assert!(breaker.permit(0));
        }
        breaker.fail(0);
        assert_eq!(breaker.circuit(), Circuit::Open(2000));
        assert!(!breaker.permit(1999));
        assert!(breaker.permit(2000), "the probe");
        assert_eq!(breaker.circuit(), Circuit::HalfOpen);
        assert!(!breaker.permit(2000), "one probe at a time");
        breaker.succeed();
        assert!(breaker.permit(2000));
    }

    #[test]
    fn failed_probes_lengthen_the_pause_up_to_a_minute() {
        let mut breaker = Breaker::default();
        (0..5).for_each(|_| breaker.fail(0));
        let mut now = 0;
        let mut last_pause = 0;
        for _ in 0..12 {
            let Circuit::Open(until) = breaker.circuit() else { panic!("open") };
            let pause = until - now;
            assert!(pause >= last_pause && pause <= 60_000);
            last_pause = pause;
            now = until;
            assert!(breaker.permit(now));
            breaker.fail(now);
        }
        assert_eq!(last_pause, 60_000);
    }

    #[test]
    fn calls_that_were_out_when_it_opened_do_not_lengthen_the_pause() {
        let mut breaker = Breaker::default();
        (0..16).for_each(|_| breaker.fail(0));
        assert_eq!(breaker.circuit(), Circuit::Open(2000));
    }

    #[test]
    fn a_cancelled_probe_may_be_made_again() {
        let mut breaker = Breaker::default();
        (0..5).for_each(|_| breaker.fail(0));
        assert!(breaker.permit(2000));
        breaker.cancel(2000);
        assert!(breaker.permit(2000));
    }

    #[test]
    fn successes_between_failures_keep_it_closed() {
        let mut breaker = Breaker::default();
        for _ in 0..20 {
            breaker.fail(0);
            breaker.fail(0);
            breaker.succeed();
        }
        assert_eq!(breaker.circuit(), Circuit::Closed);
    }
}
