//! The shop's web server in front of the sandbox. It passes everything on, gives pages a Content Security Policy,
//! loads the pixel from another origin than the page's, as real shops do, and records errors that are thrown in the
//! page.

use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, TRANSFER_ENCODING};
use http::{HeaderValue, StatusCode};
use sha2::{Digest as _, Sha256};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::documents;

/// Largest body that the proxy passes on, in bytes.
const BODY_MAX_BYTES: usize = 4 << 20;

/// Records everything that is thrown in a page. It comes before any other script.
const WATCHER: &str = "<script>window.thrown = [];
addEventListener(\"error\", (event) => { if (event instanceof ErrorEvent) thrown.push(event.message); });
addEventListener(\"unhandledrejection\", (event) => { thrown.push(\"rejected: \" + event.reason); });</script>";

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Policy {
    /// No policy.
    #[default]
    Open,
    /// Allows only what the page needs, including WebAssembly.
    Strict,
    /// Like [`Policy::Strict`], but without permission to compile WebAssembly.
    StrictWithoutWasm,
}

/// The running server. It stops when it is dropped.
#[derive(Debug)]
pub struct ShopProxy {
    /// Address, without a trailing slash.
    pub url: String,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    sandbox: String,
    endpoint: String,
    policy: Mutex<Policy>,
    http: reqwest::Client,
}

impl Drop for ShopProxy {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl ShopProxy {
    /// Starts a server in front of the sandbox at `sandbox`. Its pages call Tandem at `endpoint`.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn start(sandbox: &str, endpoint: &str) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let shared = Arc::new(Shared {
            sandbox: sandbox.to_owned(),
            endpoint: endpoint.to_owned(),
            policy: Mutex::default(),
            http: crate::http::client(),
        });
        let router = Router::new().fallback(pass_on).with_state(Arc::clone(&shared));
        let server = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                eprintln!("the shop's proxy ended: {error}");
            }
        });
        Ok(Self { url, shared, server })
    }

    /// Sets the policy of every page that is opened from now on.
    pub fn set_policy(&self, policy: Policy) {
        *self.shared.policy.lock().unwrap_or_else(PoisonError::into_inner) = policy;
    }
}

async fn pass_on(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    match answer(&shared, request).await {
        Ok(response) => response,
        Err(error) => (StatusCode::BAD_GATEWAY, format!("{error:#}")).into_response(),
    }
}

async fn answer(shared: &Shared, request: Request) -> anyhow::Result<Response> {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    let mut headers = parts.headers;
    headers.remove(HOST);
    headers.remove(CONTENT_LENGTH);
    let body = axum::body::to_bytes(body, BODY_MAX_BYTES).await?;
    let url = format!("{}{path}", shared.sandbox);
    let answer = shared.http.request(parts.method, url).headers(headers).body(body).send().await?;

    let (status, mut headers) = (answer.status(), answer.headers().clone());
    let mut body = answer.bytes().await?.to_vec();
    headers.remove(CONTENT_LENGTH);
    headers.remove(TRANSFER_ENCODING);
    let is_page = |value: &HeaderValue| value.as_bytes().starts_with(b"text/html");
    if headers.get(CONTENT_TYPE).is_some_and(is_page) {
        let page = watched(&String::from_utf8(body)?, &shared.sandbox);
        let policy = *shared.policy.lock().unwrap_or_else(PoisonError::into_inner);
        // The sandbox's own policy does not know this address.
        headers.remove(CONTENT_SECURITY_POLICY);
        if let Some(policy) = policy_for(policy, &page, shared)? {
            headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::try_from(policy)?);
        }
        body = page.into_bytes();
    }
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    Ok(response)
}

/// Makes the watcher the page's first script, and loads the pixel's library from the sandbox's own origin.
fn watched(page: &str, sandbox: &str) -> String {
    let page = page.replace("\"/fbevents.js\"", &format!("\"{sandbox}/fbevents.js\""));
    page.replacen("<head>", &format!("<head>{WATCHER}"), 1)
}

/// The policy of the documents for this page, with the hashes of its inline scripts and styles.
fn policy_for(policy: Policy, page: &str, shared: &Shared) -> anyhow::Result<Option<String>> {
    if policy == Policy::Open {
        return Ok(None);
    }
    let Shared { sandbox: meta, endpoint, .. } = shared;
    let mut text = documents::policy_at(endpoint, meta)?;
    if policy == Policy::StrictWithoutWasm {
        text = text.replace(" 'wasm-unsafe-eval'", "");
    }
    let (scripts, styles) = (hashes(page, "script"), hashes(page, "style"));
    // The sandbox's pages have small images in their styles.
    let text = text
        .replace("script-src 'self'", &format!("script-src 'self'{scripts}"))
        .replace("img-src 'self'", "img-src 'self' data:");
    Ok(Some(format!("{text}; style-src 'self'{styles}")))
}

/// ` 'sha256-…'` for each inline element of this kind.
fn hashes(page: &str, kind: &str) -> String {
    let (open, close) = (format!("<{kind}"), format!("</{kind}>"));
    let mut hashes = String::new();
    for part in page.split(&open).skip(1) {
        let Some((attributes, rest)) = part.split_once('>') else { continue };
        let Some((text, _)) = rest.split_once(&close) else { continue };
        if !attributes.contains("src=") && !text.is_empty() {
            hashes.push_str(&format!(" 'sha256-{}'", STANDARD.encode(Sha256::digest(text))));
        }
    }
    hashes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_inline_script_has_its_hash_and_files_have_none() {
        let page =
            "<script src=\"a.js\"></script><script type=\"module\">alert(1)</script><style>p{}</style>";
        // printf 'alert(1)' | openssl dgst -sha256 -binary | base64
        assert_eq!(hashes(page, "script"), " 'sha256-bhHHL3z2vDgxUt0W3dWQOrprscmda2Y5pLsLg4GF+pI='");
    }

    #[test]
    fn the_watcher_comes_before_the_pages_own_scripts() {
        let page = watched("<html><head><script>first()</script>", "http://127.0.0.1:9");
        let (watcher, first) = (page.find("window.thrown"), page.find("first()"));
        assert!(watcher.is_some() && watcher < first, "{page}");
    }
}
