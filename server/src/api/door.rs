//! The door of the gRPC port: each call passes it before its body is read. It finds out who calls, applies the limits,
//! and answers with the refusal, or hands the call on with what was found out.

use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use tandem_net::Peer;
use tonic::body::Body;
use tower::{Layer, Service};

use super::access::AccessPolicy;
use super::admission::{Admitted, CallerGone};
use super::body::{Metered, with_deadline, with_lifetime};
use super::caller::{Caller, Stranger};
use super::route::Route;
use super::tally::Tally;

/// Adds the [`Caller`] to each request, or answers with the refusal.
#[derive(Debug, Clone)]
pub struct CallerLayer(pub Arc<AccessPolicy>);

impl<S> Layer<S> for CallerLayer {
    type Service = CallerService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        CallerService { inner, policy: Arc::clone(&self.0) }
    }
}

/// Applies [`CallerLayer`] to an inner service.
#[derive(Debug, Clone)]
pub struct CallerService<S> {
    inner: S,
    policy: Arc<AccessPolicy>,
}

impl<S> Service<Request<Body>> for CallerService<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future =
        futures_util::future::Either<Admitted<S::Error>, std::future::Ready<Result<S::Response, S::Error>>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let peer = request.extensions().get::<Peer>();
        let (address, is_certified) = (peer.map(|peer| peer.address), peer.is_some_and(|p| p.is_certified));
        let route = Route::of(request.uri().path());
        let policy = &self.policy;
        let tally = Tally::start(Arc::clone(&policy.metrics), policy.clock.clone(), route);
        let admitted = policy.judge(request.headers(), address, is_certified, route).and_then(|caller| {
            let permit = policy.admission.admit(&caller, route)?;
            Ok((caller, permit))
        });
        match admitted {
            Ok((caller, permit)) => {
                let is_internal = caller == Caller::Internal;
                if let (true, Some(peer)) = (is_internal, peer) {
                    peer.mark_internal();
                }
                if let Caller::Stranger(Stranger { address: Some(address), .. }) = caller {
                    let policy = Arc::clone(policy);
                    request = request.map(|body| Body::new(Metered { body, address, policy }));
                }
                // Of the shop's own services, reflection sends one question after the other.
                if route != Route::Other {
                    request = request.map(with_deadline);
                }
                let gone = CallerGone::default();
                let extensions = request.extensions_mut();
                extensions.insert(caller);
                extensions.insert(gone.clone());
                extensions.insert(tally.handled());
                let is_endless = route == Route::Watch && !is_internal;
                let work = self.inner.call(request);
                let work = async move {
                    let answer = work.await;
                    if is_endless { answer.map(|answer| answer.map(with_lifetime)) } else { answer }
                };
                futures_util::future::Either::Left(Admitted::start(work, permit, tally, gone))
            }
            Err(reject) => {
                tracing::debug!(code = reject.code(), "call refused");
                tally.refused(&reject);
                let answer = tonic::Status::from(reject).into_http();
                futures_util::future::Either::Right(std::future::ready(Ok(answer)))
            }
        }
    }
}
