//! The accept loop. It waits for nobody: a handshake has a task of its own, a refused
//! connection is closed at once, and an error of the system is a short pause.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;
use tokio_rustls::TlsAcceptor;
use tokio_stream::Stream as _;

use super::connection::{Connection, Peer, Stream};
use super::registry::{Bounds, Entry, Registry};
use super::tls::Tls;

/// Connections that are accepted and not yet served; served they are at once.
const READY_MAX: usize = 64;
/// Longest TLS handshake.
const HANDSHAKE_MAX: Duration = Duration::from_secs(10);
/// How often connections that hold on are looked for.
const SWEEP_EVERY: Duration = Duration::from_secs(1);
/// Pause after an accept that failed, usually for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How often the log may say so.
const COMPLAIN_EVERY: Duration = Duration::from_secs(10);

/// Connections as they come. Dropping it closes the listener; connections go on.
#[derive(Debug)]
pub struct Port {
    ready: mpsc::Receiver<Connection>,
    address: SocketAddr,
}

impl Port {
    /// Takes connections of `listener`, as TLS if there are certificates.
    ///
    /// # Errors
    /// When the listener does not know its own address.
    pub fn open(listener: TcpListener, bounds: Bounds, tls: Option<Arc<Tls>>) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let (sender, ready) = mpsc::channel(READY_MAX);
        tokio::spawn(accept_all(listener, Registry::new(bounds), tls, sender));
        Ok(Self { ready, address })
    }
}

impl tokio_stream::Stream for Port {
    type Item = io::Result<Connection>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.ready.poll_recv(context).map(|connection| connection.map(Ok))
    }
}

impl axum::serve::Listener for Port {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        match std::future::poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await {
            Some(Ok(connection)) => (connection, self.address),
            // The accept task ends only with its receiver.
            Some(Err(_)) | None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

impl axum::extract::connect_info::Connected<axum::serve::IncomingStream<'_, Port>> for Peer {
    fn connect_info(stream: axum::serve::IncomingStream<'_, Port>) -> Self {
        stream.io().peer()
    }
}

async fn accept_all(
    listener: TcpListener,
    registry: Arc<Registry>,
    tls: Option<Arc<Tls>>,
    ready: mpsc::Sender<Connection>,
) {
    let mut sweep = tokio::time::interval(SWEEP_EVERY);
    sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut complained: Option<Instant> = None;
    let mut complain = |what: &str| {
        if complained.is_none_or(|at| at.elapsed() > COMPLAIN_EVERY) {
            complained = Some(Instant::now());
            tracing::warn!(reason = what, "connections are turned away");
        }
    };
    loop {
        let accepted = tokio::select! {
            () = ready.closed() => return,
            _ = sweep.tick() => {
                registry.sweep();
                continue;
            }
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                let Some(entry) = registry.admit(peer.ip(), tls.is_some()) else {
                    complain("all connections are busy");
                    continue;
                };
                // Small answers must not wait for more. A connection that died in the
                // meantime shows at the first read.
                drop(stream.set_nodelay(true));
                match &tls {
                    Some(tls) => {
                        tokio::spawn(shake(Arc::clone(tls), stream, peer.ip(), entry, ready.clone()));
                    }
                    None => {
                        let connection = Connection::new(Stream::Plain(stream), peer.ip(), entry);
                        if ready.send(connection).await.is_err() {
                            return;
                        }
                    }
                }
            }
            Err(fault) if is_of_one_connection(&fault) => {}
            Err(fault) => {
                complain(&fault.to_string());
                registry.make_room();
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// The caller hung up before it was accepted.
fn is_of_one_connection(fault: &io::Error) -> bool {
    matches!(
        fault.kind(),
        io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
    )
}

/// A TLS handshake, until it is done, takes too long, or has to make room.
async fn shake(
    tls: Arc<Tls>,
    stream: TcpStream,
    address: IpAddr,
    entry: Entry,
    ready: mpsc::Sender<Connection>,
) {
    let handshake = TlsAcceptor::from(tls.current()).accept(stream);
    let shaken = tokio::select! {
        () = entry.meter.told() => return,
        shaken = tokio::time::timeout(HANDSHAKE_MAX, handshake) => shaken,
    };
    match shaken {
        Ok(Ok(stream)) => {
            entry.shook();
            // Nobody takes it when the server stops.
            drop(ready.send(Connection::new(Stream::Tls(Box::new(stream)), address, entry)).await);
        }
        Ok(Err(fault)) => tracing::debug!(fault = %fault, "TLS handshake failed"),
        Err(_) => tracing::debug!("TLS handshake took too long"),
    }
}
