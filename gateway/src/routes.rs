//! Which path does what.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{any, get};
use http::StatusCode;

use crate::answer::fixed;
use crate::forward::Gateway;
use crate::{readiness, receive};

pub(crate) fn router(gateway: Arc<Gateway>) -> Router {
    Router::new()
        .route("/webhooks/cashfree", any(receive::cashfree))
        // A redirect would count as a failed delivery.
        .route("/webhooks/cashfree/", any(receive::cashfree))
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .fallback(not_found)
        .with_state(gateway)
}

async fn livez() -> Response {
    fixed(StatusCode::OK, r#"{"status":"live"}"#)
}

async fn readyz(State(gateway): State<Arc<Gateway>>) -> Response {
    readiness::answer(&gateway).await
}

async fn not_found() -> Response {
    fixed(StatusCode::NOT_FOUND, r#"{"status":"refused","reason":"path"}"#)
}
