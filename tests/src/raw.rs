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
