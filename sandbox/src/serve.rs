//! The listener. It is not `axum::serve`, because a scripted fault must be able to close a connection without any answer.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::response::Response;
use http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tower::ServiceExt as _;

use crate::answer::Cut;

/// How long open requests may take to finish when the sandbox stops.
const STOP_GRACE: Duration = Duration::from_secs(2);

/// How long to wait before accepting again when the system is out of sockets.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves `router` on `listener` until `stop` completes, then lets open requests finish for two
/// seconds at most.
pub async fn run(listener: TcpListener, router: Router, stop: impl Future<Output = ()>) {
    let graceful = GracefulShutdown::new();
    let mut stop = std::pin::pin!(stop);
    loop {
        tokio::select! {
            () = &mut stop => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => spawn_connection(stream, peer, router.clone(), &graceful),
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    if tokio::time::timeout(STOP_GRACE, graceful.shutdown()).await.is_err() {
        tracing::info!("stopped with requests still open");
    }
}

fn spawn_connection(stream: TcpStream, peer: SocketAddr, router: Router, graceful: &GracefulShutdown) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request: Request<Incoming>| answer(router.clone(), request, peer));
    let builder = auto::Builder::new(TokioExecutor::new());
    let connection = builder.serve_connection(TokioIo::new(stream), service).into_owned();
    let connection = graceful.watch(connection);
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(error = %error, "connection ended early");
        }
    });
}

/// Runs one request. An error makes hyper close the connection without an answer, as the fault `cut` asks.
async fn answer(router: Router, request: Request<Incoming>, peer: SocketAddr) -> io::Result<Response> {
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(ConnectInfo(peer));
    let Ok(response) = router.oneshot(request).await;
    if response.extensions().get::<Cut>().is_some() {
        return Err(io::Error::new(io::ErrorKind::ConnectionAborted, "cut by a scripted fault"));
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::sync::oneshot;
    use tokio::task::JoinHandle;

    use super::*;
    use crate::answer;

    async fn start(router: Router) -> (SocketAddr, oneshot::Sender<()>, JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let server = tokio::spawn(run(listener, router, async move {
            let _ = stopped.await;
        }));
        (address, stop, server)
    }

    /// Reads everything that comes back on a connection until the other side closes it.
    async fn exchange(address: SocketAddr, path: &str) -> Vec<u8> {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        answer
    }

    #[tokio::test]
    async fn a_cut_closes_the_connection_without_a_byte() {
        let router = Router::new()
            .route("/cut", get(|| async { answer::cut() }))
            .route("/whole", get(|| async { "whole" }));
        let (address, _stop, _server) = start(router).await;
        assert_eq!(exchange(address, "/cut").await, b"");
        assert!(exchange(address, "/whole").await.ends_with(b"whole"));
    }

    #[tokio::test]
    async fn a_hanging_request_does_not_keep_the_sandbox_from_stopping() {
        let hang = || async {
            std::future::pending::<()>().await;
            "never"
        };
        let (address, stop, server) = start(Router::new().route("/hang", get(hang))).await;
        let waiting = tokio::spawn(async move { exchange(address, "/hang").await });
        tokio::time::sleep(Duration::from_millis(100)).await;
        stop.send(()).unwrap();
        tokio::time::timeout(STOP_GRACE * 2, server).await.unwrap().unwrap();
        waiting.abort();
    }
}
