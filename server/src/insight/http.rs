//! The HTTP port: health, metrics and the dashboard. All of them are read-only.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::health::{Insight, Status};
use super::{dashboard, metrics_page};
use crate::config::HttpHosts;
use crate::outbox::{EventFilter, Page, State as EventState};

/// Number of latest events on the dashboard.
const EVENTS_SHOWN: usize = 25;
/// Number of newest dead letters on the dashboard.
const DEAD_LETTERS_SHOWN: usize = 10;

/// `hosts`: names under which others than probes may ask.
pub fn router(insight: Arc<Insight>, hosts: HttpHosts) -> Router {
    // The Host header must be one of this machine's names. Otherwise a page of another site could read these routes
    // through a host name of its own that resolves to this address (DNS rebinding).
    let guarded = Router::new()
        .route("/", get(page))
        .route("/dashboard.js", get(script))
        .route("/api/tracking-health", get(tracking_health))
        .route("/metrics", get(metrics))
        .layer(from_fn_with_state(Arc::new(hosts), check_host));
    Router::new()
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(readyz))
        .merge(guarded)
        .layer(from_fn(harden))
        .with_state(insight)
}

async fn readyz(State(insight): State<Arc<Insight>>) -> Response {
    match insight.check_ready().await {
        Ok(()) => "ready\n".into_response(),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {error}\n")).into_response(),
    }
}

async fn metrics(State(insight): State<Arc<Insight>>) -> Response {
    let snapshot = insight.snapshot().await;
    let text = metrics_page::text(&insight.metrics, &snapshot, &insight.board);
    ([(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], text)
        .into_response()
}

async fn tracking_health(State(insight): State<Arc<Insight>>) -> Response {
    let snapshot = insight.snapshot().await;
    let status = match snapshot.health.status {
        Status::Healthy | Status::Degraded => StatusCode::OK,
        Status::Critical => StatusCode::SERVICE_UNAVAILABLE,
    };
    (status, axum::Json(&snapshot.health)).into_response()
}

async fn page(State(insight): State<Arc<Insight>>) -> Response {
    let snapshot = insight.snapshot().await;
    let newest = async |filter: EventFilter, size| {
        insight.operators.list(filter, Page { below_seq: None, size }).await.unwrap_or_default()
    };
    let dead = EventFilter { state: Some(EventState::DeadLetter), ..EventFilter::default() };
    let latest = newest(EventFilter::default(), EVENTS_SHOWN).await;
    let html = dashboard::page(&snapshot, &latest, &newest(dead, DEAD_LETTERS_SHOWN).await);
    let policy = "default-src 'none'; style-src 'unsafe-inline'; script-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    (
        [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CONTENT_SECURITY_POLICY, policy)],
        html.into_string(),
    )
        .into_response()
}

async fn script() -> Response {
    ([(header::CONTENT_TYPE, "text/javascript; charset=utf-8")], dashboard::SCRIPT).into_response()
}

async fn check_host(State(hosts): State<Arc<HttpHosts>>, request: Request, next: Next) -> Response {
    let host = request
        .headers()
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .or_else(|| request.uri().authority().map(axum::http::uri::Authority::as_str))
        .unwrap_or_default();
    if hosts.allow(host) {
        next.run(request).await
    } else {
        let text = "Ask by IP address, as localhost, or under a name in TANDEM_HTTP_HOSTS.\n";
        (StatusCode::MISDIRECTED_REQUEST, text).into_response()
    }
}

async fn harden(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}
