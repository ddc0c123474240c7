//! Connections: how many, for how long, and how they end.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use http::HeaderValue;
use http::header::CONNECTION;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower::ServiceExt as _;

use crate::crowd::{Crowd, Guest};
use crate::limits::Limits;

/// Most bytes of one request's headers; larger ones get 431.
const HEADER_BYTES_MAX: usize = 32 * 1024;
/// Pause after an accept that failed, usually for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// With fewer free places than this part of all, an answer ends its connection: ending it later, to make
/// room, could meet the next webhook on it.
const FEW_PLACES_PART: usize = 4;
/// How soon somebody else has to make room when the first does not.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Serves `app` over HTTP/1.1, one request per connection at a time, so that the bound
/// on connections is the bound on requests. Where all places are taken, a newcomer gets that
/// of whoever has held on longest without a webhook in work.
pub(crate) async fn serve(
    listener: TcpListener,
    app: Router,
    limits: Limits,
    shutdown: impl Future<Output = ()> + Send,
) {
    let slots = Arc::new(Semaphore::new(limits.connections_max));
    let crowd = Arc::new(Crowd::default());
    let open = GracefulShutdown::new();
    let mut shutdown = pin!(shutdown);
    loop {
        let next = accept(&listener, &slots, &crowd);
        let (stream, peer, slot) = tokio::select! {
            () = &mut shutdown => break,
            accepted = next => accepted,
        };
        // Answers are small and complete: waiting to fill a packet only adds delay.
        let _ = stream.set_nodelay(true);
        let app = app.clone();
        let (crowd, guest) = (Arc::clone(&crowd), crowd.enter());
        let (own, places) = (Arc::clone(&guest), Arc::clone(&slots));
        let service = service_fn(move |request: Request<Incoming>| {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(ConnectInfo::<SocketAddr>(peer));
            request.extensions_mut().insert(Arc::clone(&own));
            let (answer, own, places) = (app.clone().oneshot(request), Arc::clone(&own), Arc::clone(&places));
            async move {
                let mut answer = answer.await;
                Guest::is_served(&own, false);
                if let Ok(answer) = &mut answer
                    && places.available_permits() < limits.connections_max / FEW_PLACES_PART
                {
                    answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
                }
                answer
            }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.headers)
            .max_buf_size(HEADER_BYTES_MAX)
            .serve_connection(TokioIo::new(stream), service);
        let connection = open.watch(connection);
        tokio::spawn(async move {
            tokio::select! {
                ended = connection => {
                    if let Err(error) = ended {
                        tracing::debug!(%error, "connection broke");
                    }
                }
                () = guest.must_leave() => tracing::debug!("connection ended to make room"),
            }
            crowd.leave(&guest);
            drop(slot);
        });
    }
    drop(listener);
    if tokio::time::timeout(limits.drain, open.shutdown()).await.is_err() {
        tracing::warn!("stopped with requests still open");
    }
}

/// Waits for a connection, then for a place, which somebody may have to leave.
async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
    crowd: &Crowd,
) -> (TcpStream, SocketAddr, Option<OwnedSemaphorePermit>) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                if slots.available_permits() == 0 {
                    crowd.make_room();
                }
                return (stream, peer, place(slots, crowd).await);
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                crowd.make_room();
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Waits for a place. Whoever was busy at first may only hold on a moment later.
async fn place(slots: &Arc<Semaphore>, crowd: &Crowd) -> Option<OwnedSemaphorePermit> {
    loop {
        match tokio::time::timeout(LOOK_AGAIN, Arc::clone(slots).acquire_owned()).await {
            // The semaphore is never closed, so there is always a permit in the end.
            Ok(place) => return place.ok(),
            Err(_) => crowd.make_room(),
        }
    }
}
