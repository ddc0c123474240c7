//! The door of the browser package's files, in front of that of the RPCs. No caller needs a token or a listed origin.
//! Files have a rate limit and a room of their own, so that a flood of downloads takes no place from a lead.

use std::future::{Ready, ready};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::Either;
use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, HOST, HeaderValue, RETRY_AFTER};
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use tandem_net::{Peer, TakenWithin, subscriber};
use tandem_settings::client_address;
use tonic::body::Body;
use tower::{Layer, Service};

use super::access::AccessPolicy;
use super::room::Room;
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
    /// Answers that wait to be taken.
    room: Arc<Room>,
    /// Whether the log says that pages ask for another package.
    has_warned: Arc<AtomicBool>,
}

impl WebPackageLayer {
    pub(super) fn new(policy: Arc<AccessPolicy>) -> Self {
        Self { policy, room: Room::new(OPEN_MAX, PER_ADDRESS_MAX), has_warned: Arc::default() }
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
        let Self { policy, room, has_warned } = self;
        let peer = request.extensions().get::<Peer>();
        let address = peer
            .map(|peer| subscriber(client_address(peer.address, request.headers(), &policy.trusted_proxies)));
        let wait = address.and_then(|address| policy.rate_limits.check_file(address).err());
        let place = if wait.is_none() { room.enter(address).ok() } else { None };
        let Some(place) = place else {
            policy.metrics.count_web_file("refused");
            return too_many(wait.unwrap_or(Duration::from_secs(1)));
        };
        if EMBEDDED.is_of_another(path) && !has_warned.swap(true, Ordering::Relaxed) {
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
        let mut answer = answer.map(|bytes| place.kept_by(Body::new(Full::new(bytes))));
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
