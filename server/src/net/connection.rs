//! The bytes of one connection, plain or TLS. It does what its meter is told: ends as if
//! its caller had closed it, or breaks.

use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use super::meter::{Meter, Word};
use super::registry::Entry;

/// First bytes of every HTTP/2 connection, and of no HTTP/1.1 request (RFC 9113, 3.4).
const HTTP2_BEGIN: &[u8] = b"PRI ";

/// Who is at the other end. Each request carries it as an extension.
#[derive(Debug, Clone)]
pub struct Peer {
    /// Address of the connection.
    pub address: IpAddr,
    /// Whether a certificate of `TANDEM_TLS_CLIENT_CA` was presented.
    pub is_certified: bool,
    pub(super) meter: Arc<Meter>,
}

impl Peer {
    /// One of the shop's own services calls: the connection may be silent, and stays.
    pub fn is_the_shops(&self) {
        self.meter.is_the_shops();
    }
}

#[derive(Debug)]
pub(super) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// One connection.
#[derive(Debug)]
pub struct Connection {
    stream: Stream,
    has_begun: bool,
    address: IpAddr,
    entry: Entry,
}

impl Connection {
    pub(super) fn new(stream: Stream, address: IpAddr, entry: Entry) -> Self {
        Self { stream, has_begun: false, address, entry }
    }

    /// Who is at the other end.
    pub fn peer(&self) -> Peer {
        // The verifier lets no other certificate through than those of the named CA.
        let is_certified = match &self.stream {
            Stream::Plain(_) => false,
            Stream::Tls(stream) => stream.get_ref().1.peer_certificates().is_some_and(|all| !all.is_empty()),
        };
        Peer { address: self.address, is_certified, meter: Arc::clone(&self.entry.meter) }
    }

    /// Notes how a write went, and what the connection was told while it waits.
    fn wrote<T>(&self, context: &Context<'_>, result: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        let meter = &self.entry.meter;
        meter.sending(result.is_pending());
        if result.is_pending() {
            meter.listen(context);
            if meter.word() == Word::Break {
                return Poll::Ready(Err(broken()));
            }
        }
        result
    }
}

fn broken() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "the connection got nowhere and was ended")
}

impl tonic::transport::server::Connected for Connection {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        self.peer()
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let result = match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Stream::Tls(stream) => Pin::new(stream.as_mut()).poll_read(context, buffer),
        };
        let meter = &self.entry.meter;
        if result.is_pending() {
            meter.listen(context);
            return match meter.word() {
                Word::Stay => Poll::Pending,
                Word::Leave => Poll::Ready(Ok(())),
                Word::Break => Poll::Ready(Err(broken())),
            };
        }
        let new = buffer.filled().get(before..).unwrap_or_default();
        if !new.is_empty() {
            if !self.has_begun && new.starts_with(HTTP2_BEGIN) {
                meter.speaks_http2();
            }
            meter.received();
            self.has_begun = true;
        }
        if self.entry.meter.word() == Word::Break { Poll::Ready(Err(broken())) } else { result }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Stream::Tls(stream) => Pin::new(stream.as_mut()).poll_write(context, bytes),
        };
        self.wrote(context, result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_write_vectored(context, pieces),
            Stream::Tls(stream) => Pin::new(stream.as_mut()).poll_write_vectored(context, pieces),
        };
        self.wrote(context, result)
    }

    fn is_write_vectored(&self) -> bool {
        match &self.stream {
            Stream::Plain(stream) => stream.is_write_vectored(),
            Stream::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            // Nothing is kept back, so it says nothing about the other side.
            Stream::Plain(stream) => Pin::new(stream).poll_flush(context),
            Stream::Tls(stream) => {
                let result = Pin::new(stream.as_mut()).poll_flush(context);
                self.wrote(context, result)
            }
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Stream::Tls(stream) => {
                let result = Pin::new(stream.as_mut()).poll_shutdown(context);
                self.wrote(context, result)
            }
        }
    }
}
