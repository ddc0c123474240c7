//! How much may be asked at once. Each kind of caller has a room of its own, so that a
//! flood of strangers leaves webhooks, operators and health checks their way in. Whoever
//! finds a room full is told at once to come again, before the body is read: nobody waits
//! in a line that grows.

use std::collections::HashMap;
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use pin_project_lite::pin_project;
use tandem_net::subscriber;
use tandem_proto::v1::tracking_service_paths::RECORD_PURCHASE;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::caller::Caller;
use super::status::Reject;

/// Requests of strangers at once. With a body of 256 KiB each they would hold half a gigabyte.
const STRANGERS_MAX: usize = 2048;
/// Claims of strangers at once: each may wait five seconds for a webhook, and must not keep
/// leads out.
const CLAIMS_MAX: usize = 1024;
/// Requests of one address (IPv6: /64) at once: what its rate limit allows in the five
/// seconds that a claim may wait.
const PER_ADDRESS_MAX: usize = 256;
/// Requests of the shop's own services at once; the gateway makes 128.
const SHOP_MAX: usize = 512;
/// Health checks at once.
const CHECKS_MAX: usize = 128;
/// When an address with too many open requests should come again.
const ADDRESS_WAIT: Duration = Duration::from_secs(1);

/// See the module. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Admission {
    strangers: Arc<Semaphore>,
    claims: Arc<Semaphore>,
    shop: Arc<Semaphore>,
    checks: Arc<Semaphore>,
    /// Open requests by address; none when rates are not limited either.
    addresses: Option<Arc<Addresses>>,
    turned_away: Arc<AtomicU64>,
}

#[derive(Debug, Default)]
struct Addresses(Mutex<HashMap<IpAddr, usize>>);

impl Admission {
    /// Empty admission. `per_address`: no address may fill one alone.
    pub fn new(per_address: bool) -> Self {
        let room = |size| Arc::new(Semaphore::new(size));
        Self {
            strangers: room(STRANGERS_MAX),
            claims: room(CLAIMS_MAX),
            shop: room(SHOP_MAX),
            checks: room(CHECKS_MAX),
            addresses: per_address.then(Arc::default),
            turned_away: Arc::default(),
        }
    }

    /// Lets a request in until its permit is dropped.
    ///
    /// # Errors
    /// [`Reject::Overloaded`] when the room is full, [`Reject::TooFast`] when the address
    /// has filled its part of it.
    pub(super) fn admit(&self, caller: &Caller, path: &str) -> Result<Permit, Reject> {
        let (room, address) = match caller {
            _ if path.starts_with("/grpc.health.v1.Health/") => (&self.checks, None),
            Caller::Internal => (&self.shop, None),
            Caller::Stranger(stranger) => {
                let room = if path == RECORD_PURCHASE { &self.claims } else { &self.strangers };
                (room, stranger.address.map(subscriber))
            }
        };
        let Ok(place) = Arc::clone(room).try_acquire_owned() else {
            self.turned_away.fetch_add(1, Ordering::Relaxed);
            return Err(Reject::Overloaded);
        };
        let mut counted = None;
        if let (Some(addresses), Some(address)) = (&self.addresses, address) {
            if !addresses.admit(address) {
                return Err(Reject::TooFast(ADDRESS_WAIT));
            }
            counted = Some((Arc::clone(addresses), address));
        }
        Ok(Permit { _place: place, counted })
    }

    /// Says in the log how many requests found a room full since the last time.
    pub fn report(&self) {
        let requests = self.turned_away.swap(0, Ordering::Relaxed);
        if requests > 0 {
            tracing::warn!(
                requests,
                "more was asked at once than is taken; those requests were told to come again"
            );
        }
    }
}

impl Addresses {
    fn admit(&self, address: IpAddr) -> bool {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(address).or_default();
        let has_room = *count < PER_ADDRESS_MAX;
        *count += usize::from(has_room);
        has_room
    }

    fn leave(&self, address: IpAddr) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&address);
            }
        }
    }
}

/// A request's place in its room.
#[derive(Debug)]
pub(super) struct Permit {
    _place: OwnedSemaphorePermit,
    counted: Option<(Arc<Addresses>, IpAddr)>,
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some((addresses, address)) = &self.counted {
            addresses.leave(*address);
        }
    }
}

pin_project! {
    /// The work on a request, which keeps its place until the answer begins.
    #[derive(Debug)]
    pub struct Admitted<F> {
        #[pin]
        work: F,
        _permit: Permit,
    }
}

impl<F> Admitted<F> {
    pub(super) fn new(work: F, permit: Permit) -> Self {
        Self { work, _permit: permit }
    }
}

impl<F: Future> Future for Admitted<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        self.project().work.poll(context)
    }
}

#[cfg(test)]
mod tests {
    use super::super::caller::Stranger;
    use super::*;

    const LEAD: &str = "/tandem.v1.TrackingService/CaptureLead";
    const CHECK: &str = "/grpc.health.v1.Health/Check";

    fn stranger(address: &str) -> Caller {
        Caller::Stranger(Stranger { address: Some(address.parse().unwrap()), ..Stranger::default() })
    }

    #[test]
    fn a_full_room_of_strangers_leaves_the_shop_and_health_checks_theirs() {
        let admission = Admission::new(true);
        let crowd: Vec<Permit> = (0..STRANGERS_MAX)
            .map(|n| {
                let address = format!("10.0.{}.{}", n / 250, n % 250);
                admission.admit(&stranger(&address), LEAD).expect("there is room")
            })
            .collect();
        assert_eq!(admission.admit(&stranger("192.0.2.1"), LEAD).err(), Some(Reject::Overloaded));
        assert!(admission.admit(&Caller::Internal, LEAD).is_ok());
        assert!(admission.admit(&stranger("192.0.2.1"), CHECK).is_ok());
        drop(crowd);
        assert!(admission.admit(&stranger("192.0.2.1"), LEAD).is_ok());
    }

    #[test]
    fn claims_that_wait_leave_leads_their_room() {
        let admission = Admission::new(false);
        let claim = || admission.admit(&stranger("192.0.2.1"), RECORD_PURCHASE);
        let waiting: Vec<Permit> = (0..CLAIMS_MAX).map(|_| claim().expect("there is room")).collect();
        assert_eq!(claim().err(), Some(Reject::Overloaded));
        assert!(admission.admit(&stranger("192.0.2.1"), LEAD).is_ok());
        assert!(admission.admit(&Caller::Internal, RECORD_PURCHASE).is_ok(), "a fact is no claim");
        drop(waiting);
        assert!(claim().is_ok());
    }

    #[test]
    fn one_network_fills_its_part_and_no_more() {
        let admission = Admission::new(true);
        let mut permits = Vec::new();
        for n in 0..PER_ADDRESS_MAX {
            let neighbour = stranger(&format!("2001:db8:1:2::{n:x}"));
            permits.push(admission.admit(&neighbour, LEAD).expect("there is room"));
        }
        let one_more = admission.admit(&stranger("2001:db8:1:2:ffff::1"), LEAD);
        assert!(matches!(one_more, Err(Reject::TooFast(_))));
        assert!(admission.admit(&stranger("2001:db8:1:3::1"), LEAD).is_ok(), "another network");
        permits.pop();
        assert!(admission.admit(&stranger("2001:db8:1:2:ffff::1"), LEAD).is_ok());
        assert_eq!(admission.strangers.available_permits(), STRANGERS_MAX - PER_ADDRESS_MAX + 1);
    }
}
