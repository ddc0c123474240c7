//! Raw connections, for bytes that a broken, slow or hostile caller sends.

use std::time::Duration;

use anyhow::Context as _;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// The beginning of an HTTP/2 connection, with empty SETTINGS (RFC 9113, 3.4 and 6.5).
const HTTP2_BEGIN: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
/// A PING with eight bytes, and its answer (RFC 9113, 6.7).
const PING: &[u8] = b"\0\0\x08\x06\0\0\0\0\0tandem42";
const PONG: &[u8] = b"\0\0\x08\x06\x01\0\0\0\0tandem42";

/// The same, from a caller that takes no byte of any answer (`SETTINGS_INITIAL_WINDOW_SIZE` 0; RFC 9113, 6.9.2).
const HTTP2_DEAF: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\x06\x04\0\0\0\0\0\0\x04\0\0\0\0";

/// Connects to an address such as `http://127.0.0.1:50051`.
///
/// # Errors
/// When nobody listens there.
pub async fn connect(url: &str) -> anyhow::Result<TcpStream> {
    let address = url.split("://").last().unwrap_or_default();
    TcpStream::connect(address).await.with_context(|| format!("connecting to {address}"))
}

/// Connects and sends only the beginning of HTTP/2.
///
/// # Errors
/// When nobody listens there.
pub async fn begin_http2(url: &str) -> anyhow::Result<TcpStream> {
    let mut stream = connect(url).await?;
    stream.write_all(HTTP2_BEGIN).await?;
    Ok(stream)
}

/// Connects and begins HTTP/2 as a caller that takes no byte of any answer.
///
/// # Errors
/// When nobody listens there.
pub async fn begin_deaf_http2(url: &str) -> anyhow::Result<TcpStream> {
    let mut stream = connect(url).await?;
    stream.write_all(HTTP2_DEAF).await?;
    Ok(stream)
}

/// A gRPC call as HTTP/2 frames: HEADERS with literal fields (RFC 7541, 6.2.2), and DATA with the message. `stream`:
/// its number, odd and growing. All parts must be short.
#[must_use]
pub fn grpc_call(stream: u32, path: &str, message: &[u8]) -> Vec<u8> {
    let length = |bytes: usize| u8::try_from(bytes).ok().filter(|bytes| *bytes < 127).expect("a short text");
    let mut fields = vec![0x83, 0x86];
    for (name, value) in [(&[0x04][..], path), (&[0x01], "tandem"), (&[0x0f, 0x10], "application/grpc")] {
        fields.extend_from_slice(name);
        fields.push(length(value.len()));
        fields.extend_from_slice(value.as_bytes());
    }
    let mut data = vec![0];
    data.extend_from_slice(&u32::try_from(message.len()).unwrap_or_default().to_be_bytes());
    data.extend_from_slice(message);
    let mut frames = Vec::new();
    for (kind, flags, payload) in [(1, 0x4, &fields), (0, 0x1, &data)] {
        let length = u32::try_from(payload.len()).unwrap_or_default().to_be_bytes();
        frames.extend_from_slice(&length[1..]);
        frames.extend_from_slice(&[kind, flags]);
        frames.extend_from_slice(&stream.to_be_bytes());
        frames.extend_from_slice(payload);
    }
    frames
}

/// Whether the other side of an HTTP/2 connection still answers a PING.
///
/// # Errors
/// When it has closed the connection, or sends nothing for 10 s.
pub async fn is_answered(stream: &mut TcpStream) -> anyhow::Result<bool> {
    // The protocol requires the acknowledgement of SETTINGS first.
    stream.write_all(b"\0\0\0\x04\x01\0\0\0\0").await?;
    stream.write_all(PING).await?;
    let mut seen = Vec::new();
    while !seen.windows(PONG.len()).any(|part| part == PONG) {
        let read = stream.read_buf(&mut seen);
        if tokio::time::timeout(Duration::from_secs(10), read).await?? == 0 {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Reads until the other side closes the connection in any way. Returns the number of bytes.
///
/// # Errors
/// When the connection is still open after `limit`.
pub async fn read_to_end(stream: &mut TcpStream, limit: Duration) -> anyhow::Result<usize> {
    let mut total = 0;
    let mut buffer = vec![0; 64 * 1024];
    let reading = async {
        while let Ok(read) = stream.read(&mut buffer).await
            && read > 0
        {
            total += read;
        }
    };
    tokio::time::timeout(limit, reading).await.context("the other side does not hang up")?;
    Ok(total)
}

/// Raises this process's limit of open files to the system's maximum. Returns the new limit.
#[must_use]
pub fn raise_own_file_limit() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let current = if setrlimit(Resource::Nofile, raised).is_ok() { limit.maximum } else { limit.current };
    usize::try_from(current.unwrap_or(1 << 20)).unwrap_or(usize::MAX)
}

/// Resident memory of a process in bytes (`VmRSS`).
///
/// # Errors
/// When the process has ended.
pub fn resident_bytes(process: u32) -> anyhow::Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("VmRSS is there")?;
    let kibibytes: u64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kibibytes * 1024)
}
