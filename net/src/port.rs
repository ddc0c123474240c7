//! The accept loop. It waits for nobody: a handshake has a task of its own, a refused
//! connection is closed at once, and an error of the system is a short pause. The one exception
//! is a full port whose newcomers wait ([`crate::WhenFull::Wait`]).

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
    connections: Arc<Connections>,
}

impl Port {
    /// Takes connections of `listener`, as TLS if there are certificates.
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

    /// The registry of this port's connections.
    pub fn connections(&self) -> Arc<Connections> {
        Arc::clone(&self.connections)
    }

    /// The next connection.
    pub async fn accept(&mut self) -> Connection {
        match self.ready.recv().await {
            Some(connection) => connection,
            // The accept task ends only with its receiver.
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

/// Ends connections that hold on, as long as the port is open.
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
        // Small answers must not wait for more. A connection that died in the meantime shows at
        // the first read.
        drop(stream.set_nodelay(true));
        match &self.tls {
            Some(tls) => {
                tokio::spawn(handshake(Arc::clone(tls), stream, address, entry, self.ready.clone()));
            }
            // The receiver is gone when the program stops.
            None => drop(self.ready.send(Connection::new(Either::Left(stream), address, entry)).await),
        }
    }

    fn complain(&mut self, what: &str) {
        if self.complained.is_none_or(|at| at.elapsed() > COMPLAIN_EVERY) {
            self.complained = Some(Instant::now());
            tracing::warn!(reason = what, "new connections are refused");
        }
    }
}

/// The caller hung up before it was accepted.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
    )
}

/// A TLS handshake, until it is done, takes too long, or has to make room.
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
            // The receiver is gone when the program stops.
            drop(ready.send(Connection::new(Either::Right(Box::new(stream)), address, entry)).await);
        }
        Ok(Err(error)) => tracing::debug!(%error, "TLS handshake failed"),
        Err(_) => tracing::debug!("TLS handshake took too long"),
    }
}
