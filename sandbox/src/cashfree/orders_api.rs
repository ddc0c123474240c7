//! The Orders API: `GET /cashfree/pg/orders/{order_id}`, `…/payments` and `…/refunds`, with Cashfree's keys,
//! headers and errors.

use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, StatusCode, Uri};
use serde_json::json;

use crate::cashfree::{kinds, payload};
use crate::clock::now_ms;
use crate::faults::{Subject, Target};
use crate::orders::calls::Call;
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
    answer(&sandbox, &order_id, uri.path(), &headers, (Call::Order, payload::order_answer)).await
}

async fn get_payments(
    State(sandbox): State<Sandbox>,
    Path(order_id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    answer(&sandbox, &order_id, uri.path(), &headers, (Call::Payments, payload::payments_answer)).await
}

async fn get_refunds(
    State(sandbox): State<Sandbox>,
    Path(order_id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    answer(&sandbox, &order_id, uri.path(), &headers, (Call::Refunds, kinds::refunds_answer)).await
}

async fn unknown_path() -> Response {
    api_error(StatusCode::NOT_FOUND, "Resource not found", "resource_not_found", "invalid_request_error")
}

async fn answer(
    sandbox: &Sandbox,
    order_id: &str,
    path: &str,
    headers: &HeaderMap,
    (call, body): (Call, fn(&Order) -> String),
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
        Ok(()) => within_limit(sandbox, call, || match sandbox.orders().get(order_id) {
            Some(order) => ([(CONTENT_TYPE, "application/json")], body(order)).into_response(),
            None => api_error(
                StatusCode::NOT_FOUND,
                "Order Reference Id does not exist",
                "order_not_found",
                "invalid_request_error",
            ),
        }),
    };
    record(response.status().as_u16());
    response
}

/// Answers a call within the account's limit, and refuses an excess one. Both say how much is left.
fn within_limit(sandbox: &Sandbox, call: Call, answer: impl FnOnce() -> Response) -> Response {
    let minute_ms = Duration::from_secs(60).div_f64(sandbox.live().time_scale).as_millis();
    let minute_ms = i64::try_from(minute_ms).unwrap_or(i64::MAX).max(1);
    let allowance = sandbox.orders().calls.take(call, now_ms(), minute_ms);
    let mut response = match allowance.retry_s {
        0 => answer(),
        _ => api_error(
            StatusCode::TOO_MANY_REQUESTS,
            "Too many requests from the account",
            "request_failed",
            "rate_limit_error",
        ),
    };
    let retry_s = usize::try_from(allowance.retry_s).unwrap_or_default();
    for (name, value) in [
        ("x-ratelimit-limit", allowance.limit),
        ("x-ratelimit-remaining", allowance.remaining),
        ("x-ratelimit-retry", retry_s),
    ] {
        response.headers_mut().insert(name, HeaderValue::from(value));
    }
    response.headers_mut().insert("x-ratelimit-type", HeaderValue::from_static("app_id"));
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

    #[tokio::test]
    async fn the_account_has_sixty_orders_a_minute_and_is_told_when_to_come_back() {
        let router = testing::router_with(&["--webhook-url", "http://127.0.0.1:9/none"]);
        testing::post_json(&router, "/control/cashfree/orders", r#"{"order_id":"KB-7","amount":"1"}"#).await;
        let path = "/cashfree/pg/orders/KB-7";
        for n in 0..60 {
            let answer = testing::send(&router, request(path, &KEYS)).await;
            assert_eq!(answer.status(), StatusCode::OK, "{n}");
            assert_eq!(answer.headers()["x-ratelimit-remaining"], (59 - n).to_string());
        }
        let refused = testing::send(&router, request(path, &KEYS)).await;
        assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
        let retry_s: i64 = refused.headers()["x-ratelimit-retry"].to_str().unwrap().parse().unwrap();
        assert!((1..=60).contains(&retry_s), "{retry_s}");
        assert_eq!(refused.headers()["x-ratelimit-type"], "app_id");
        assert_eq!(testing::json(refused).await["type"], "rate_limit_error");
        let payments = testing::send(&router, request(&format!("{path}/payments"), &KEYS)).await;
        assert_eq!(payments.status(), StatusCode::OK, "lists have limits of their own");
    }

    #[tokio::test]
    async fn an_order_has_every_status_and_its_refunds() {
        let router = testing::router_with(&["--webhook-url", "http://127.0.0.1:9/none"]);
        testing::post_json(&router, "/control/cashfree/orders", r#"{"order_id":"KB-8","amount":"99.50"}"#)
            .await;
        let path = "/cashfree/pg/orders/KB-8";
        let control = "/control/cashfree/orders/KB-8";
        for status in ["EXPIRED", "TERMINATED", "TERMINATION_REQUESTED", "PARTIALLY_PAID", "ACTIVE"] {
            let change = format!(r#"{{"status":"{status}"}}"#);
            testing::post_json(&router, &format!("{control}/status"), &change).await;
            let answer = testing::json(testing::send(&router, request(path, &KEYS)).await).await;
            assert_eq!(answer["order_status"], status);
        }
        let refund = format!("{control}/refund");
        let (early, _) = testing::post_json(&router, &refund, "{}").await;
        assert_eq!(early, StatusCode::BAD_REQUEST, "nothing was paid");
        let paid = r#"{"outcome":"success","send_webhook":false}"#;
        testing::post_json(&router, &format!("{control}/pay"), paid).await;
        testing::post_json(&router, &refund, r#"{"amount":"9.50","status":"PENDING","send_webhook":false}"#)
            .await;
        let refunds =
            testing::text(testing::send(&router, request(&format!("{path}/refunds"), &KEYS)).await).await;
        assert!(
            refunds.contains(r#""refund_amount":9.50"#) && refunds.contains(r#""refund_status":"PENDING""#)
        );
        let answer = testing::json(testing::send(&router, request(path, &KEYS)).await).await;
        assert_eq!(answer["order_status"], "PAID");
    }
}
