//! Whether a call may go out to a pixel now (pure). It joins hold, pause, circuit and window, and
//! takes the feedback of each call. All times are steady milliseconds.

use std::time::Duration;

use tandem_core::code;

use super::breaker::{Breaker, Circuit};
use super::status::PixelState;
use super::usage::STOP_PERCENT;
use super::window::Window;
use crate::clock::millis;

/// Longest wait before a held pixel is probed again.
const PROBE_LONGEST: Duration = Duration::from_secs(600);
/// Longest pause that Meta can ask for.
const PAUSE_MAX: Duration = Duration::from_secs(6 * 3600);
/// Pause when the allowance is nearly used up and Meta does not say how long to wait.
const ALLOWANCE_PAUSE: Duration = Duration::from_secs(60);

/// What the calls of one batch say about the pixel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct CallFeedback {
    /// Whether a call went out at all.
    pub(super) called: bool,
    /// Meta's answer shows that the pixel works.
    pub(super) worked: bool,
    /// A call failed in transport or at the service.
    pub(super) failed: bool,
    /// How long nothing may be sent, and the stable code of the reason.
    pub(super) pause: Option<(Duration, &'static str)>,
    /// Set when the pixel cannot be used: the stable code of the reason, and the wait before the
    /// first probe.
    pub(super) held: Option<(&'static str, Duration)>,
    /// Duration of the slowest successful call.
    pub(super) took: Duration,
    /// Usage of the fullest allowance, in percent.
    pub(super) usage_percent: u32,
}

/// Permission to make one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Permit {
    /// The call's number. The caller gives it back with the feedback.
    pub(super) no: u64,
    /// The call is a probe: it sends one event to see whether the pixel works again.
    pub(super) is_probe: bool,
}

/// A pixel that Meta does not let us use.
#[derive(Debug, Clone, Copy)]
struct Hold {
    reason: &'static str,
    probe_at_ms: i64,
    wait: Duration,
    /// Number of the probe that is out.
    probe: Option<u64>,
}

/// Decides for one pixel whether a call may go out.
#[derive(Debug, Default)]
pub(super) struct Gate {
    hold: Option<Hold>,
    pause: Option<(i64, &'static str)>,
    breaker: Breaker,
    /// Number of the circuit's probe that is out.
    circuit_probe: Option<u64>,
    window: Window,
}

impl Gate {
    /// Gives a permit for one call if one may go out while `out` others are open. `is_renewed`: the
    /// token differs from the one that Meta refused.
    pub(super) fn permit(&mut self, now_ms: i64, out: usize, is_renewed: bool) -> Option<Permit> {
        if self.pause.is_some_and(|(until_ms, _)| now_ms < until_ms) {
            return None;
        }
        self.pause = None;
        if let Some(hold) = &mut self.hold {
            if hold.probe.is_some() || (now_ms < hold.probe_at_ms && !is_renewed) {
                return None;
            }
            let no = self.window.begin();
            hold.probe = Some(no);
            return Some(Permit { no, is_probe: true });
        }
        if out >= self.window.calls() as usize || !self.breaker.permit(now_ms) {
            return None;
        }
        let no = self.window.begin();
        let is_probe = self.breaker.circuit() == Circuit::HalfOpen;
        if is_probe {
            self.circuit_probe = Some(no);
        }
        Some(Permit { no, is_probe })
    }

    /// The permitted call was not made, because there was nothing to send.
    pub(super) fn cancel(&mut self, permit: Permit, now_ms: i64) {
        if let Some(hold) = &mut self.hold
            && hold.probe == Some(permit.no)
        {
            hold.probe = None;
        }
        if self.circuit_probe == Some(permit.no) {
            self.circuit_probe = None;
            self.breaker.cancel(now_ms);
        }
    }

    /// Applies the feedback of a batch.
    pub(super) fn apply(&mut self, permit: Permit, feedback: &CallFeedback, now_ms: i64) {
        if !feedback.called {
            return self.cancel(permit, now_ms);
        }
        let is_holds_probe = self.hold.is_some_and(|hold| hold.probe == Some(permit.no));
        let is_circuits_probe = self.circuit_probe == Some(permit.no);
        if is_circuits_probe {
            self.circuit_probe = None;
        }
        if let Some((reason, first_wait)) = feedback.held {
            self.keep_held(reason, first_wait, is_holds_probe, now_ms);
        } else if feedback.worked && (self.hold.is_none() || is_holds_probe) {
            self.hold = None;
        } else if is_holds_probe && let Some(hold) = &mut self.hold {
            // The probe was inconclusive.
            hold.probe = None;
            hold.probe_at_ms = now_ms.saturating_add(millis(hold.wait));
        }
        let spent =
            (feedback.usage_percent >= STOP_PERCENT).then_some((ALLOWANCE_PAUSE, code::META_THROTTLED));
        if let Some((wait, why)) = feedback.pause.or(spent) {
            let until_ms = now_ms.saturating_add(millis(wait.min(PAUSE_MAX)));
            self.pause = Some(self.pause.map_or((until_ms, why), |(at_ms, was)| {
                if at_ms > until_ms { (at_ms, was) } else { (until_ms, why) }
            }));
        }
        if feedback.failed {
            self.breaker.fail(now_ms);
            self.window.fail(permit.no);
        } else if feedback.worked {
            self.breaker.succeed();
            self.window.succeed(permit.no, feedback.took, feedback.usage_percent);
        } else if feedback.pause.is_some() {
            self.window.fail(permit.no);
        }
        if is_circuits_probe && !feedback.failed && !feedback.worked {
            self.breaker.cancel(now_ms);
        }
    }

    fn keep_held(&mut self, reason: &'static str, first_wait: Duration, is_probe: bool, now_ms: i64) {
        let wait = match self.hold {
            None => first_wait,
            Some(hold) if is_probe => {
                // A hold that no proven event confirmed begins with a short wait, and must not become a long one.
                (hold.wait * 2).min(PROBE_LONGEST.min(first_wait * 10).max(first_wait))
            }
            // Calls that began before the hold say nothing new.
            Some(_) => return,
        };
        self.hold =
            Some(Hold { reason, probe_at_ms: now_ms.saturating_add(millis(wait)), wait, probe: None });
    }

    /// Ends every wait, because an operator says that the pixel works again.
    pub(super) fn resume(&mut self) {
        self.pause = None;
        self.breaker = Breaker::default();
        if let Some(hold) = &mut self.hold {
            hold.probe_at_ms = i64::MIN;
        }
    }

    /// Calls that may be out at once.
    pub(super) fn calls_max(&self) -> u32 {
        self.window.calls()
    }

    /// The state that operators see, and the stable code of its reason.
    pub(super) fn state(&self, now_ms: i64) -> (PixelState, &'static str) {
        match (&self.hold, self.pause, self.breaker.circuit()) {
            (Some(hold), _, _) => (PixelState::Held, hold.reason),
            (None, Some((until_ms, why)), _) if now_ms < until_ms => (PixelState::OpenCircuit, why),
            (None, _, Circuit::Closed) => (PixelState::Delivering, ""),
            (None, _, _) => (PixelState::OpenCircuit, code::META_TRANSIENT),
        }
    }
}

#[cfg(test)]
mod tests;
