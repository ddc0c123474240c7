//! Starts the server's parts in order, and stops them in order.

mod assemble;
#[cfg(test)]
mod cancel_tests;
mod error;
mod janitor;
mod ports;
mod store;

pub use error::StartError;

use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tandem_net::{ConnectionLimits, Peer, Port, RequestsLayer, Tls};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::api::serve;
use crate::clock::Clock;
use crate::config::Settings;
use crate::insight::http as insight_http;
use assemble::Parts;

/// Longest wait for open RPCs when the server stops.
const GRPC_DRAIN: Duration = Duration::from_secs(10);
/// Longest wait after that for the HTTP port's open answers.
const HTTP_DRAIN: Duration = Duration::from_secs(1);

/// Runs the server until `shutdown`, then stops it in order: it waits for open RPCs first, then for
/// delivery's open calls. Everything else stays on disk.
///
/// # Errors
/// When the server cannot start, or the gRPC port fails.
pub async fn run(
    settings: Settings,
    clock: Clock,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), StartError> {
    let outbox = store::open(&settings, &clock)?;
    let grpc = BoundListener::bind("TANDEM_GRPC_ADDR", settings.grpc_addr).await?;
    let http = BoundListener::bind("TANDEM_HTTP_ADDR", settings.http_addr).await?;
    let stop = CancellationToken::new();
    let hosts = settings.http_hosts.clone();
    let assembled = assemble::assemble(settings, outbox, clock, &stop).await?;
    let Parts { tracking, operations, access, insight, limits, tls, mut tasks, closing } = assembled;

    let scheme = if tls.is_some() { "https" } else { "http" };
    let ready = format!("tandem-server ready grpc={scheme}://{} http=http://{}", grpc.address, http.address);
    if !http.address.ip().to_canonical().is_loopback() {
        tracing::info!(
            address = %http.address,
            "the HTTP port can be read by everybody who reaches it, without a token: /metrics, /api/tracking-health and the \
             dashboard with its latest events and dead letters; TANDEM_HTTP_ADDR=127.0.0.1:9090 keeps it on this machine"
        );
    }
    let (grpc, http) = (grpc.open(limits.grpc, tls), http.open(limits.http, None));
    let router = insight_http::router(insight, hosts).layer(RequestsLayer::new(|_| false));
    let stopped = stop.clone().cancelled_owned();
    let http_task = tokio::spawn(async move {
        let service = router.into_make_service_with_connect_info::<Peer>();
        if let Err(error) = axum::serve(http, service).with_graceful_shutdown(stopped).await {
            tracing::error!(%error, "the HTTP port failed");
        }
    });
    announce(&ready);

    let begun = closing.clone();
    let close = async move {
        shutdown.await;
        tracing::info!("stopping: open calls finish, everything else stays on disk");
        begun.cancel();
    };
    let served = tokio::select! {
        served = serve::serve(grpc, tracking, operations, access, close) => served,
        () = async { closing.cancelled().await; tokio::time::sleep(GRPC_DRAIN).await } => Ok(()),
    };
    stop.cancel();
    finish(&mut tasks, http_task).await;
    served.map_err(|error| StartError::Serve(error.to_string()))
}

/// Waits for the tasks that were told to stop.
async fn finish(tasks: &mut Vec<JoinHandle<()>>, http: JoinHandle<()>) {
    let all = async {
        for task in tasks.drain(..) {
            drop(task.await);
        }
        drop(tokio::time::timeout(HTTP_DRAIN, http).await);
    };
    if tokio::time::timeout(GRPC_DRAIN, all).await.is_err() {
        tracing::warn!("some work did not end in time; it continues after the next start");
    }
}

/// A bound address that does not accept connections yet.
struct BoundListener {
    listener: TcpListener,
    /// The bound address. It has the real port, where the setting says 0.
    address: SocketAddr,
}

impl BoundListener {
    async fn bind(name: &'static str, address: SocketAddr) -> Result<Self, StartError> {
        let refused = |error| StartError::Listen { name, address, error };
        let listener = TcpListener::bind(address).await.map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        Ok(Self { listener, address })
    }

    /// Starts to accept connections.
    fn open(self, limits: ConnectionLimits, tls: Option<Arc<Tls>>) -> Port {
        Port::open(self.listener, limits, tls)
    }
}

/// Prints the one line that says the server is ready.
#[allow(clippy::print_stdout)] // People and scripts wait for this line.
fn announce(line: &str) {
    println!("{line}");
    drop(std::io::stdout().flush());
}
