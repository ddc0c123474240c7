//! Rate limits of the Orders API, per account and minute (Cashfree, Rate Limits).

use std::collections::VecDeque;

use crate::clock::Millis;

/// A kind of call, with a limit of its own.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Call {
    Order,
    Payments,
    Refunds,
}

impl Call {
    /// Calls per minute in Cashfree's sandbox. For refunds, only the figure of production is known.
    fn limit(self) -> usize {
        match self {
            Self::Order => 60,
            Self::Payments | Self::Refunds => 30,
        }
    }
}

/// What a call finds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Allowance {
    pub limit: usize,
    /// Calls that may follow at once.
    pub remaining: usize,
    /// Seconds until the next call is answered. 0: this one is.
    pub retry_s: i64,
}

/// The calls of the last minute.
#[derive(Debug, Default)]
pub struct Calls {
    of: [VecDeque<Millis>; 3],
}

impl Calls {
    /// Notes a call at `now_ms`, if it is within the limit. `minute_ms`: how long a minute takes here.
    pub fn take(&mut self, call: Call, now_ms: Millis, minute_ms: Millis) -> Allowance {
        let limit = call.limit();
        let seen = &mut self.of[call as usize];
        while seen.front().is_some_and(|at_ms| now_ms.saturating_sub(*at_ms) >= minute_ms) {
            seen.pop_front();
        }
        match seen.front() {
            Some(oldest_ms) if seen.len() >= limit => {
                let left_ms = oldest_ms.saturating_add(minute_ms).saturating_sub(now_ms);
                let retry_s = left_ms.saturating_add(999).div_euclid(1000).max(1);
                Allowance { limit, remaining: 0, retry_s }
            }
            _ => {
                seen.push_back(now_ms);
                Allowance { limit, remaining: limit - seen.len(), retry_s: 0 }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_holds_as_many_calls_as_cashfree_allows() {
        let mut calls = Calls::default();
        for n in 0..60 {
            let allowance = calls.take(Call::Order, n, 60_000);
            assert_eq!((allowance.retry_s, allowance.remaining), (0, 59 - usize::try_from(n).unwrap()));
        }
        assert_eq!(calls.take(Call::Order, 100, 60_000), Allowance { limit: 60, remaining: 0, retry_s: 60 });
        assert_eq!(calls.take(Call::Payments, 100, 60_000).retry_s, 0, "another kind has its own");
        assert_eq!(calls.take(Call::Order, 59_500, 60_000).retry_s, 1);
        assert_eq!(calls.take(Call::Order, 60_000, 60_000).retry_s, 0);
        // A clock that was set back holds nobody off for longer than a minute.
        assert!(calls.take(Call::Order, 60_001, 60_000).retry_s <= 60);
    }
}
