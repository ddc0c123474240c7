//! The Orders API: `GET /cashfree/pg/orders/{order_id}`, `…/payments` and `…/refunds`, with Cashfree's keys,
//! headers and errors.

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode, Uri};
use serde_json::json;

use crate::cashfree::payload;
use crate::clock::now_ms;
use crate::faults::{Subject, Target};
use crate::orders::{ApiRequest, Order};
use crate::state::Sandbox;

pub(super) fn routes() -> Router<Sandbox> {
    let api = Router::new()
        .route("/orders/{order_id}", get(get_order))
        .route("/orders/{order_id}/payments", get(get_payments))
        .route("/orders/{order_id}/refunds", get(get_refunds))
        .fallback(unknown_path);
    Router::new().nest("/cashfree/pg", api)
}

async fn get_order(
    State(sandbox): State<Sandbox>,
    Path(order_id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    answer(&sandbox, &order_id, uri.path(), &headers, payload::order_answer).await
}

async fn get_payments(
    State(sandbox): State<Sandbox>,
    Path(order_id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    answer(&sandbox, &order_id, uri.path(), &headers, payload::payments_answer).await
}

/// The demo shop refunds nothing.
async fn get_refunds(
    State(sandbox): State<Sandbox>,
    Path(order_id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    answer(&sandbox, &order_id, uri.path(), &headers, |_| "[]".to_owned()).await
}

async fn unknown_path() -> Response {
    api_error(StatusCode::NOT_FOUND, "Resource not found", "resource_not_found", "invalid_request_error")
}

async fn answer(
    sandbox: &Sandbox,
    order_id: &str,
    path: &str,
    headers: &HeaderMap,
    body: impl FnOnce(&Order) -> String,
) -> Response {
    let record = |status: u16| {
        let request = ApiRequest { at_ms: now_ms(), path: path.to_owned(), status };
        sandbox.orders().add_request(request);
    };
    if let Some(fault) = sandbox.faults.take(Target::OrdersApi, Subject::default()) {
        fault.delay().await;
        if let Some(status) = fault.status(StatusCode::UNAUTHORIZED) {
            record(status);
        }
        if let Some(response) = fault.disrupt(bad_keys).await {
            return response;
        }
    }
    let response = match check_headers(sandbox, headers) {
        Err(refusal) => refusal,
        Ok(()) => match sandbox.orders().get(order_id) {
            Some(order) => ([(CONTENT_TYPE, "application/json")], body(order)).into_response(),
            None => api_error(
                StatusCode::NOT_FOUND,
                "Order Reference Id does not exist",
                "order_not_found",
                "invalid_request_error",
            ),
        },
    };
    record(response.status().as_u16());
    response
}

#[allow(clippy::result_large_err, reason = "the error is the answer itself, made once per refused request")]
fn check_headers(sandbox: &Sandbox, headers: &HeaderMap) -> Result<(), Response> {
    let is = |name: &str, expected: &str| headers.get(name).is_some_and(|value| value == expected);
    if !is("x-client-id", &sandbox.settings.client_id)
        || !is("x-client-secret", &sandbox.settings.client_secret)
    {
        return Err(bad_keys());
    }
    match headers.get("x-api-version").and_then(|value| value.to_str().ok()) {
        Some(version) if is_date(version) => Ok(()),
        _ => Err(api_error(
            StatusCode::BAD_REQUEST,
            "x-api-version : is missing or not a version",
            "version_invalid",
            "invalid_request_error",
        )),
    }
}

/// Whether the text has the form of `2025-01-01`.
fn is_date(version: &str) -> bool {
    let parts: Vec<&str> = version.split('-').collect();
    let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    lengths == [4, 2, 2] && parts.iter().all(|part| part.bytes().all(|byte| byte.is_ascii_digit()))
}

fn bad_keys() -> Response {
    api_error(StatusCode::UNAUTHORIZED, "authentication Failed", "request_failed", "authentication_error")
}

fn api_error(status: StatusCode, message: &str, code: &str, kind: &str) -> Response {
    let body = json!({ "message": message, "code": code, "type": kind }).to_string();
    (status, [(CONTENT_TYPE, "application/json")], body).into_response()
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use http::Request;

    use super::*;
    use crate::testing;

    fn request(path: &str, headers: &[(&str, &str)]) -> Request<Body> {
        let mut builder = Request::get(path);
        for (name, value) in headers {
            builder = builder.header(*name, *value);
        }
        builder.body(Body::empty()).unwrap()
    }

    const KEYS: [(&str, &str); 3] = [
        ("x-client-id", "TEST_sandbox_client"),
        ("x-client-secret", "cfsk_ma_test_sandbox_secret"),
        ("x-api-version", "2025-01-01"),
    ];

    #[tokio::test]
    async fn an_order_and_its_payments_can_be_asked_for() {
        let router = testing::router_with(&["--webhook-url", "http://127.0.0.1:9/none"]);
        let order = r#"{"order_id":"KB-7","amount":"1499.00","customer":{"email":"asha@example.com"}}"#;
        testing::post_json(&router, "/control/cashfree/orders", order).await;

        let path = "/cashfree/pg/orders/KB-7";
        let before = testing::text(testing::send(&router, request(path, &KEYS)).await).await;
        assert!(before.contains(r#""order_status":"ACTIVE""#));
        assert!(before.contains(r#""order_amount":1499.00"#));
        assert!(before.contains(r#""customer_email":"asha@example.com""#));

        for (outcome, payment_time) in [("failed", 1_763_942_400_000_i64), ("success", 1_763_942_460_000)] {
            let body =
                format!(r#"{{"outcome":"{outcome}","send_webhook":false,"payment_time_ms":{payment_time}}}"#);
            testing::post_json(&router, "/control/cashfree/orders/KB-7/pay", &body).await;
        }
        let after = testing::json(testing::send(&router, request(path, &KEYS)).await).await;
        assert_eq!(after["order_status"], "PAID");
        let payments =
            testing::json(testing::send(&router, request(&format!("{path}/payments"), &KEYS)).await).await;
        let refunds = request(&format!("{path}/refunds"), &KEYS);
        assert_eq!(testing::json(testing::send(&router, refunds).await).await, json!([]));
        assert_eq!(payments[0]["payment_status"], "FAILED");
        assert_eq!(payments[0]["is_captured"], false);
        assert_eq!(payments[1]["payment_status"], "SUCCESS");
        assert_eq!(payments[1]["payment_time"], "2025-11-24T05:31:00+05:30");
        let asked = testing::get_json(&router, "/control/cashfree/requests").await;
        assert_eq!(asked.as_array().unwrap().len(), 4);
    }

    #[tokio::test]
    async fn keys_version_and_order_are_checked() {
        let router = testing::router();
        let path = "/cashfree/pg/orders/KB-6";
        type Case<'a> = (&'a [(&'a str, &'a str)], StatusCode, &'a str);
        let cases: [Case<'_>; 4] = [
            (&[], StatusCode::UNAUTHORIZED, "authentication_error"),
            (
                &[KEYS[0], ("x-client-secret", "wrong"), KEYS[2]],
                StatusCode::UNAUTHORIZED,
                "authentication_error",
            ),
            (&KEYS[..2], StatusCode::BAD_REQUEST, "invalid_request_error"),
            (&KEYS, StatusCode::NOT_FOUND, "invalid_request_error"),
        ];
        for (headers, status, kind) in cases {
            let response = testing::send(&router, request(path, headers)).await;
            assert_eq!(response.status(), status);
            assert_eq!(testing::json(response).await["type"], kind);
        }
    }
}
