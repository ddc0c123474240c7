//! The control API under `/control`: scripts faults, changes settings, shows what arrived.

use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::StatusCode;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::answer;
use crate::cashfree::{self, webhook};
use crate::clock::Millis;
use crate::config::ConfigChange;
use crate::faults::Fault;
use crate::orders::amount::Amount;
use crate::orders::{NewOrder, Outcome, PaymentDetails, RefundStatus, UnpaidStatus};
use crate::state::Sandbox;

pub fn routes() -> Router<Sandbox> {
    Router::new()
        .route("/control/config", get(show_config).post(change_config))
        .route("/control/faults", get(list_faults).post(add_fault).put(replace_faults).delete(clear_faults))
        .route("/control/graph/events", get(graph_events))
        .route("/control/graph/requests", get(graph_requests))
        .route("/control/graph/counts", get(graph_counts))
        .route("/control/pixel/events", get(pixel_events))
        .route("/control/matches", get(matches))
        .route("/control/totals", get(totals))
        .route("/control/reset", post(reset))
        .route("/control/cashfree/orders", get(list_orders).post(create_order))
        .route("/control/cashfree/orders/{order_id}/pay", post(pay))
        .route("/control/cashfree/orders/{order_id}/refund", post(refund))
        .route("/control/cashfree/orders/{order_id}/status", post(end))
        .route("/control/cashfree/orders/{order_id}/webhook", post(notify))
        .route("/control/cashfree/webhook", post(send_webhook))
        .route("/control/cashfree/webhooks", get(webhooks))
        .route("/control/cashfree/requests", get(orders_api_requests))
}

/// Parses a JSON body whatever its content type, because `curl -d` declares a form.
#[allow(clippy::result_large_err, reason = "the error is the answer itself, made once per refused request")]
fn parse<T: DeserializeOwned>(body: &Bytes) -> Result<T, Response> {
    serde_json::from_slice(body).map_err(|error| answer::error(StatusCode::BAD_REQUEST, &error.to_string()))
}

async fn show_config(State(sandbox): State<Sandbox>) -> Response {
    Json(sandbox.live()).into_response()
}

async fn change_config(State(sandbox): State<Sandbox>, body: Bytes) -> Response {
    let change = match parse::<ConfigChange>(&body) {
        Ok(change) => change,
        Err(refusal) => return refusal,
    };
    match sandbox.change_live(change) {
        Ok(live) => Json(live).into_response(),
        Err(reason) => answer::error(StatusCode::BAD_REQUEST, &reason),
    }
}

async fn list_faults(State(sandbox): State<Sandbox>) -> Response {
    Json(sandbox.faults.list()).into_response()
}

async fn add_fault(State(sandbox): State<Sandbox>, body: Bytes) -> Response {
    let fault = match parse::<Fault>(&body) {
        Ok(fault) => fault,
        Err(refusal) => return refusal,
    };
    match fault.check().and_then(|()| sandbox.faults.add(fault)) {
        Ok(()) => Json(json!({ "waiting": sandbox.faults.list().len() })).into_response(),
        Err(reason) => answer::error(StatusCode::BAD_REQUEST, &reason),
    }
}

async fn replace_faults(State(sandbox): State<Sandbox>, body: Bytes) -> Response {
    let faults = match parse::<Vec<Fault>>(&body) {
        Ok(faults) => faults,
        Err(refusal) => return refusal,
    };
    match faults.iter().try_for_each(Fault::check).and_then(|()| sandbox.faults.replace(faults)) {
        Ok(()) => Json(json!({ "waiting": sandbox.faults.list().len() })).into_response(),
        Err(reason) => answer::error(StatusCode::BAD_REQUEST, &reason),
    }
}

async fn clear_faults(State(sandbox): State<Sandbox>) -> Response {
    sandbox.faults.clear();
    Json(json!({ "waiting": 0 })).into_response()
}

/// Filters of the event lists.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct EventFilter {
    event_name: Option<String>,
    event_id: Option<String>,
}

impl EventFilter {
    fn takes(&self, event_name: &str, event_id: &str) -> bool {
        self.event_name.as_deref().is_none_or(|wanted| wanted == event_name)
            && self.event_id.as_deref().is_none_or(|wanted| wanted == event_id)
    }
}

/// Filters of the list of accepted server events.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct GraphEventFilter {
    event_name: Option<String>,
    event_id: Option<String>,
    /// Only events with a higher number. A caller continues an earlier list with it.
    #[serde(default)]
    after: u64,
}

async fn graph_events(State(sandbox): State<Sandbox>, Query(filter): Query<GraphEventFilter>) -> Response {
    let GraphEventFilter { event_name, event_id, after } = filter;
    let filter = EventFilter { event_name, event_id };
    let journal = sandbox.journal();
    let events: Vec<_> = journal
        .graph_events()
        .filter(|entry| {
            let text = |key: &str| entry.event[key].as_str().unwrap_or_default();
            entry.number > after && filter.takes(text("event_name"), text("event_id"))
        })
        .collect();
    Json(events).into_response()
}

