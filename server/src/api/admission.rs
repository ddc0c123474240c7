//! Limits how many requests may be open at once. Each kind of caller has a limit of its own, so a
//! flood from strangers does not block webhooks, operators or health checks. A request over its
//! limit is refused at once, before its body is read. An unbounded queue would time out every
//! caller. A request is open until the last byte of its answer was taken.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use http::Response;
use tandem_net::subscriber;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::Status;
use tonic::body::Body;

use super::caller::Caller;
use super::room::{NoPlace, Place, Room};
use super::route::Route;
use super::status::Reject;
use super::tally::Tally;

/// Most open requests of strangers. With a body of 64 KiB each they would hold 128 MiB.
const STRANGERS_MAX: usize = 2048;
/// Most open claims of strangers. A claim may wait five seconds for a webhook, so claims have a
/// limit of their own and cannot block leads.
const CLAIMS_MAX: usize = 1024;
/// Most open requests of one address (IPv6: /64) in an empty room: what its rate limit allows in the five seconds
/// that a claim may wait.
const PER_ADDRESS_MAX: usize = 256;
/// Most open requests of the shop's own services. The gateway opens at most 128.
const SHOP_MAX: usize = 512;
/// Most open health checks.
const CHECKS_MAX: usize = 128;
/// Most open watches on health. They have a limit of their own, because they last.
const WATCHES_MAX: usize = 64;
/// Most open health checks and watches of one address.
const HEALTH_PER_ADDRESS_MAX: usize = 16;
/// How long an address with too many open requests is told to wait.
const ADDRESS_WAIT: Duration = Duration::from_secs(1);

/// The open requests and their limits. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Admission {
    strangers: Arc<Room>,
    claims: Arc<Room>,
    shop: Arc<Room>,
    checks: Arc<Room>,
    watches: Arc<Room>,
    /// Whether each address has a share of its own. It has none when there are no rate limits either.
    per_address: bool,
    refused: Arc<AtomicU64>,
}

impl Admission {
    /// `per_address`: also limits each address separately.
    pub fn new(per_address: bool) -> Self {
        Self {
            strangers: Room::new(STRANGERS_MAX, PER_ADDRESS_MAX),
            claims: Room::new(CLAIMS_MAX, PER_ADDRESS_MAX),
            shop: Room::new(SHOP_MAX, SHOP_MAX),
            checks: Room::new(CHECKS_MAX, HEALTH_PER_ADDRESS_MAX),
            watches: Room::new(WATCHES_MAX, HEALTH_PER_ADDRESS_MAX),
            per_address,
            refused: Arc::default(),
        }
    }

    /// Admits a request until its place is dropped.
    ///
    /// # Errors
    /// [`Reject::Overloaded`] when the limit is reached, [`Reject::TooFast`] when the address has
    /// reached its own limit.
    pub(super) fn admit(&self, caller: &Caller, route: Route) -> Result<Place, Reject> {
        let room = match (caller, route) {
            (_, Route::Check) => &self.checks,
            (Caller::Internal, _) => &self.shop,
            (Caller::Stranger(_), Route::Watch) => &self.watches,
            (Caller::Stranger(_), Route::Purchase) => &self.claims,
            (Caller::Stranger(_), _) => &self.strangers,
        };
        let address = match caller {
            Caller::Stranger(stranger) if self.per_address => stranger.address.map(subscriber),
            _ => None,
        };
        room.enter(address).map_err(|no_place| match no_place {
            NoPlace::ShareIsTaken => Reject::TooFast(ADDRESS_WAIT),
            NoPlace::Full => {
                self.refused.fetch_add(1, Ordering::Relaxed);
                Reject::Overloaded
            }
        })
    }

    /// Whether no request is open.
    #[cfg(test)]
    pub(crate) fn is_idle(&self) -> bool {
        [&self.strangers, &self.claims, &self.shop, &self.checks, &self.watches]
            .into_iter()
            .all(|room| room.taken() == 0)
    }

    /// Logs how many requests were refused since the last report.
    pub fn report(&self) {
        let requests = self.refused.swap(0, Ordering::Relaxed);
        if requests > 0 {
            tracing::warn!(
                requests,
                "too many requests were open at once; these requests were refused and told to try again"
            );
        }
    }
}

/// The work on a request, in a task of its own. A caller who leaves changes nothing about it: what an RPC does after
/// one of its awaits must not depend on whether somebody still waits for the answer.
#[derive(Debug)]
pub struct Admitted<E> {
    work: JoinHandle<Result<Response<Body>, E>>,
    _caller: DropGuard,
}

/// Says that nobody waits for a request's answer any more. It stands in the request's extensions, for what is done for
/// the caller alone: waiting.
#[derive(Debug, Clone, Default)]
pub(super) struct CallerGone(pub(super) CancellationToken);

impl<E: Send + 'static> Admitted<E> {
    /// Starts the work. It holds its place, and so does its answer's body. `gone` is told when the caller leaves.
    pub(super) fn start(
        work: impl Future<Output = Result<Response<Body>, E>> + Send + 'static,
        place: Place,
        tally: Tally,
        gone: CallerGone,
    ) -> Self {
        let work = tokio::spawn(async move {
            let answer = work.await;
            if let Ok(answer) = &answer {
                tally.answered(answer);
            }
            answer.map(|answer| answer.map(|body| place.kept_by(body)))
        });
        Self { work, _caller: gone.0.drop_guard() }
    }
}

