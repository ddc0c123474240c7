//! A shop's web server whose pages a test writes. What it does not have comes from the sandbox: the package under
//! `/tandem/`, Meta's library, and the address to which that reports. It keeps the forms that it gets.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{Html, IntoResponse as _, Response};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST, TRANSFER_ENCODING};
use http::{Method, StatusCode};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Largest body that is read, in bytes.
const BODY_MAX_BYTES: usize = 4 << 20;

/// How long a file that hangs takes. It ends, so that the page's load ends.
const HANG: Duration = Duration::from_secs(8);

/// The address of Meta's library in the package. Here the library is the sandbox's.
const LIBRARY: &str = "https://connect.facebook.net/en_US/fbevents.js";

/// A form that the shop got: its path, its fields as they were sent, and when.
#[derive(Debug, Clone)]
pub struct Posted {
    pub path: String,
    pub body: String,
    pub at: Instant,
}

/// The running server. It stops when it is dropped.
#[derive(Debug)]
pub struct ShopPages {
    /// Address, without a trailing slash.
    pub url: String,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    sandbox: String,
    pages: Mutex<BTreeMap<String, String>>,
    posted: Mutex<Vec<Posted>>,
    /// Parts of addresses that the shop does not have.
    missing: Mutex<Vec<String>>,
    /// Parts of addresses that are answered after [`HANG`] only.
    hanging: Mutex<Vec<String>>,
    http: reqwest::Client,
}

impl Drop for ShopPages {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl ShopPages {
    /// Starts a shop without pages in front of the sandbox at `sandbox`.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn start(sandbox: &str) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let shared = Arc::new(Shared {
            sandbox: sandbox.trim_end_matches('/').to_owned(),
            pages: Mutex::default(),
            posted: Mutex::default(),
            missing: Mutex::default(),
            hanging: Mutex::default(),
            http: crate::http::client(),
        });
        let router = Router::new().fallback(answer).with_state(Arc::clone(&shared));
        let server = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                eprintln!("the shop's pages ended: {error}");
            }
        });
        Ok(Self { url, shared, server })
    }

    /// Serves this text at this path.
    pub fn put(&self, path: &str, text: impl Into<String>) {
        let mut pages = self.shared.pages.lock().unwrap_or_else(PoisonError::into_inner);
        pages.insert(path.to_owned(), text.into());
    }

    /// From now on, addresses with this part are not found. Replaces the parts of an earlier call.
    pub fn lose(&self, parts: &[&str]) {
        *self.shared.missing.lock().unwrap_or_else(PoisonError::into_inner) =
            parts.iter().map(|part| (*part).to_owned()).collect();
    }

    /// From now on, addresses with this part are answered after [`HANG`] only. Replaces the parts of an earlier call.
    pub fn hang(&self, parts: &[&str]) {
        *self.shared.hanging.lock().unwrap_or_else(PoisonError::into_inner) =
            parts.iter().map(|part| (*part).to_owned()).collect();
    }

    /// The forms that the shop got, the latest last.
    #[must_use]
    pub fn posted(&self) -> Vec<Posted> {
        self.shared.posted.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    if names_one_of(&shared.hanging, &path) {
        tokio::time::sleep(HANG).await;
    }
    if names_one_of(&shared.missing, &path) {
        return StatusCode::NOT_FOUND.into_response();
    }
    let page = shared.pages.lock().unwrap_or_else(PoisonError::into_inner).get(&path).cloned();
    if let (Some(page), &Method::GET) = (page, request.method()) {
        let kind = if path.ends_with(".js") { "text/javascript" } else { "text/html; charset=utf-8" };
        return ([(CONTENT_TYPE, kind)], page).into_response();
    }
    let is_from_form = request.method() == Method::POST && !path.starts_with("/tr");
    let outcome =
        if is_from_form { take(&shared, path, request).await } else { pass_on(&shared, request).await };
    outcome.unwrap_or_else(|error| (StatusCode::BAD_GATEWAY, format!("{error:#}")).into_response())
}

fn names_one_of(parts: &Mutex<Vec<String>>, path: &str) -> bool {
    parts.lock().unwrap_or_else(PoisonError::into_inner).iter().any(|part| path.contains(part.as_str()))
}

async fn take(shared: &Shared, path: String, request: Request) -> anyhow::Result<Response> {
    let at = Instant::now();
    let body = axum::body::to_bytes(request.into_body(), BODY_MAX_BYTES).await?;
    let body = String::from_utf8_lossy(&body).into_owned();
    shared.posted.lock().unwrap_or_else(PoisonError::into_inner).push(Posted { path, body, at });
    Ok(Html("<!doctype html><title>Thanks</title><p id=\"thanks\">Thank you.</p>").into_response())
}

async fn pass_on(shared: &Shared, request: Request) -> anyhow::Result<Response> {
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
    let is_script = |value: &http::HeaderValue| value.as_bytes().starts_with(b"text/javascript");
    if headers.get(CONTENT_TYPE).is_some_and(is_script) {
        body = String::from_utf8(body)?.replace(LIBRARY, "/fbevents.js").into_bytes();
    }
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    Ok(response)
}
