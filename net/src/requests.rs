//! The layer that records a connection's requests, from the head of a request to the last byte of
//! its answer.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::extract::ConnectInfo;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use tower::{Layer, Service};

use crate::peer::{OpenRequest, Peer};

#[derive(Debug, Clone, Copy)]
pub struct RequestsLayer {
    is_busy: fn(&str) -> bool,
}

impl RequestsLayer {
    /// `is_busy` says by its path whether a request makes its connection busy as soon as its head has
    /// arrived. Requests that last long and may be silent (a watch on health, a page that stays open)
    /// do not.
    pub fn new(is_busy: fn(&str) -> bool) -> Self {
        Self { is_busy }
    }
}

impl<S> Layer<S> for RequestsLayer {
    type Service = Requests<S>;

    fn layer(&self, inner: S) -> Requests<S> {
        Requests { inner, is_busy: self.is_busy }
    }
}

/// The service of [`RequestsLayer`].
#[derive(Debug, Clone)]
pub struct Requests<S> {
    inner: S,
    is_busy: fn(&str) -> bool,
}

impl<S, B, R> Service<Request<B>> for Requests<S>
where
    S: Service<Request<B>, Response = Response<R>>,
{
    type Response = Response<Counted<R>>;
    type Error = S::Error;
    type Future = Answering<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let extensions = request.extensions();
        let connected = || extensions.get::<ConnectInfo<Peer>>().map(|ConnectInfo(peer)| peer);
        let is_busy = (self.is_busy)(request.uri().path());
        let open = extensions.get::<Peer>().or_else(connected).map(|peer| OpenRequest::begin(peer, is_busy));
        Answering { inner: self.inner.call(request), open }
    }
}

pin_project! {
    /// The future of an answer.
    #[derive(Debug)]
    pub struct Answering<F> {
        #[pin]
        inner: F,
        open: Option<OpenRequest>,
    }
}

impl<F, R, E> Future for Answering<F>
where
    F: Future<Output = Result<Response<R>, E>>,
{
    type Output = Result<Response<Counted<R>>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        this.inner.poll(context).map_ok(|answer| {
            let mut open = this.open.take();
            if let Some(open) = &mut open {
                open.begin_answer(answer.extensions().get().copied());
            }
            answer.map(|inner| Counted { inner, _open: open })
        })
    }
}

pin_project! {
    /// An answer's body. It keeps its request open.
    #[derive(Debug)]
    pub struct Counted<B> {
        #[pin]
        inner: B,
        _open: Option<OpenRequest>,
    }
}

impl<B: Body> Body for Counted<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        self.project().inner.poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
