//! Limits how often each stranger's address may call, and how often an address may be wrong about the token.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use tandem_net::subscriber;

use super::route::Route;
use super::status::Reject;
use crate::aging::AgingMap;
use crate::config::RateLimit;

/// Bytes that each call of an address may bring on average. An event has one or two thousand. Without it, the largest
/// messages at the allowed rate would fill a disk within hours.
const BYTES_PER_CALL: u32 = 4 * 1024;
/// Fewest bytes that an address may bring at once after a pause: a few of the largest messages.
const BYTES_BURST_MIN: u32 = 256 * 1024;
/// How many files of the browser package an address may fetch for each call: what a page loads at most.
const FILES_PER_CALL: NonZeroU32 = NonZeroU32::MIN.saturating_add(7);
/// How often an address may be wrong about the token.
const GUESSES: RateLimit =
    RateLimit { per_second: NonZeroU32::MIN, burst: NonZeroU32::MIN.saturating_add(49) };
/// Lowest rate of health checks. However slowly pages may call, an orchestrator and the gateway ask this often.
const HEALTH_MIN: RateLimit =
    RateLimit { per_second: NonZeroU32::MIN.saturating_add(9), burst: NonZeroU32::MIN.saturating_add(49) };
/// For at least this long an address from which a right token came is one of the shop's, milliseconds.
const PROVEN_MS: i64 = 3_600_000;
/// Most addresses that are remembered for a right token. Only the shop's own services fill it.
const PROVEN_MAX: usize = 1024;

#[derive(Debug)]
pub struct RateLimits {
    buckets: Option<Buckets>,
    clock: DefaultClock,
    epoch: Instant,
}

#[derive(Debug)]
struct Buckets {
    /// Most calls at once.
    burst: NonZeroU32,
    calls: DefaultKeyedRateLimiter<IpAddr>,
    bytes: DefaultKeyedRateLimiter<IpAddr>,
    /// Health checks. A load balancer may share its address with all that comes through it, and must not take the
    /// server for dead because others call often.
    health: DefaultKeyedRateLimiter<IpAddr>,
    /// Files of the browser package. Each page asks for some of them before its first call.
    files: DefaultKeyedRateLimiter<IpAddr>,
    guesses: DefaultKeyedRateLimiter<IpAddr>,
    proven: Mutex<AgingMap<IpAddr, ()>>,
}

impl RateLimits {
    /// `None`: no limits.
    pub fn new(limit: Option<RateLimit>) -> Self {
        let keyed = |limit: RateLimit| {
            RateLimiter::keyed(Quota::per_second(limit.per_second).allow_burst(limit.burst))
        };
        let bytes =
            |calls: NonZeroU32| calls.saturating_mul(NonZeroU32::MIN.saturating_add(BYTES_PER_CALL - 1));
        let buckets = limit.map(|limit| Buckets {
            burst: limit.burst,
            calls: keyed(limit),
            bytes: keyed(RateLimit {
                per_second: bytes(limit.per_second),
                burst: bytes(limit.burst).max(NonZeroU32::MIN.saturating_add(BYTES_BURST_MIN - 1)),
            }),
            health: keyed(RateLimit {
                per_second: limit.per_second.max(HEALTH_MIN.per_second),
                burst: limit.burst.max(HEALTH_MIN.burst),
            }),
            files: keyed(RateLimit {
                per_second: limit.per_second.saturating_mul(FILES_PER_CALL),
                burst: limit.burst.saturating_mul(FILES_PER_CALL),
            }),
            guesses: keyed(GUESSES),
            proven: Mutex::new(AgingMap::new(PROVEN_MS, PROVEN_MAX)),
        });
        Self { buckets, clock: DefaultClock::default(), epoch: Instant::now() }
    }

    /// Counts a stranger's call. The error is the time to wait.
    pub(super) fn check(&self, address: IpAddr, route: Route) -> Result<(), Duration> {
        let Some(buckets) = &self.buckets else { return Ok(()) };
        let bucket =
            if matches!(route, Route::Check | Route::Watch) { &buckets.health } else { &buckets.calls };
        self.take(bucket, address)
    }

