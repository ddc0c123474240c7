//! Connections: how many, for how long, and how they end.

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

/// Most bytes of one request's headers; larger ones get 431.
const HEADER_BYTES_MAX: usize = 32 * 1024;
/// With fewer free places than this part of all, an answer ends its connection: ending it later, to make
/// room, could meet the next webhook on it.
const FEW_PLACES_PART: usize = 4;
/// Connections younger than this are never evicted: their first request may still be in the socket buffer.
const QUIET_MIN: Duration = Duration::from_millis(200);

/// Serves `app` over HTTP/1.1, one request per connection at a time, so that the limit on connections is
/// the limit on requests. Where all places are taken, a newcomer gets that of the connection that has been
/// without a webhook in work for longest.
pub(crate) async fn serve(
    listener: TcpListener,
    app: Router,
    limits: Limits,
    shutdown: impl Future<Output = ()> + Send,
) {
    let mut port = Port::open(listener, connection_limits(&limits), None);
    let connections = port.connections();
    // A head makes no connection busy: its webhook may never come to an end.
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
        tracing::warn!("stopped although some requests were still open");
    }
}

/// A webhook that finds no place waits for one: a refused one would come again as part of a burst.
fn connection_limits(limits: &Limits) -> ConnectionLimits {
    ConnectionLimits {
        evicted_at_once: 1,
        quiet_min: QUIET_MIN,
        when_full: WhenFull::Wait,
        ..ConnectionLimits::new(limits.connections_max)
    }
}

/// What one connection is served with.
struct ConnectionService {
    app: Router,
    connections: Arc<Connections>,
    limits: Limits,
}

impl ConnectionService {
    /// Serves the connection until it ends or has to.
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
        // A connection that is kept open has as long for its next request.
        let served = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.headers)
            .max_buf_size(HEADER_BYTES_MAX)
            .serve_connection(TokioIo::new(connection), service);
        tokio::select! {
            // First, so that an evicted connection does not try to answer half a webhook.
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