async fn graph_requests(State(sandbox): State<Sandbox>) -> Response {
    Json(sandbox.journal().graph_requests().collect::<Vec<_>>()).into_response()
}

async fn graph_counts(State(sandbox): State<Sandbox>) -> Response {
    Json(sandbox.journal().graph_counts()).into_response()
}

async fn pixel_events(State(sandbox): State<Sandbox>, Query(filter): Query<EventFilter>) -> Response {
    let journal = sandbox.journal();
    let events: Vec<_> = journal.pixel_events().filter(|hit| filter.takes(&hit.ev, &hit.eid)).collect();
    Json(events).into_response()
}

async fn matches(State(sandbox): State<Sandbox>, Query(filter): Query<EventFilter>) -> Response {
    let journal = sandbox.journal();
    let rows: Vec<_> =
        journal.matches().rows().filter(|row| filter.takes(&row.event_name, &row.event_id)).collect();
    Json(rows).into_response()
}

async fn totals(State(sandbox): State<Sandbox>) -> Response {
    Json(sandbox.journal().matches().totals()).into_response()
}

async fn reset(State(sandbox): State<Sandbox>) -> Response {
    sandbox.reset();
    Json(json!({ "reset": true })).into_response()
}

async fn create_order(State(sandbox): State<Sandbox>, body: Bytes) -> Response {
    let new = match parse::<NewOrder>(&body) {
        Ok(new) => new,
        Err(refusal) => return refusal,
    };
    let created = sandbox.orders().create(new);
    match created {
        Ok(order) => Json(json!({
            "order_id": order.order_id,
            "session": order.session,
            "checkout_url": format!("/cashfree/checkout/{}", order.session),
        }))
        .into_response(),
        Err(reason) => answer::error(StatusCode::BAD_REQUEST, &reason),
    }
}

