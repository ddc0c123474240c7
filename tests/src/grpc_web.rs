//! A minimal gRPC-web client, like a browser's: one POST per call, in both framings.
//!
//! A frame is a flag byte, a big-endian length and the payload. Flag 0x80 marks the trailers. The text framing is the
//! same in base64, in pieces with their own padding (gRPC-web protocol, "PROTOCOL-WEB").

use anyhow::{Context as _, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue};
use prost::Message;
use tonic::{Code, Status};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// `application/grpc-web+proto`
    Binary,
    /// `application/grpc-web-text`
    Text,
}

impl Framing {
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Binary => "application/grpc-web+proto",
            Self::Text => "application/grpc-web-text",
        }
    }
}

#[derive(Debug)]
pub struct Answer<T> {
    pub http_status: u16,
    pub headers: HeaderMap,
    /// The message, or the error in the trailers.
    pub outcome: Result<T, Status>,
}

impl<T> Answer<T> {
    /// A header's value. Empty if the header is absent.
    #[must_use]
    pub fn header(&self, name: &str) -> String {
        header(&self.headers, name)
    }
}

/// A header's values, joined by commas as HTTP does. Empty if the header is absent.
#[must_use]
pub fn header(headers: &HeaderMap, name: &str) -> String {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.collect::<Vec<_>>().join(", ")
}

/// Calls `path` at `endpoint` with `message`.
///
/// # Errors
/// When no answer comes, or when the answer is not gRPC-web. An error status is no `Err` here.
pub async fn call<T: Message + Default>(
    http: &reqwest::Client,
    endpoint: &str,
    path: &str,
    framing: Framing,
    headers: &[(&str, String)],
    message: &impl Message,
) -> anyhow::Result<Answer<T>> {
    let framed = frame(&message.encode_to_vec())?;
    let body = match framing {
        Framing::Binary => framed,
        Framing::Text => STANDARD.encode(framed).into_bytes(),
    };
    let mut request = http
        .post(format!("{endpoint}{path}"))
        .header("content-type", framing.content_type())
        .header("accept", framing.content_type())
        .header("x-grpc-web", "1");
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    let response = request.body(body).send().await.with_context(|| format!("calling {path}"))?;
    let (http_status, headers) = (response.status().as_u16(), response.headers().clone());
    let body = response.bytes().await.with_context(|| format!("reading the answer of {path}"))?;

    // An error may come in the headers alone.
    if let Some(status) = Status::from_header_map(&headers).filter(|status| status.code() != Code::Ok) {
        return Ok(Answer { http_status, headers, outcome: Err(status) });
    }
    let kind = header(&headers, "content-type");
    ensure!(
        kind.starts_with(framing.content_type()),
        "{path} answered {http_status} with content type {kind:?}"
    );
    let body = match framing {
        Framing::Binary => body.to_vec(),
        Framing::Text => decode_text(&body)?,
    };
    Ok(Answer { http_status, headers, outcome: unframe(&body)? })
}

fn frame(message: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut framed = vec![0];
    framed.extend(u32::try_from(message.len())?.to_be_bytes());
    framed.extend(message);
    Ok(framed)
}

/// Decodes base64 that was written in pieces, each with its own padding.
fn decode_text(text: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    for piece in text.chunks(4) {
        bytes.extend(STANDARD.decode(piece).context("an answer that is not base64")?);
    }
    Ok(bytes)
}

fn unframe<T: Message + Default>(mut body: &[u8]) -> anyhow::Result<Result<T, Status>> {
    let (mut message, mut status) = (None, None);
    while !body.is_empty() {
        ensure!(body.len() >= 5, "a frame without its head");
        let (head, rest) = body.split_at(5);
        let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
        ensure!(rest.len() >= length, "a frame cut short");
        let (payload, rest) = rest.split_at(length);
        if head[0] & 0x80 == 0 {
            ensure!(message.is_none(), "two messages in a unary answer");
            message = Some(T::decode(payload)?);
        } else {
            status = Status::from_header_map(&trailers(payload)?);
        }
        body = rest;
    }
    match (status, message) {
        (Some(status), _) if status.code() != Code::Ok => Ok(Err(status)),
        (Some(_), Some(message)) => Ok(Ok(message)),
        (Some(_), None) => bail!("status OK without a message"),
        (None, _) => bail!("an answer without trailers"),
    }
}

fn trailers(text: &[u8]) -> anyhow::Result<HeaderMap> {
    let text = std::str::from_utf8(text).context("trailers that are not text")?;
    let mut map = HeaderMap::new();
    for line in text.split("\r\n").filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once(':').context("a trailer without a colon")?;
        map.append(HeaderName::from_bytes(name.as_bytes())?, HeaderValue::from_str(value.trim())?);
    }
    Ok(map)
}
