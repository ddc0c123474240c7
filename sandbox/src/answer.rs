//! Small answers that several parts of the sandbox give.

use axum::Json;
use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use serde_json::json;

/// Marks a response: the listener closes the connection instead of sending it.
#[derive(Clone, Copy, Debug)]
pub struct Cut;

/// A response that never reaches the caller; see [`Cut`].
#[must_use]
pub fn cut() -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::BAD_GATEWAY;
    response.extensions_mut().insert(Cut);
    response
}

/// The control API's and the shop's error: `{"error":"…"}` with a status.
#[must_use]
pub fn error(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({ "error": message }))).into_response()
}
