//! Passes a request on to the sandbox, for servers in front of it that change what comes back.

use anyhow::Context as _;
use axum::extract::Request;
use http::header::{CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use http::{HeaderMap, StatusCode};

/// Largest body of a request, bytes.
pub(super) const BODY_MAX_BYTES: usize = 4 << 20;

/// What the sandbox at `base` answers. The headers about its length are gone.
pub(super) async fn pass_on(
    client: &reqwest::Client,
    base: &str,
    request: Request,
) -> anyhow::Result<(StatusCode, HeaderMap, Vec<u8>)> {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    let mut headers = parts.headers;
    headers.remove(HOST);
    headers.remove(CONTENT_LENGTH);
    let body = axum::body::to_bytes(body, BODY_MAX_BYTES).await?;
    let url = format!("{base}{path}");
    let answer = client.request(parts.method, &url).headers(headers).body(body).send().await.context(url)?;
    let (status, mut headers) = (answer.status(), answer.headers().clone());
    let body = answer.bytes().await?.to_vec();
    headers.remove(CONTENT_LENGTH);
    headers.remove(TRANSFER_ENCODING);
    Ok((status, headers, body))
}
