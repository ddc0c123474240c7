//! Compares the server's clock with Meta's (the `Date` header of Meta's answer).

use super::finding::Finding;
use crate::clock::{Doubt, TrustView};

/// Up to this difference it is measurement error, seconds: the header has whole seconds, and the
/// answer takes time to arrive.
const LATE_S: i64 = 5;
/// Beyond this difference, seconds, Meta refuses fresh events as being from the future, or counts
/// them on another day.
const OFF_MAX_S: i64 = 60;

const SET: &str =
    "set the server's clock by NTP (timedatectl set-ntp true); Meta refuses events from the future";

/// `ahead_s`: seconds by which the server's clock is ahead of Meta's. `None`: Meta gave no time.
pub(super) fn finding(ahead_s: Option<i64>) -> Finding {
    let Some(ahead_s) = ahead_s else {
        return Finding::skipped(
            "clock",
            "meta_time_unknown",
            "the clock was not compared: Meta gave no time",
        );
    };
    let off = |ahead_s: i64| {
        let side = if ahead_s > 0 { "ahead of" } else { "behind" };
        format!("the server's clock is {} s {side} Meta's", ahead_s.abs())
    };
    match ahead_s.abs() {
        0..=LATE_S => Finding::ok("clock", "clock_agrees", "the server's clock agrees with Meta's"),
        ..=OFF_MAX_S => Finding::warning("clock", "clock_off", off(ahead_s), SET),
        _ => Finding::failed("clock", "clock_wrong", off(ahead_s), SET),
    }
}

const CONFIRM: &str = "look at the machine's time: set it by NTP if it is wrong, and run `tandem clock confirm` if \
    it is right; until then nothing is given up or deleted by age";

/// Whether the server trusts its own time.
pub(super) fn trust(view: TrustView) -> Finding {
    let side =
        |by_s: i64| format!("{} s {}", by_s.unsigned_abs(), if by_s > 0 { "ahead of" } else { "behind" });
    let why = match view.doubt {
        None => return Finding::ok("clock", "clock_trusted", "the server trusts its time"),
        Some(Doubt::Jumped { by_ms }) => {
            format!("it was set while the server ran, and is {} what it was", side(by_ms / 1000))
        }
        Some(Doubt::Implausible { by_ms }) => {
            format!("at the start it was {} what the store remembers", side(by_ms / 1000))
        }
        Some(Doubt::MetaDisagrees { ahead_s }) => format!("it is {} Meta's", side(ahead_s)),
    };
    let detail = format!("the server does not trust its time: {why}");
    Finding::warning("clock", tandem_core::code::CLOCK_UNTRUSTED, detail, CONFIRM)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_doubted_time_is_a_warning_that_says_why_and_what_to_do() {
        let trust = |doubt| trust(TrustView { doubt, steady_for_ms: 0, trusted_in_ms: None });
        assert_eq!(trust(None).code, "clock_trusted");
        let jumped = trust(Some(Doubt::Jumped { by_ms: -3_600_000 }));
        assert_eq!(jumped.code, "clock_untrusted");
        assert!(jumped.detail.ends_with("and is 3600 s behind what it was"), "{}", jumped.detail);
        assert!(jumped.advice.contains("tandem clock confirm"));
    }

    #[test]
    fn a_clock_may_be_read_late_but_not_be_wrong() {
        let code = |ahead_s| finding(ahead_s).code;
        assert_eq!(code(None), "meta_time_unknown");
        for near in [-5, 0, 5] {
            assert_eq!(code(Some(near)), "clock_agrees");
        }
        assert_eq!((code(Some(6)), code(Some(-60))), ("clock_off", "clock_off"));
        assert_eq!((code(Some(61)), code(Some(-3600))), ("clock_wrong", "clock_wrong"));
        assert!(finding(Some(-90)).detail.ends_with("90 s behind Meta's"));
        assert_eq!(code(Some(i64::MAX)), "clock_wrong");
    }
}