    /// Counts a request for a file of the browser package. The error is the time to wait.
    pub(super) fn check_file(&self, address: IpAddr) -> Result<(), Duration> {
        self.buckets.as_ref().map_or(Ok(()), |buckets| self.take(&buckets.files, address))
    }

    /// Counts a stranger's call that does the work of several as so many more. However small the burst, a call fits
    /// that comes after a pause. The error is the time to wait.
    pub(super) fn charge(&self, address: IpAddr, calls: u32) -> Result<(), Duration> {
        let Some(buckets) = &self.buckets else { return Ok(()) };
        let Some(calls) = NonZeroU32::new(calls.min(buckets.burst.get().saturating_sub(1))) else {
            return Ok(());
        };
        match buckets.calls.check_key_n(&subscriber(address), calls) {
            Ok(taken) => taken.map_err(|until| until.wait_time_from(self.clock.now())),
            // Not reached: a burst has room for so many.
            Err(_) => Err(Duration::from_secs(1)),
        }
    }

    /// Counts bytes of a stranger's message. The error is the time to wait.
    pub(super) fn take_bytes(&self, address: IpAddr, bytes: usize) -> Result<(), Duration> {
        let bytes = NonZeroU32::new(u32::try_from(bytes).unwrap_or(u32::MAX));
        let (Some(buckets), Some(bytes)) = (&self.buckets, bytes) else { return Ok(()) };
        match buckets.bytes.check_key_n(&subscriber(address), bytes) {
            Ok(taken) => taken.map_err(|until| until.wait_time_from(self.clock.now())),
            // More at once than an address may bring at all.
            Err(_) => Err(Duration::from_secs(1)),
        }
    }

    /// Compares a caller's token, unless its address was wrong too often: who may try without end finds a token.
    /// An address from which the right token came lately is compared in any case, so that the shop's services are
    /// not locked out by a wrong one.
    ///
    /// # Errors
    /// [`Reject::Unauthenticated`] for a wrong token, [`Reject::TooFast`] for one too many.
    pub(super) fn compare(
        &self,
        address: Option<IpAddr>,
        is_right: impl FnOnce() -> bool,
    ) -> Result<(), Reject> {
        let (Some(buckets), Some(address)) = (&self.buckets, address) else {
            return if is_right() { Ok(()) } else { Err(Reject::Unauthenticated) };
        };
        let subscriber = subscriber(address);
        let now_ms = i64::try_from(self.epoch.elapsed().as_millis()).unwrap_or(i64::MAX);
        let proven = || buckets.proven.lock().unwrap_or_else(PoisonError::into_inner);
        let is_proven = proven().get(&subscriber).is_some();
        let guess = || self.take(&buckets.guesses, address).map_err(Reject::TooFast);
        if !is_proven {
            guess()?;
        }
        if is_right() {
            proven().insert(subscriber, (), now_ms);
            return Ok(());
        }
        if is_proven {
            guess()?;
        }
        Err(Reject::Unauthenticated)
    }

    fn take(&self, bucket: &DefaultKeyedRateLimiter<IpAddr>, address: IpAddr) -> Result<(), Duration> {
        bucket.check_key(&subscriber(address)).map_err(|until| until.wait_time_from(self.clock.now()))
    }

