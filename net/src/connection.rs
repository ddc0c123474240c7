//! The bytes of one connection, plain or TLS. The connection follows its directive: it ends as if
//! its caller had closed it, or it is aborted.

use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;
use tokio_util::either::Either;

use crate::activity::Directive;
use crate::connections::ConnectionEntry;
use crate::peer::Peer;

/// First bytes of every HTTP/2 connection. No HTTP/1.1 request begins with them (RFC 9113, 3.4).
const HTTP2_BEGIN: &[u8] = b"PRI ";

/// Plain on the left, TLS on the right.
pub(crate) type Stream = Either<TcpStream, Box<TlsStream<TcpStream>>>;

#[derive(Debug)]
pub struct Connection {
    stream: Stream,
    has_begun: bool,
    address: IpAddr,
    is_certified: bool,
    entry: ConnectionEntry,
}

impl Connection {
    /// `is_certified`: the caller presented a certificate that proves an internal caller.
    pub(crate) fn new(stream: Stream, address: IpAddr, is_certified: bool, entry: ConnectionEntry) -> Self {
        Self { stream, has_begun: false, address, is_certified, entry }
    }

    /// The caller at the other end.
    pub fn peer(&self) -> Peer {
        let Self { address, is_certified, ref entry, .. } = *self;
        Peer { address, is_certified, activity: Arc::clone(&entry.activity) }
    }

    /// Records whether a write is stalled, and follows the directive while the write waits.
    fn after_write<T>(&self, context: &Context<'_>, result: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        let activity = &self.entry.activity;
        activity.set_stalled(result.is_pending());
        if result.is_pending() {
            activity.register_waker(context);
            if activity.directive() == Directive::Abort {
                return Poll::Ready(Err(broken()));
            }
        }
        result
    }

    fn after_flush(&self, context: &Context<'_>, result: Poll<io::Result<()>>) -> Poll<io::Result<()>> {
        match &self.stream {
            // A plain connection buffers nothing, so its flush says nothing about the caller.
            Either::Left(_) => result,
            Either::Right(_) => self.after_write(context, result),
        }
    }
}

fn broken() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "the connection made no progress and was ended")
}

#[cfg(feature = "tonic")]
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
        let result = Pin::new(&mut self.stream).poll_read(context, buffer);
        let activity = &self.entry.activity;
        if result.is_pending() {
            activity.register_waker(context);
            return match activity.directive() {
                Directive::Keep => Poll::Pending,
                Directive::Close => Poll::Ready(Ok(())),
                Directive::Abort => Poll::Ready(Err(broken())),
            };
        }
        let new = buffer.filled().get(before..).unwrap_or_default();
        if !new.is_empty() {
            if !self.has_begun && new.starts_with(HTTP2_BEGIN) {
                activity.mark_http2();
            }
            activity.note_received();
            self.has_begun = true;
        }
        if self.entry.activity.directive() == Directive::Abort { Poll::Ready(Err(broken())) } else { result }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.after_write(context, result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write_vectored(context, pieces);
        self.after_write(context, result)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.stream).poll_flush(context);
        self.after_flush(context, result)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.stream).poll_shutdown(context);
        self.after_flush(context, result)
    }
}
