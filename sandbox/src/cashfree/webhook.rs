//! Sends webhooks as Cashfree does: signed, and repeated after 2, 10 and 30 minutes until the
//! receiver answers exactly 200 (Cashfree, "Reliability and Operations"). Redirects are failures.

use std::time::Duration;

use http::header::CONTENT_TYPE;
use serde::Serialize;

use crate::cashfree::signature;
use crate::clock::now_ms;
use crate::faults::{Action, Fault, Subject, Target};
use crate::orders::webhook_record::Attempt;
use crate::state::Sandbox;

/// Cashfree's default retry policy.
const RETRY_DELAYS: [Duration; 3] =
    [Duration::from_secs(120), Duration::from_secs(600), Duration::from_secs(1800)];

/// The webhook edition that is sent.
const VERSION: &str = "2025-01-01";

/// Longest part of an answer that is kept.
const ANSWER_MAX_CHARS: usize = 4096;

#[derive(Clone, Debug, Serialize)]
pub(crate) struct ReceiverAnswer {
    /// HTTP status; 0 when no answer came.
    pub(crate) status: u16,
    /// The answer's text, or the reason why none came.
    pub(crate) body: String,
}

/// Delivers a webhook in the background, with retries. A reset of the sandbox ends the retries.
pub(super) fn deliver(sandbox: Sandbox, order_id: &str, kind: &str, body: String) {
    let number = sandbox.orders().add_webhook(order_id, kind);
    let epoch = sandbox.epoch();
    tokio::spawn(async move {
        // A retry repeats the first delivery's timestamp and signature. Cashfree does not say whether theirs does. This
        // is the harder case for a receiver.
        let timestamp = now_ms().to_string();
        for attempt_no in 1.. {
            let at_ms = now_ms();
            let answer = attempt(&sandbox, &timestamp, &body, attempt_no).await;
            if sandbox.epoch() != epoch {
                return;
            }
            match sandbox.orders().webhook_mut(number) {
                Some(record) => record.attempts.push(Attempt {
                    at_ms,
                    status: answer.status,
                    took_ms: (now_ms() - at_ms).max(0),
                }),
                // The record was removed because too many newer ones came, so the retries end.
                None => return,
            }
            tracing::info!(attempt.no = attempt_no, status = answer.status, "webhook sent");
            let Some(delay) = RETRY_DELAYS.get(attempt_no - 1).filter(|_| answer.status != 200) else {
                return;
            };
            tokio::time::sleep(delay.div_f64(sandbox.live().time_scale)).await;
            if sandbox.epoch() != epoch {
                return;
            }
        }
    });
}

/// Signs these bytes and sends them once, without a record and without faults.
pub(crate) async fn send_once(
    sandbox: &Sandbox,
    body: String,
    timestamp: Option<String>,
    forged_signature: Option<String>,
) -> ReceiverAnswer {
    let timestamp = timestamp.unwrap_or_else(|| now_ms().to_string());
    let signature = forged_signature
        .unwrap_or_else(|| signature::sign(&sandbox.settings.client_secret, &timestamp, body.as_bytes()));
    post(sandbox, &timestamp, &signature, body, 1).await
}

async fn attempt(sandbox: &Sandbox, timestamp: &str, body: &str, attempt_no: usize) -> ReceiverAnswer {
    let fault = sandbox.faults.take(Target::Webhook, Subject::default());
    if let Some(fault) = &fault {
        fault.delay().await;
    }
    let secret = match fault.as_ref().and_then(|fault| fault.action.as_ref()) {
        Some(Action::RefuseToken) => "a-secret-that-nobody-knows",
        Some(_) => return lost(fault.as_ref()),
        None => &sandbox.settings.client_secret,
    };
    let signature = signature::sign(secret, timestamp, body.as_bytes());
    post(sandbox, timestamp, &signature, body.to_owned(), attempt_no).await
}

/// The record of a delivery that never reached the receiver.
fn lost(fault: Option<&Fault>) -> ReceiverAnswer {
    let status = fault.and_then(|fault| fault.status(http::StatusCode::UNAUTHORIZED)).unwrap_or(0);
    ReceiverAnswer { status, body: "lost to a scripted fault".to_owned() }
}

