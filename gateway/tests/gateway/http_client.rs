//! A simple HTTP/1.1 client, so that tests control every byte.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        lines.filter(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).next()
    }
}

/// Sends bytes and reads the answer to its end.
pub(crate) async fn send(addr: SocketAddr, bytes: &[u8]) -> Reply {
    let mut stream = TcpStream::connect(addr).await.expect("the gateway listens");
    // The gateway may answer and close before it has read everything.
    let _ = stream.write_all(bytes).await;
    read_reply(&mut stream).await
}

pub(crate) async fn read_reply(stream: &mut TcpStream) -> Reply {
    let mut bytes = Vec::new();
    let reading = async {
        let mut buffer = [0_u8; 4096];
        while !is_complete(&bytes) {
            match stream.read(&mut buffer).await {
                Ok(0) | Err(_) => break,
                Ok(count) => bytes.extend_from_slice(&buffer[..count]),
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), reading).await.expect("the gateway answers");
    let text = String::from_utf8(bytes).expect("answers are text");
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("an answer, not {text:?}"));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    Reply { status, head: head.to_owned(), body: body.to_owned() }
}

/// Whether the bytes contain the headers and the whole body that they announce.
fn is_complete(bytes: &[u8]) -> bool {
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { return false };
    let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
    let length =
        head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
    length.is_some_and(|length| bytes.len() >= end + 4 + length)
}

/// A POST to the webhook's path with the usual two headers.
pub(crate) fn post(body: &[u8]) -> Vec<u8> {
    post_with("x-webhook-signature: c2ln\r\nx-webhook-timestamp: 1763942400123\r\n", body)
}

/// A POST with these headers.
pub(crate) fn post_with(headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST /webhooks/cashfree HTTP/1.1\r\nhost: gateway\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n{headers}\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// A POST in chunks of `chunk` bytes, without an announced length.
pub(crate) fn post_chunked(body: &[u8], chunk: usize) -> Vec<u8> {
    let mut bytes =
        b"POST /webhooks/cashfree HTTP/1.1\r\nhost: gateway\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    for part in body.chunks(chunk) {
        bytes.extend_from_slice(format!("{:x}\r\n", part.len()).as_bytes());
        bytes.extend_from_slice(part);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"0\r\n\r\n");
    bytes
}