async fn list_orders(State(sandbox): State<Sandbox>) -> Response {
    let orders = sandbox.orders();
    let rows: Vec<_> = orders
        .all()
        .map(|order| {
            json!({
                "order_id": order.order_id,
                "order_status": order.status(),
                "paid_amount": order.paid().map(|payment| payment.amount.as_str()),
            })
        })
        .collect();
    Json(rows).into_response()
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PayRequest {
    outcome: Outcome,
    #[serde(default = "yes")]
    send_webhook: bool,
    /// When the attempt began, in Unix milliseconds. If absent, now.
    #[serde(default)]
    payment_time_ms: Option<Millis>,
    /// The amount that was paid. If absent, the order's amount.
    #[serde(default)]
    payment_amount: Option<Amount>,
}

fn yes() -> bool {
    true
}

async fn pay(State(sandbox): State<Sandbox>, Path(order_id): Path<String>, body: Bytes) -> Response {
    let request = match parse::<PayRequest>(&body) {
        Ok(request) => request,
        Err(refusal) => return refusal,
    };
    let details = PaymentDetails { at_ms: request.payment_time_ms, amount: request.payment_amount };
    match cashfree::pay(&sandbox, &order_id, request.outcome, details, request.send_webhook) {
        Some(cf_payment_id) => Json(json!({ "cf_payment_id": cf_payment_id })).into_response(),
        None => answer::error(StatusCode::NOT_FOUND, "no such order"),
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RefundRequest {
    /// If absent, all that was paid.
    #[serde(default)]
    amount: Option<Amount>,
    #[serde(default)]
    status: RefundStatus,
    #[serde(default = "yes")]
    send_webhook: bool,
}

async fn refund(State(sandbox): State<Sandbox>, Path(order_id): Path<String>, body: Bytes) -> Response {
    let request = match parse::<RefundRequest>(&body) {
        Ok(request) => request,
        Err(refusal) => return refusal,
    };
    match cashfree::refund(&sandbox, &order_id, request.amount, request.status, request.send_webhook) {
        Ok(cf_refund_id) => Json(json!({ "cf_refund_id": cf_refund_id })).into_response(),
        Err(reason) => answer::error(StatusCode::BAD_REQUEST, &reason),
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct EndRequest {
    status: UnpaidStatus,
}

async fn end(State(sandbox): State<Sandbox>, Path(order_id): Path<String>, body: Bytes) -> Response {
    match parse::<EndRequest>(&body) {
        Ok(request) if sandbox.orders().end(&order_id, request.status) => {
            Json(json!({ "order_id": order_id })).into_response()
        }
        Ok(_) => answer::error(StatusCode::NOT_FOUND, "no such order"),
        Err(refusal) => refusal,
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NotifyRequest {
    kind: String,
}

async fn notify(State(sandbox): State<Sandbox>, Path(order_id): Path<String>, body: Bytes) -> Response {
    let request = match parse::<NotifyRequest>(&body) {
        Ok(request) => request,
        Err(refusal) => return refusal,
    };
    match cashfree::notify(&sandbox, &order_id, &request.kind) {
        Ok(()) => Json(json!({ "order_id": order_id, "type": request.kind })).into_response(),
        Err(reason) => answer::error(StatusCode::BAD_REQUEST, &reason),
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawWebhook {
    body: String,
    /// Unix milliseconds as text. If absent, now.
    #[serde(default)]
    timestamp: Option<String>,
    /// Replaces the right signature.
    #[serde(default)]
    signature: Option<String>,
}

async fn send_webhook(State(sandbox): State<Sandbox>, body: Bytes) -> Response {
    match parse::<RawWebhook>(&body) {
        Ok(raw) => {
            Json(webhook::send_once(&sandbox, raw.body, raw.timestamp, raw.signature).await).into_response()
        }
        Err(refusal) => refusal,
    }
}

async fn webhooks(State(sandbox): State<Sandbox>) -> Response {
    Json(sandbox.orders().webhooks().collect::<Vec<_>>()).into_response()
}

async fn orders_api_requests(State(sandbox): State<Sandbox>) -> Response {
    Json(sandbox.orders().requests().collect::<Vec<_>>()).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[tokio::test]
    async fn settings_can_be_changed_and_bad_ones_are_refused() {
        let router = testing::router();
        let (status, live) = testing::post_json(
            &router,
            "/control/config",
            r#"{"tandem_url":"http://127.0.0.1:1","time_scale":600}"#,
        )
        .await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(live["tandem_url"], "http://127.0.0.1:1");
        for bad in [r#"{"time_scale":0}"#, r#"{"tandem_url":"x"}"#, r#"{"unknown":1}"#, "not json"] {
            let (status, _) = testing::post_json(&router, "/control/config", bad).await;
            assert_eq!(status, StatusCode::BAD_REQUEST, "{bad}");
        }
    }

    #[tokio::test]
    async fn all_faults_are_replaced_in_one_step_or_none_is() {
        let router = testing::router();
        let put = |body: &'static str| {
            testing::send(&router, http::Request::put("/control/faults").body(body.into()).unwrap())
        };
        testing::post_json(&router, "/control/faults", r#"{"target":"graph","action":"hang"}"#).await;
        let two = r#"[{"target":"graph","action":"cut"},{"target":"webhook","action":"hang","count":2}]"#;
        assert_eq!(put(two).await.status(), StatusCode::OK);
        assert_eq!(testing::get_json(&router, "/control/faults").await.as_array().unwrap().len(), 2);
        let bad = r#"[{"target":"graph","action":"hang"},{"target":"graph","delay_ms":999999999}]"#;
        assert_eq!(put(bad).await.status(), StatusCode::BAD_REQUEST);
        assert_eq!(testing::get_json(&router, "/control/faults").await.as_array().unwrap().len(), 2);
        assert_eq!(put("[]").await.status(), StatusCode::OK);
        assert_eq!(testing::get_json(&router, "/control/faults").await, json!([]));
    }

    #[tokio::test]
    async fn orders_are_listed_with_what_was_paid() {
        let router = testing::router();
        for order in ["KB-6", "KB-7"] {
            let body = format!(r#"{{"order_id":"{order}","amount":"10.50"}}"#);
            testing::post_json(&router, "/control/cashfree/orders", &body).await;
        }
        let pay = "/control/cashfree/orders/KB-7/pay";
        for attempt in [
            r#"{"outcome":"failed","send_webhook":false}"#,
            r#"{"outcome":"success","send_webhook":false,"payment_amount":"9.45"}"#,
        ] {
            testing::post_json(&router, pay, attempt).await;
        }
        let listed = testing::get_json(&router, "/control/cashfree/orders").await;
        let expected = json!([
            { "order_id": "KB-6", "order_status": "ACTIVE", "paid_amount": null },
            { "order_id": "KB-7", "order_status": "PAID", "paid_amount": "9.45" },
        ]);
        assert_eq!(listed, expected);
    }

    #[tokio::test]
    async fn a_reset_forgets_events_orders_and_faults_but_not_settings() {
        let router = testing::router();
        testing::post_json(&router, "/control/config", r#"{"token":"other"}"#).await;
        testing::post_json(&router, "/control/faults", r#"{"target":"graph","action":"hang"}"#).await;
        testing::send(&router, testing::get("/tr/?id=1&ev=Lead&eid=a")).await;
        testing::post_json(&router, "/control/cashfree/orders", r#"{"order_id":"KB-5","amount":"1"}"#).await;

        testing::post_json(&router, "/control/reset", "").await;
        for path in ["/control/faults", "/control/pixel/events", "/control/matches"] {
            assert_eq!(testing::get_json(&router, path).await, json!([]), "{path}");
        }
        let (status, _) =
            testing::post_json(&router, "/control/cashfree/orders/KB-5/pay", r#"{"outcome":"success"}"#)
                .await;
        assert_eq!(status, StatusCode::NOT_FOUND);
        assert_eq!(testing::get_json(&router, "/control/config").await["token"], "other");
    }
}