async fn post(
    sandbox: &Sandbox,
    timestamp: &str,
    signature: &str,
    body: String,
    attempt_no: usize,
) -> ReceiverAnswer {
    let request = sandbox
        .http
        .post(sandbox.live().webhook_url)
        .header(CONTENT_TYPE, "application/json")
        .header("x-webhook-signature", signature)
        .header("x-webhook-timestamp", timestamp)
        .header("x-webhook-version", VERSION)
        .header("x-webhook-attempt", attempt_no.to_string())
        .header("x-idempotency-key", signature::idempotency_key(body.as_bytes()))
        .body(body);
    match request.send().await {
        Ok(response) => {
            let status = response.status().as_u16();
            let text = response.text().await.unwrap_or_default();
            ReceiverAnswer { status, body: text.chars().take(ANSWER_MAX_CHARS).collect() }
        }
        Err(error) => ReceiverAnswer { status: 0, body: error.without_url().to_string() },
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use axum::Router;
    use axum::body::Bytes;
    use axum::extract::State;
    use axum::routing::post;
    use http::{HeaderMap, StatusCode};
    use serde_json::Value;

    use super::*;
    use crate::testing;

    type Seen = Arc<Mutex<Vec<(HeaderMap, Bytes)>>>;

    /// A receiver that answers 503, then 204, then 200.
    async fn receiver(State(seen): State<Seen>, headers: HeaderMap, body: Bytes) -> StatusCode {
        let mut seen = seen.lock().unwrap();
        seen.push((headers, body));
        [StatusCode::SERVICE_UNAVAILABLE, StatusCode::NO_CONTENT, StatusCode::OK][(seen.len() - 1).min(2)]
    }

    #[tokio::test]
    async fn a_webhook_is_signed_and_repeated_until_exactly_200() {
        let seen = Seen::default();
        let app = Router::new().route("/hook", post(receiver)).with_state(seen.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        tokio::spawn(crate::serve::run(listener, app, std::future::pending()));

        let router = testing::router_with(&["--webhook-url", &url, "--time-scale", "100000"]);
        let (_, order) = testing::post_json(
            &router,
            "/control/cashfree/orders",
            r#"{"order_id":"KB-9","amount":"10.50"}"#,
        )
        .await;
        assert_eq!(order["order_id"], "KB-9");
        let (status, paid) =
            testing::post_json(&router, "/control/cashfree/orders/KB-9/pay", r#"{"outcome":"success"}"#)
                .await;
        assert_eq!(status, StatusCode::OK);

        let mut records = Value::Null;
        for _ in 0..500 {
            records = testing::get_json(&router, "/control/cashfree/webhooks").await;
            if records[0]["attempts"].as_array().is_some_and(|attempts| attempts.len() == 3) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let statuses: Vec<_> =
            records[0]["attempts"].as_array().unwrap().iter().map(|one| one["status"].clone()).collect();
        assert_eq!(statuses, [503, 204, 200]);
        assert_eq!(records[0]["type"], "PAYMENT_SUCCESS_WEBHOOK");

        let seen = seen.lock().unwrap();
        for (index, (headers, body)) in seen.iter().enumerate() {
            let text = |name: &str| headers[name].to_str().unwrap();
            assert_eq!(text("x-webhook-attempt"), (index + 1).to_string());
            assert_eq!(text("x-webhook-version"), "2025-01-01");
            let expected = signature::sign("cfsk_ma_test_sandbox_secret", text("x-webhook-timestamp"), body);
            assert_eq!(text("x-webhook-signature"), expected);
            let json: Value = serde_json::from_slice(body).unwrap();
            assert_eq!(json["data"]["payment"]["cf_payment_id"], paid["cf_payment_id"]);
        }
        assert_eq!(seen.len(), 3);
    }

    #[tokio::test]
    async fn a_lost_delivery_never_reaches_the_receiver() {
        let router = testing::router_with(&["--webhook-url", "http://127.0.0.1:9/none"]);
        testing::post_json(
            &router,
            "/control/faults",
            r#"{"target":"webhook","action":{"answer":{"status":200}}}"#,
        )
        .await;
        testing::post_json(&router, "/control/cashfree/orders", r#"{"order_id":"KB-8","amount":"1"}"#).await;
        testing::post_json(&router, "/control/cashfree/orders/KB-8/pay", r#"{"outcome":"failed"}"#).await;
        for _ in 0..500 {
            let records = testing::get_json(&router, "/control/cashfree/webhooks").await;
            if records[0]["attempts"][0]["status"] == 200 {
                assert_eq!(records[0]["type"], "PAYMENT_FAILED_WEBHOOK");
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("no attempt was recorded");
    }
}
