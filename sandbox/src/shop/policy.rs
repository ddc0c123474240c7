//! The Content Security Policy of the demo shop: the one that the documents give to every shop.

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, StatusCode};
use sha2::{Digest as _, Sha256};

use crate::state::Sandbox;

const DOCUMENT: &str = include_str!("../../../docs/serving.md");
/// What stands in front of the policy in the document.
const HEADER: &str = "Content-Security-Policy: ";
/// The document's address of the Tandem server.
const TANDEM: &str = "https://track.shop.example";
/// Longest page, in bytes.
const PAGE_MAX_BYTES: usize = 1 << 20;

/// Adds the policy to pages.
pub(super) async fn add(State(sandbox): State<Sandbox>, request: Request, next: Next) -> Response {
    let (mut parts, body) = next.run(request).await.into_parts();
    if !is_page(&parts.headers) {
        return Response::from_parts(parts, body);
    }
    let Ok(page) = to_bytes(body, PAGE_MAX_BYTES).await else {
        return (StatusCode::INTERNAL_SERVER_ERROR, "the page is too long\n").into_response();
    };
    let policy = policy(sandbox.live().tandem_url.trim_end_matches('/'), &String::from_utf8_lossy(&page));
    if let Ok(policy) = HeaderValue::try_from(policy) {
        parts.headers.insert(CONTENT_SECURITY_POLICY, policy);
    }
    Response::from_parts(parts, Body::from(page))
}

fn is_page(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"))
}

/// The documents' policy, with the page's inline script. The pixel is on the shop's own address here, and the icon is
/// in the page.
fn policy(tandem: &str, page: &str) -> String {
    let policy = DOCUMENT.lines().find_map(|line| line.strip_prefix(HEADER)).unwrap_or("default-src 'none'");
    policy
        .replace(TANDEM, tandem)
        .replace("script-src 'self'", &format!("script-src 'self'{}", hashes(page)))
        .replace("img-src 'self'", "img-src 'self' data:")
}

/// The sources that allow a page's inline scripts.
fn hashes(page: &str) -> String {
    let inline = page.split("<script").skip(1).filter_map(|element| {
        let (attributes, rest) = element.split_once('>')?;
        let (script, _) = rest.split_once("</script>")?;
        (!attributes.contains("src=")).then_some(script)
    });
    inline.map(|script| format!(" 'sha256-{}'", STANDARD.encode(Sha256::digest(script)))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_is_the_documents_with_the_shops_own_addresses() {
        let page = "<script src=\"a.js\"></script><script type=\"module\">alert(1)</script>";
        let policy = policy("http://127.0.0.1:1", page);
        // printf 'alert(1)' | openssl dgst -sha256 -binary | base64
        assert!(policy.contains(" 'sha256-bhHHL3z2vDgxUt0W3dWQOrprscmda2Y5pLsLg4GF+pI=' "), "{policy}");
        assert!(policy.contains("connect-src 'self' http://127.0.0.1:1 "), "{policy}");
        assert!(policy.contains("'wasm-unsafe-eval'") && !policy.contains(TANDEM), "{policy}");
        assert_eq!(policy.matches("sha256-").count(), 1, "{policy}");
    }
}
