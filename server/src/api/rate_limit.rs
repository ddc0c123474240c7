//! Limits how often each stranger's address may call.

use std::net::IpAddr;
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use tandem_net::subscriber;

use crate::config::RateLimit;

#[derive(Debug)]
pub struct RateLimits {
    limiter: Option<DefaultKeyedRateLimiter<IpAddr>>,
    clock: DefaultClock,
}

impl RateLimits {
    /// `None`: no limit.
    pub fn new(limit: Option<RateLimit>) -> Self {
        let limiter = limit
            .map(|limit| RateLimiter::keyed(Quota::per_second(limit.per_second).allow_burst(limit.burst)));
        Self { limiter, clock: DefaultClock::default() }
    }

    /// Counts a call. The error is the time to wait.
    pub fn check(&self, address: IpAddr) -> Result<(), Duration> {
        let Some(limiter) = &self.limiter else { return Ok(()) };
        limiter.check_key(&subscriber(address)).map_err(|until| until.wait_time_from(self.clock.now()))
    }

    /// Forgets addresses that have made no call for a while. The janitor calls this, so that memory
    /// stays bounded.
    pub fn forget_quiet(&self) {
        if let Some(limiter) = &self.limiter {
            limiter.retain_recent();
            limiter.shrink_to_fit();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_let_through_and_the_rest_told_to_wait() {
        let limits = RateLimits::new(RateLimit::parse("1/s burst 3").unwrap());
        let address: IpAddr = "192.0.2.1".parse().unwrap();
        for _ in 0..3 {
            assert_eq!(limits.check(address), Ok(()));
        }
        let wait = limits.check(address).expect_err("the fourth");
        assert!(wait > Duration::ZERO && wait <= Duration::from_secs(1));
        assert_eq!(limits.check("192.0.2.2".parse().unwrap()), Ok(()), "another address");
    }

    #[test]
    fn ipv6_neighbours_share_a_limit() {
        let limits = RateLimits::new(RateLimit::parse("1/s").unwrap());
        assert_eq!(limits.check("2001:db8:1:2::1".parse().unwrap()), Ok(()));
        assert!(limits.check("2001:db8:1:2:ffff::9".parse().unwrap()).is_err());
        assert_eq!(limits.check("2001:db8:1:3::1".parse().unwrap()), Ok(()));
    }
}
