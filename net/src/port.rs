//! The accept loop. No connection holds it up: each handshake has its own task, a refused connection is
//! closed at once, and after an error of the system there is a short pause. The only exception is a full
//! port on which new connections wait ([`crate::WhenFull::Wait`]).

use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;
use tokio_rustls::TlsAcceptor;
use tokio_util::either::Either;

use crate::connection::Connection;
use crate::connections::{ConnectionEntry, Connections};
use crate::limits::ConnectionLimits;
use crate::peer::Peer;
use crate::tls::Tls;

/// Most connections that are accepted and not yet served.
const READY_MAX: usize = 64;
/// Longest TLS handshake.
const HANDSHAKE_MAX: Duration = Duration::from_secs(10);
/// How often connections that make no progress are searched for.
const SWEEP_EVERY: Duration = Duration::from_secs(1);
/// Pause after a failed accept. The usual cause is a lack of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Shortest time between two log lines about refused connections.
const COMPLAIN_EVERY: Duration = Duration::from_secs(10);

/// Accepts connections. Dropping it closes the listener. Open connections stay.
#[derive(Debug)]
pub struct Port {
    ready: mpsc::Receiver<Connection>,
    connections: Arc<Connections>,
}

impl Port {
    /// Accepts connections from `listener`, with TLS if there are certificates.
    pub fn open(listener: TcpListener, limits: ConnectionLimits, tls: Option<Arc<Tls>>) -> Self {
        let (sender, ready) = mpsc::channel(READY_MAX);
        let connections = Connections::new(limits);
        let acceptor = Acceptor {
            listener,
            connections: Arc::clone(&connections),
            tls,
            ready: sender,
            complained: None,
        };
        let swept = Arc::clone(&connections);
        tokio::spawn(async move {
            let ready = acceptor.ready.clone();
            tokio::select! {
                () = ready.closed() => {}
                () = acceptor.run() => {}
                () = sweep(&swept) => {}
            }
        });
        Self { ready, connections }
    }

    pub fn connections(&self) -> Arc<Connections> {
        Arc::clone(&self.connections)
    }

    pub async fn accept(&mut self) -> Connection {
        match self.ready.recv().await {
            Some(connection) => connection,
            // The accept task ends only after its receiver is dropped.
            None => std::future::pending().await,
        }
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
    /// Requests carry a [`Peer`] instead.
    type Addr = ();

    async fn accept(&mut self) -> (Connection, ()) {
        (Self::accept(self).await, ())
    }

    fn local_addr(&self) -> io::Result<()> {
        Ok(())
    }
}

impl axum::extract::connect_info::Connected<axum::serve::IncomingStream<'_, Port>> for Peer {
    fn connect_info(stream: axum::serve::IncomingStream<'_, Port>) -> Self {
        stream.io().peer()
    }
}

/// Ends connections that make no progress, as long as the port is open.
async fn sweep(connections: &Connections) {
    let mut ticks = tokio::time::interval(SWEEP_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        connections.sweep();
    }
}

struct Acceptor {
    listener: TcpListener,
    connections: Arc<Connections>,
    tls: Option<Arc<Tls>>,
    ready: mpsc::Sender<Connection>,
    complained: Option<Instant>,
}

impl Acceptor {
    async fn run(mut self) {
        loop {
            match self.listener.accept().await {
                Ok((stream, peer)) => match self.connections.admit(peer.ip(), self.tls.is_some()).await {
                    Some(entry) => self.hand_over(stream, peer.ip(), entry).await,
                    None => self.complain("all connections are busy"),
                },
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    self.complain(&error.to_string());
                    self.connections.make_room();
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    async fn hand_over(&self, stream: TcpStream, address: IpAddr, entry: ConnectionEntry) {
        // Small answers must not wait for more bytes. If the connection is broken already, the first read
        // fails.
        drop(stream.set_nodelay(true));
        match &self.tls {
            Some(tls) => {
                tokio::spawn(handshake(Arc::clone(tls), stream, address, entry, self.ready.clone()));
            }
            // The receiver is gone when the program stops.
            None => {
                drop(self.ready.send(Connection::new(Either::Left(stream), address, false, entry)).await);
            }
        }
    }

    fn complain(&mut self, what: &str) {
        if self.complained.is_none_or(|at| at.elapsed() > COMPLAIN_EVERY) {
            self.complained = Some(Instant::now());
            tracing::warn!(reason = what, "new connections are refused");
        }
    }
}

/// Whether the error concerns one connection only: its caller disconnected before it was accepted.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
    )
}

/// Runs a TLS handshake until it is done, takes too long, or the connection is evicted.
async fn handshake(
    tls: Arc<Tls>,
    stream: TcpStream,
    address: IpAddr,
    entry: ConnectionEntry,
    ready: mpsc::Sender<Connection>,
) {
    let handshake = TlsAcceptor::from(tls.current()).accept(stream);
    let done = tokio::select! {
        () = entry.activity.must_end() => return,
        done = tokio::time::timeout(HANDSHAKE_MAX, handshake) => done,
    };
    match done {
        Ok(Ok(stream)) => {
            entry.mark_handshake_done();
            let is_certified = tls.proves_internal(stream.get_ref().1.peer_certificates());
            let stream = Either::Right(Box::new(stream));
            // The receiver is gone when the program stops.
            drop(ready.send(Connection::new(stream, address, is_certified, entry)).await);
        }
        Ok(Err(error)) => tracing::debug!(%error, "TLS handshake failed"),
        Err(_) => tracing::debug!("TLS handshake took too long"),
    }
}