    /// Forgets addresses that have made no call for a while. The janitor calls this, so that memory
    /// stays bounded.
    pub fn forget_quiet(&self) {
        let Some(Buckets { calls, bytes, health, files, guesses, .. }) = &self.buckets else { return };
        for bucket in [calls, bytes, health, files, guesses] {
            bucket.retain_recent();
            bucket.shrink_to_fit();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAD: Route = Route::Page("CaptureLead");

    fn limits(text: &str) -> RateLimits {
        RateLimits::new(RateLimit::parse(text).unwrap())
    }

    #[test]
    fn a_burst_is_let_through_and_the_rest_told_to_wait() {
        let limits = limits("1/s burst 3");
        let address: IpAddr = "192.0.2.1".parse().unwrap();
        for _ in 0..3 {
            assert_eq!(limits.check(address, LEAD), Ok(()));
        }
        let wait = limits.check(address, LEAD).expect_err("the fourth");
        assert!(wait > Duration::ZERO && wait <= Duration::from_secs(1));
        let checks = (0..100).filter(|_| limits.check(address, Route::Check).is_ok()).count();
        assert!((50..60).contains(&checks), "health has a bucket of its own, for {checks} checks");
        assert_eq!(limits.check("192.0.2.2".parse().unwrap(), LEAD), Ok(()), "another address");
    }

    #[test]
    fn a_call_that_does_the_work_of_several_counts_as_several() {
        let limits = limits("1/s burst 10");
        let address: IpAddr = "192.0.2.1".parse().unwrap();
        assert_eq!((limits.check(address, LEAD), limits.charge(address, 0)), (Ok(()), Ok(())));
        assert_eq!(limits.charge(address, 5), Ok(()));
        assert_eq!((0..10).filter(|_| limits.check(address, LEAD).is_ok()).count(), 4);
        assert!(limits.charge(address, 5).is_err());
        let other: IpAddr = "192.0.2.2".parse().unwrap();
        assert_eq!(
            (limits.check(other, LEAD), limits.charge(other, 1000)),
            (Ok(()), Ok(())),
            "after a pause"
        );
    }

    #[test]
    fn bytes_have_a_rate_that_follows_from_that_of_calls() {
        let address: IpAddr = "192.0.2.1".parse().unwrap();
        let taken = |limits: &RateLimits| {
            (0..1000).filter(|_| limits.take_bytes(address, 16 * 1024).is_ok()).count() * 16 * 1024
        };
        let taken_by_default = taken(&limits("50/s burst 200"));
        assert!((780_000..1_000_000).contains(&taken_by_default), "{taken_by_default} bytes");
        let small = limits("1/s burst 5");
        assert!((256 * 1024..300_000).contains(&taken(&small)));
        assert_eq!(small.check(address, LEAD), Ok(()), "calls have a bucket of their own");
        assert!(small.take_bytes("192.0.2.2".parse().unwrap(), 64 * 1024).is_ok(), "another address");
        assert!(taken(&RateLimits::new(None)) == 1000 * 16 * 1024);
    }

    #[test]
    fn ipv6_neighbours_share_a_limit() {
        let limits = limits("1/s");
        assert_eq!(limits.check("2001:db8:1:2::1".parse().unwrap(), LEAD), Ok(()));
        assert!(limits.check("2001:db8:1:2:ffff::9".parse().unwrap(), LEAD).is_err());
        assert_eq!(limits.check("2001:db8:1:3::1".parse().unwrap(), LEAD), Ok(()));
    }

    #[test]
    fn guesses_end_soon_and_a_proven_address_is_never_locked_out() {
        let limits = limits("1/s");
        let compare = |address: &str, is_right: bool| {
            let mut was_compared = false;
            let result = limits.compare(Some(address.parse().unwrap()), || {
                was_compared = true;
                is_right
            });
            (result, was_compared)
        };
        let (shop, guesser) = ("192.0.2.1", "192.0.2.2");
        assert_eq!(compare(shop, true), (Ok(()), true));
        let compared = (0..500).filter(|_| compare(guesser, false).1).count();
        assert!((50..60).contains(&compared), "{compared} guesses were compared");
        assert!(matches!(compare(guesser, true), (Err(Reject::TooFast(_)), false)));
        assert!(matches!(compare("192.0.2.3", false), (Err(Reject::Unauthenticated), true)));
        for _ in 0..500 {
            assert!(compare(shop, false).0.is_err());
        }
        assert_eq!(compare(shop, true), (Ok(()), true));
    }
}
