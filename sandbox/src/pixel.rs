//! The fake pixel: serves `fbevents.js` and collects what it sends to `/tr/`.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, DefaultBodyLimit, RawQuery, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use url::form_urlencoded;

use crate::clock::now_ms;
use crate::faults::{Subject, Target};
use crate::records::PixelEvent;
use crate::state::Sandbox;

/// The library, written for the sandbox.
const FBEVENTS: &str = include_str!("../assets/fbevents.js");

/// Largest hit that is read.
const HIT_MAX_BYTES: usize = 256 * 1024;

/// Most parameters that are read in one hit.
const PARAMETERS_MAX: usize = 500;

/// Longest value that is kept of one parameter, in characters.
const VALUE_MAX_CHARS: usize = 8192;

/// Delay of answers to pages of other origins. Of Meta's answers a page sees only how long they took, and Meta is a
/// network away.
const ROUND_TRIP: Duration = Duration::from_millis(15);

/// The smallest transparent GIF: 1 by 1 pixel.
const GIF: &[u8] = b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff!\xf9\x04\x01\0\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;";

pub fn routes() -> Router<Sandbox> {
    Router::new()
        .route("/fbevents.js", get(library))
        .route("/tr", get(hit_by_get).post(hit_by_post))
        .route("/tr/", get(hit_by_get).post(hit_by_post))
        .layer(DefaultBodyLimit::max(HIT_MAX_BYTES))
}

async fn library(State(sandbox): State<Sandbox>) -> Response {
    if let Some(fault) = sandbox.faults.take(Target::Fbevents, Subject::default()) {
        fault.delay().await;
        if let Some(response) = fault.disrupt(|| StatusCode::FORBIDDEN.into_response()).await {
            return response;
        }
    }
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("application/javascript; charset=utf-8")),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("cross-origin")),
    ];
    (headers, FBEVENTS).into_response()
}

async fn hit_by_get(
    State(sandbox): State<Sandbox>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    record(&sandbox, &Method::GET, query.unwrap_or_default().as_bytes(), &headers, peer);
    if headers.get("sec-fetch-site").is_some_and(|site| site != "same-origin") {
        tokio::time::sleep(ROUND_TRIP).await;
    }
    let answer_headers = [
        (CONTENT_TYPE, HeaderValue::from_static("image/gif")),
        (CACHE_CONTROL, HeaderValue::from_static("no-cache, no-store, must-revalidate, max-age=0")),
        (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("cross-origin")),
    ];
    (answer_headers, Body::from(GIF)).into_response()
}

async fn hit_by_post(
    State(sandbox): State<Sandbox>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    record(&sandbox, &Method::POST, &body, &headers, peer);
    StatusCode::NO_CONTENT
}

fn record(sandbox: &Sandbox, method: &Method, parameters: &[u8], headers: &HeaderMap, peer: SocketAddr) {
    let mut event = PixelEvent {
        at_ms: now_ms(),
        user_agent: headers.get(USER_AGENT).and_then(|value| value.to_str().ok()).map(str::to_owned),
        ip: peer.ip().to_string(),
        method: method.to_string(),
        ..PixelEvent::default()
    };
    for (key, value) in form_urlencoded::parse(parameters).take(PARAMETERS_MAX) {
        let value: String = value.chars().take(VALUE_MAX_CHARS).collect();
        match key.as_ref() {
            "id" => event.id = value,
            "ev" => event.ev = value,
            "eid" => event.eid = value,
            "fbp" => event.fbp = Some(value),
            "fbc" => event.fbc = Some(value),
            "dl" => event.dl = Some(value),
            "rl" => event.rl = Some(value),
            "noscript" => event.noscript = value == "1",
            other => {
                if let Some(name) = inner_key(other, "cd") {
                    event.cd.insert(name.to_owned(), value);
                } else if let Some(name) = inner_key(other, "ud") {
                    event.ud.insert(name.to_owned(), value);
                }
            }
        }
        event.keys.push(key.into_owned());
    }
    if event.id.is_empty() || event.ev.is_empty() {
        tracing::debug!("a pixel hit without pixel ID or event name is not kept");
        return;
    }
    sandbox.journal().add_pixel_event(event);
}

/// `inner_key("cd[value]", "cd")` is `value`.
fn inner_key<'a>(key: &'a str, group: &str) -> Option<&'a str> {
    key.strip_prefix(group)?.strip_prefix('[')?.strip_suffix(']')
}

#[cfg(test)]
mod tests {
    use http::Request;
    use serde_json::Value;

    use super::*;
    use crate::testing;

    #[tokio::test]
    async fn an_image_hit_is_recorded_and_answered_with_a_pixel() {
        let router = testing::router();
        let uri = "/tr/?id=1&ev=Lead&dl=http%3A%2F%2Fshop.example%2F&cd[value]=1499.00&cd[currency]=INR\
                   &ud[em]=abc&fbp=fb.1.2.3&eid=lead-1";
        let request = Request::get(uri).header("user-agent", "Test/1").body(Body::empty()).unwrap();
        let response = testing::send(&router, request).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()[CONTENT_TYPE], "image/gif");

        let events = testing::get_json(&router, "/control/pixel/events").await;
        let event = &events[0];
        assert_eq!(event["ev"], "Lead");
        assert_eq!(event["eid"], "lead-1");
        assert_eq!(event["cd"]["value"], "1499.00");
        assert_eq!(event["ud"]["em"], "abc");
        assert_eq!(event["fbp"], "fb.1.2.3");
        assert_eq!(event["fbc"], Value::Null);
        assert_eq!(event["dl"], "http://shop.example/");
        assert_eq!(event["user_agent"], "Test/1");
        assert_eq!(event["ip"], "127.0.0.1");
    }

    #[tokio::test]
    async fn a_form_hit_is_recorded_and_answered_with_nothing() {
        let router = testing::router();
        let request = Request::post("/tr/")
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from("id=1&ev=Purchase&eid=p&cd%5Bvalue%5D=2"))
            .unwrap();
        assert_eq!(testing::send(&router, request).await.status(), StatusCode::NO_CONTENT);
        let events = testing::get_json(&router, "/control/pixel/events").await;
        assert_eq!(events[0]["cd"]["value"], "2");
        assert_eq!(events[0]["method"], "POST");
    }

    #[tokio::test]
    async fn the_library_can_be_made_to_throw_and_to_be_blocked() {
        let router = testing::router();
        for action in ["throws", "cut"] {
            let fault = format!(r#"{{"target":"fbevents","count":1,"action":"{action}"}}"#);
            testing::post_json(&router, "/control/faults", &fault).await;
        }
        let throws = testing::send(&router, testing::get("/fbevents.js")).await;
        assert!(testing::text(throws).await.starts_with("throw "));
        let blocked = testing::send(&router, testing::get("/fbevents.js")).await;
        assert!(blocked.extensions().get::<crate::answer::Cut>().is_some());
        let normal = testing::send(&router, testing::get("/fbevents.js")).await;
        assert!(testing::text(normal).await.contains("callMethod"));
    }
}
