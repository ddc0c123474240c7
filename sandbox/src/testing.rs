//! Drives the router in-process for this crate's tests.

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::response::Response;
use http::header::CONTENT_TYPE;
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::Value;
use tandem_settings::Source;
use tower::ServiceExt as _;

use crate::config::Settings;
use crate::state::Sandbox;

/// A sandbox with default settings.
pub(crate) fn router() -> Router {
    router_with(&[])
}

/// A sandbox with the given flags.
pub(crate) fn router_with(flags: &[&str]) -> Router {
    crate::router(sandbox_with(flags))
}

pub(crate) fn sandbox_with(flags: &[&str]) -> Sandbox {
    let arguments = [&["tandem-sandbox"], flags].concat();
    Sandbox::new(Settings::read(&Source::default(), arguments).unwrap())
}

pub(crate) fn get(path: &str) -> Request<Body> {
    Request::get(path).body(Body::empty()).unwrap()
}

/// Sends a request from 127.0.0.1.
pub(crate) async fn send(router: &Router, mut request: Request<Body>) -> Response {
    request.extensions_mut().insert(ConnectInfo(std::net::SocketAddr::from(([127, 0, 0, 1], 40_000))));
    router.clone().oneshot(request).await.unwrap()
}

pub(crate) async fn text(response: Response) -> String {
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(bytes.to_vec()).unwrap()
}

pub(crate) async fn json(response: Response) -> Value {
    let text = text(response).await;
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// Sends a GET that must succeed. Returns the JSON.
pub(crate) async fn get_json(router: &Router, path: &str) -> Value {
    let response = send(router, get(path)).await;
    assert_eq!(response.status(), StatusCode::OK, "GET {path}");
    json(response).await
}

/// Posts JSON text. Returns the status and the JSON answer.
pub(crate) async fn post_json(router: &Router, path: &str, body: &str) -> (StatusCode, Value) {
    let request = Request::post(path)
        .header(CONTENT_TYPE, "application/json")
        .body(Body::from(body.to_owned()))
        .unwrap();
    let response = send(router, request).await;
    (response.status(), json(response).await)
}
