//! The door of the browser package's files, in front of that of the RPCs. No caller needs a token or a listed origin.
//! Files have a rate limit and a room of their own, so that a flood of downloads takes no place from a lead.

use std::collections::HashMap;
use std::future::{Ready, ready};
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::Either;
use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, HOST, HeaderValue, RETRY_AFTER};
use http::{Request, Response, StatusCode};
use http_body::{Frame, SizeHint};
use http_body_util::Full;
use tandem_net::{Peer, TakenWithin, subscriber};
use tandem_settings::client_address;
use tonic::Status;
use tonic::body::Body;
use tower::{Layer, Service};

use super::access::AccessPolicy;
use crate::web_package::{EMBEDDED, inside};

/// Most answers that wait for their callers to take them.
const OPEN_MAX: usize = 1024;
/// The same of one address (IPv6: /64). Many visitors may share one.
const PER_ADDRESS_MAX: usize = 64;
/// How long a caller may take to fetch a file. The largest has some ten kilobytes.
const TAKEN_WITHIN: Duration = Duration::from_secs(30);

/// Answers what is below `/web/`, and passes on everything else.
#[derive(Debug, Clone)]
pub(super) struct WebPackageLayer {
    policy: Arc<AccessPolicy>,
    room: Arc<Room>,
}

impl WebPackageLayer {
    pub(super) fn new(policy: Arc<AccessPolicy>) -> Self {
        Self { policy, room: Arc::default() }
    }
}

impl<S> Layer<S> for WebPackageLayer {
    type Service = WebPackageService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        WebPackageService { inner, door: self.clone() }
    }
}

/// The service of [`WebPackageLayer`].
#[derive(Debug, Clone)]
pub(super) struct WebPackageService<S> {
    inner: S,
    door: WebPackageLayer,
}

impl<S> Service<Request<Body>> for WebPackageService<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Either<S::Future, Ready<Result<S::Response, S::Error>>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        match inside(request.uri().path()) {
            Some(path) => Either::Right(ready(Ok(self.door.answer(path, &request)))),
            None => Either::Left(self.inner.call(request)),
        }
    }
}

impl WebPackageLayer {
    fn answer(&self, path: &str, request: &Request<Body>) -> Response<Body> {
        let Self { policy, room } = self;
        let peer = request.extensions().get::<Peer>();
        let address = peer
            .map(|peer| subscriber(client_address(peer.address, request.headers(), &policy.trusted_proxies)));
        let wait = address.and_then(|address| policy.rate_limits.check_file(address).err());
        let place = if wait.is_none() { Room::enter(room, address) } else { None };
        let Some(place) = place else {
            policy.metrics.count_web_file("refused");
            return too_many(wait.unwrap_or(Duration::from_secs(1)));
        };
        if EMBEDDED.is_of_another(path) && !room.has_warned.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "a page asks for the files of another version of the browser package, and gets none; open /web/ on the \
                 gRPC port and copy the new tag (said once)"
            );
        }
        // HTTP/2 has no header for the host.
        let named = request.headers().get(HOST).and_then(|host| host.to_str().ok());
        let host = named.or_else(|| request.uri().authority().map(http::uri::Authority::as_str));
        let (answer, outcome) = EMBEDDED.answer(request.method(), path, request.headers(), host);
        policy.metrics.count_web_file(outcome.as_str());
        let mut answer = answer.map(|bytes| Body::new(Lent { body: Full::new(bytes), _place: place }));
        answer.extensions_mut().insert(TakenWithin(TAKEN_WITHIN));
        answer
    }
}

/// A page may read why it got no file.
fn too_many(wait: Duration) -> Response<Body> {
    let text = "Too many requests at once. Try again later.\n";
    let mut answer = Response::new(Body::new(Full::new(Bytes::from_static(text.as_bytes()))));
    *answer.status_mut() = StatusCode::TOO_MANY_REQUESTS;
    let fields = answer.headers_mut();
    fields.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    fields.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    fields.insert(RETRY_AFTER, HeaderValue::from(wait.as_secs().saturating_add(1)));
    answer
}

/// The answers that wait to be taken.
#[derive(Debug, Default)]
struct Room {
    /// How many, by address. Callers without an address (none has one behind a port of ours) share `None`.
    open: Mutex<HashMap<Option<IpAddr>, usize>>,
    /// Whether the log says that pages ask for another package.
    has_warned: AtomicBool,
}

impl Room {
    fn enter(room: &Arc<Self>, address: Option<IpAddr>) -> Option<Place> {
        let mut open = room.open.lock().unwrap_or_else(PoisonError::into_inner);
        let all: usize = open.values().sum();
        let own = open.get(&address).copied().unwrap_or_default();
        if all >= OPEN_MAX || own >= PER_ADDRESS_MAX {
            return None;
        }
        open.insert(address, own + 1);
        Some(Place { room: Arc::clone(room), address })
    }
}

/// A place in the room, until it is dropped.
#[derive(Debug)]
struct Place {
    room: Arc<Room>,
    address: Option<IpAddr>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.room.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = open.get_mut(&self.address) {
            *own -= 1;
            if *own == 0 {
                open.remove(&self.address);
            }
        }
    }
}

/// A body that keeps its place until it was taken.
struct Lent {
    body: Full<Bytes>,
    _place: Place,
}

impl http_body::Body for Lent {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        Pin::new(&mut self.body).poll_frame(context).map_err(|never| match never {})
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_free_again_when_its_answer_was_taken_and_one_address_cannot_fill_the_room() {
        let room = Arc::<Room>::default();
        let address = |n: u8| Some(IpAddr::from([192, 0, 2, n]));
        let mut greedy: Vec<Place> =
            (0..PER_ADDRESS_MAX).map(|_| Room::enter(&room, address(1)).expect("there is room")).collect();
        assert!(Room::enter(&room, address(1)).is_none());
        greedy.pop();
        greedy.extend(Room::enter(&room, address(1)));
        assert_eq!(greedy.len(), PER_ADDRESS_MAX);
        let others: Vec<Place> = (0..OPEN_MAX - PER_ADDRESS_MAX)
            .map(|n| {
                Room::enter(&room, address(2 + u8::try_from(n / PER_ADDRESS_MAX).unwrap())).expect("room")
            })
            .collect();
        assert!(Room::enter(&room, address(200)).is_none(), "the room is full");
        drop((greedy, others));
        assert!(room.open.lock().unwrap().is_empty());
    }
}
