//! Why an event arrived more than once.

use crate::arrivals::Arrival;

/// A copy may be repeated if its request arrived at most this long before the kill: the answer, or the commit of the
/// result, may still have been under way. In milliseconds. A slow Meta takes 500 of them.
const UNDER_WAY_MAX_MS: u64 = 2000;

/// A kill, which happened between these two moments, in Unix milliseconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kill {
    pub(crate) asked_ms: u64,
    pub(crate) done_ms: u64,
}

/// Why another copy of an event arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ResendReason {
    /// The copy before it was under way when the server was killed.
    Killed,
    /// A fault withheld the answer to the copy before it.
    AnswerLost,
    /// No known reason.
    None,
}

/// Why `copy` arrived after `before`.
pub(crate) fn reason_for(before: &Arrival, copy: &Arrival, kills: &[Kill]) -> ResendReason {
    let under_way = |kill: &Kill| {
        // The sandbox may read a complete request after the server that sent it was killed.
        kill.asked_ms <= before.at_ms + UNDER_WAY_MAX_MS
            && kill.done_ms + 1000 >= before.at_ms
            && kill.asked_ms <= copy.at_ms
    };
    if before.lost {
        ResendReason::AnswerLost
    } else if kills.iter().any(under_way) {
        ResendReason::Killed
    } else {
        ResendReason::None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrival(at_ms: u64, lost: bool) -> Arrival {
        Arrival {
            at_ms,
            lost,
            digest: String::new(),
            email_hash: String::new(),
            value_minor: None,
            order_id: String::new(),
            has_fbp: false,
        }
    }

    #[test]
    fn only_what_was_under_way_at_a_kill_or_lost_its_answer_may_come_again() {
        let kills = [Kill { asked_ms: 100_000, done_ms: 100_010 }];
        let reason = |first, lost, second| reason_for(&arrival(first, lost), &arrival(second, false), &kills);
        assert_eq!(reason(99_900, false, 100_500), ResendReason::Killed);
        assert_eq!(reason(100_020, false, 100_500), ResendReason::Killed, "read after its sender's death");
        assert_eq!(reason(90_000, true, 90_100), ResendReason::AnswerLost);
        assert_eq!(reason(90_000, false, 100_500), ResendReason::None, "recorded long before the kill");
        assert_eq!(reason(99_900, false, 99_950), ResendReason::None, "twice before the kill");
        assert_eq!(reason(103_000, false, 103_100), ResendReason::None, "twice after the kill");
    }
}