impl<E> Future for Admitted<E> {
    type Output = Result<Response<Body>, E>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.work).poll(context).map(|ended| {
            ended.unwrap_or_else(|error| {
                tracing::error!(%error, "a handler ended abnormally");
                Ok(Status::internal("the call ended abnormally").into_http())
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::caller::Stranger;
    use super::*;

    const LEAD: Route = Route::Page("CaptureLead");

    fn stranger(address: &str) -> Caller {
        Caller::Stranger(Stranger { address: Some(address.parse().unwrap()), ..Stranger::default() })
    }

    #[test]
    fn too_many_strangers_do_not_block_the_shop_or_health_checks() {
        let admission = Admission::new(true);
        let crowd: Vec<Place> = (0..STRANGERS_MAX)
            .map(|n| {
                let address = format!("10.0.{}.{}", n / 250, n % 250);
                admission.admit(&stranger(&address), LEAD).expect("there is room")
            })
            .collect();
        assert_eq!(admission.admit(&stranger("192.0.2.1"), LEAD).err(), Some(Reject::Overloaded));
        assert!(admission.admit(&Caller::Internal, LEAD).is_ok());
        assert!(admission.admit(&stranger("192.0.2.1"), Route::Check).is_ok());
        drop(crowd);
        assert!(admission.admit(&stranger("192.0.2.1"), LEAD).is_ok());
    }

    #[test]
    fn claims_that_wait_do_not_block_leads() {
        let admission = Admission::new(false);
        let claim = || admission.admit(&stranger("192.0.2.1"), Route::Purchase);
        let waiting: Vec<Place> = (0..CLAIMS_MAX).map(|_| claim().expect("there is room")).collect();
        assert_eq!(claim().err(), Some(Reject::Overloaded));
        assert!(admission.admit(&stranger("192.0.2.1"), LEAD).is_ok());
        assert!(admission.admit(&Caller::Internal, Route::Purchase).is_ok(), "a merchant report is no claim");
        drop(waiting);
        assert!(claim().is_ok());
    }

    #[test]
    fn four_addresses_that_claim_without_end_leave_room_for_a_buyer() {
        let admission = Admission::new(true);
        let claim = |address: &str| admission.admit(&stranger(address), Route::Purchase);
        let mut open = Vec::new();
        for _ in 0..CLAIMS_MAX {
            open.extend((1..=4).filter_map(|n| claim(&format!("192.0.2.{n}")).ok()));
        }
        assert!(matches!(claim("192.0.2.1"), Err(Reject::TooFast(_))));
        assert!(open.len() <= CLAIMS_MAX / 2 + 4, "{} of {CLAIMS_MAX}", open.len());
        assert!(claim("198.51.100.1").is_ok());
    }

    #[test]
    fn one_network_cannot_use_up_the_limit() {
        let admission = Admission::new(true);
        let mut permits = Vec::new();
        while permits.len() < PER_ADDRESS_MAX {
            let neighbour = stranger(&format!("2001:db8:1:2::{:x}", permits.len()));
            permits.push(admission.admit(&neighbour, LEAD).expect("there is room"));
        }
        let one_more = admission.admit(&stranger("2001:db8:1:2:ffff::1"), LEAD);
        assert!(matches!(one_more, Err(Reject::TooFast(_))));
        assert!(admission.admit(&stranger("2001:db8:1:3::1"), LEAD).is_ok(), "another network");
        permits.pop();
        assert!(admission.admit(&stranger("2001:db8:1:2:ffff::1"), LEAD).is_ok());
        assert_eq!(admission.strangers.taken(), PER_ADDRESS_MAX - 1);
    }

    #[test]
    fn watches_block_neither_checks_nor_each_other() {
        let admission = Admission::new(true);
        let watch = |address: &str| admission.admit(&stranger(address), Route::Watch);
        let own: Vec<Place> = std::iter::from_fn(|| watch("192.0.2.1").ok()).collect();
        assert!((8..=HEALTH_PER_ADDRESS_MAX).contains(&own.len()), "{} of one address", own.len());
        assert!(matches!(watch("192.0.2.1"), Err(Reject::TooFast(_))));
        assert!(admission.admit(&stranger("192.0.2.1"), LEAD).is_ok(), "its leads have room of their own");
        let others: Vec<Place> = (0..WATCHES_MAX - own.len())
            .map(|n| watch(&format!("10.0.0.{n}")).expect("there is room"))
            .collect();
        assert_eq!(watch("192.0.2.9").err(), Some(Reject::Overloaded));
        assert!(admission.admit(&stranger("192.0.2.9"), Route::Check).is_ok());
        assert!(admission.admit(&Caller::Internal, Route::Watch).is_ok());
        drop((own, others));
        assert!(admission.is_idle());
    }

    #[tokio::test]
    async fn a_request_is_open_until_its_answer_was_taken() {
        let admission = Admission::new(true);
        let permit = admission.admit(&stranger("192.0.2.1"), LEAD).unwrap();
        let work = async {
            Ok::<_, std::convert::Infallible>(Response::new(Body::new(http_body_util::Full::from(
                "an answer",
            ))))
        };
        let tally = Tally::start(Arc::default(), crate::clock::Clock::fixed(0), LEAD);
        let answer = Admitted::start(work, permit, tally, CallerGone::default()).await.unwrap();
        assert!(!admission.is_idle(), "the answer waits to be taken");
        drop(answer);
        assert!(admission.is_idle());
    }
}
