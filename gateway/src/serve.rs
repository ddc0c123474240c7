//! Serves connections: their number, their time limits and how they end.

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
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tandem_net::{Connection, ConnectionLimits, Connections, Port, RequestsLayer, WhenFull};
use tokio::net::TcpListener;
use tower::ServiceExt as _;

use crate::limits::Limits;

/// Most bytes of one request's headers. Larger headers get 431.
const HEADER_BYTES_MAX: usize = 32 * 1024;
/// When fewer than one in this many places are free, each answer closes its connection. Evicting the
/// connection later could hit its next webhook.
const FEW_PLACES_PART: usize = 4;
/// Connections younger than this are never evicted: their first request may still be in the socket buffer.
const QUIET_MIN: Duration = Duration::from_millis(200);

/// Serves `app` over HTTP/1.1. A connection has one request at a time, so the limit on connections also
/// limits requests. When all places are taken, a new connection evicts the connection that has had no
/// webhook in work for the longest time.
pub(crate) async fn serve(
    listener: TcpListener,
    app: Router,
    limits: Limits,
    shutdown: impl Future<Output = ()> + Send,
) {
    let mut port = Port::open(listener, connection_limits(&limits), None);
    let connections = port.connections();
    // A request's head does not make a connection busy, because its body may never arrive completely.
    let app = app.layer(RequestsLayer::new(|_| false));
    let open = GracefulShutdown::new();
    let taking = async {
        loop {
            let connection = port.accept().await;
            let served =
                ConnectionService { app: app.clone(), connections: Arc::clone(&connections), limits };
            tokio::spawn(served.run(connection, open.watcher()));
        }
    };
    tokio::select! {
        () = shutdown => {}
        () = taking => {}
    }
    drop(port);
    if tokio::time::timeout(limits.drain, open.shutdown()).await.is_err() {
        tracing::warn!("stopped while some requests were still open");
    }
}

/// A new connection waits for a place. If it were refused, its webhook would return as part of a burst.
fn connection_limits(limits: &Limits) -> ConnectionLimits {
    ConnectionLimits {
        evicted_at_once: 1,
        quiet_min: QUIET_MIN,
        when_full: WhenFull::Wait,
        ..ConnectionLimits::new(limits.connections_max)
    }
}

struct ConnectionService {
    app: Router,
    connections: Arc<Connections>,
    limits: Limits,
}

impl ConnectionService {
    /// Serves the connection until it ends or must end.
    async fn run(self, connection: Connection, watcher: Watcher) {
        let peer = connection.peer();
        let service = service_fn(|request: Request<Incoming>| {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(ConnectInfo(peer.clone()));
            let answer = self.app.clone().oneshot(request);
            async {
                let mut answer = answer.await;
                if let Ok(answer) = &mut answer
                    && self.connections.free() < self.limits.connections_max / FEW_PLACES_PART
                {
                    answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
                }
                answer
            }
        });
        // The time limit also applies to each next request on a connection that is kept open.
        let served = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.headers)
            .max_buf_size(HEADER_BYTES_MAX)
            .serve_connection(TokioIo::new(connection), service);
        tokio::select! {
            // This branch is first, so that an evicted connection does not answer half a webhook.
            biased;
            () = peer.must_end() => tracing::debug!("closed a connection: evicted for a new one, or made no progress"),
            ended = watcher.watch(served) => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "connection failed");
                }
            }
        }
    }
}
