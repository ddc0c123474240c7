//! What a lost webhook costs: nothing, as long as somebody spoke of the order.

use std::sync::atomic::{AtomicUsize, Ordering};

use axum::extract::State as Shared;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use tandem_core::currency::Currency;
use tandem_proto::stubs::tracking_service_server::TrackingService as _;
use tandem_proto::v1::{Browser, TrackEventRequest};

use super::*;
use crate::api::tracking::Tracking;
use crate::clock::Clock;
use crate::orders::testing;
use crate::outbox::{EventFilter, Page, State};
use tandem_core::id::EventName;

const NOW_MS: i64 = 1_763_942_400_000;

/// An Orders API at which order KB-1 is paid once `open` questions were answered "active".
async fn api(open: usize) -> String {
    let asked = Arc::new(AtomicUsize::new(0));
    let order = async move |Shared(asked): Shared<Arc<AtomicUsize>>| -> Json<Value> {
        let is_open = asked.fetch_add(1, Ordering::SeqCst) < open;
        Json(json!({
            "order_id": "KB-1", "cf_order_id": "21000001", "order_amount": 1399.50, "order_currency": "INR",
            "order_status": if is_open { "ACTIVE" } else { "PAID" },
            "customer_details": { "customer_id": "c-1", "customer_phone": "9876543210" },
        }))
    };
    let payments = async || {
        Json(json!([{
            "cf_payment_id": "5114910001", "order_id": "KB-1", "payment_status": "SUCCESS", "is_captured": true,
            "payment_amount": 1399.50, "payment_currency": "INR", "payment_time": "2025-11-24T05:30:00+05:30",
        }]))
    };
    let routes = Router::new()
        .route("/pg/orders/KB-1", get(order))
        .route("/pg/orders/KB-1/payments", get(payments))
        .with_state(asked);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/pg", listener.local_addr().unwrap());
    tokio::spawn(axum::serve(listener, routes).into_future());
    url
}

/// A reconciler whose clock stands.
async fn reconciler(dir: &std::path::Path, open: usize) -> (Reconciler, Clock) {
    let url = api(open).await;
    let clock = Clock::fixed(NOW_MS);
    let variables = [
        ("CASHFREE_CLIENT_ID", "TEST_1"),
        ("CASHFREE_CLIENT_SECRET", "secret"),
        ("CASHFREE_API_URL", url.as_str()),
    ];
    let purchases = testing::purchases(dir, clock.clone(), &variables);
    let api = OrdersApi::new(&purchases.cashfree, Currency::INR).unwrap().unwrap();
    let ask_now = Arc::clone(&purchases.ask_now);
    (Reconciler { purchases, api, ask_now }, clock)
}

/// The states of all Purchases, and whether they carry an `fbp`.
async fn sent(purchases: &Purchases) -> Vec<(State, bool)> {
    let all = Page { below_seq: None, size: 100 };
    let mut events = purchases.ingest.outbox.operators.list(EventFilter::default(), all).await.unwrap();
    events.retain(|event| event.name == EventName::purchase());
    events.into_iter().map(|event| (event.state, event.keys.names().contains(&"fbp"))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_webhook_and_a_closed_tab_lose_no_purchase() {
    let dir = tempfile::tempdir().unwrap();
    // At the first question the buyer has not paid yet; at the second he has.
    let (reconciler, clock) = reconciler(dir.path(), 1).await;
    let purchases = &reconciler.purchases;
    let tracking = Tracking { ingest: Arc::clone(&purchases.ingest), purchases: Arc::clone(purchases) };
    let checkout = TrackEventRequest {
        event_name: "InitiateCheckout".into(),
        order_id: "KB-1".into(),
        browser: Some(Browser { fbp: Some("fb.1.1763942400000.1".into()), ..Browser::default() }),
        ..TrackEventRequest::default()
    };
    tracking.track_event(tonic::Request::new(checkout)).await.unwrap();
    reconciler.round().await.unwrap();
    assert_eq!(sent(purchases).await, [], "its buyer has not had time to pay");
    for (after_s, expected) in [(180, 0), (200, 0), (900, 1), (3600, 1)] {
        clock.set_ms(NOW_MS + after_s * 1000);
        reconciler.round().await.unwrap();
        let sent = sent(purchases).await;
        assert_eq!(sent.len(), expected, "after {after_s} s");
        assert!(sent.iter().all(|purchase| *purchase == (State::Pending, true)), "{sent:?}");
    }
    let order = purchases.ingest.outbox.orders.order(OrderId::parse("KB-1").unwrap()).await.unwrap().unwrap();
    let paid = order.paid().unwrap();
    assert_eq!((paid.money.amount.get(), paid.at_s), (139_950, 1_763_942_400));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unusable_webhook_of_a_payment_is_a_question() {
    let dir = tempfile::tempdir().unwrap();
    let (reconciler, _) = reconciler(dir.path(), 0).await;
    let purchases = &reconciler.purchases;
    assert!(purchases.answers_for("REFUND_STATUS_WEBHOOK", Some("KB-1")).is_none(), "it was no payment");
    assert!(purchases.answers_for("PAYMENT_SUCCESS_WEBHOOK", None).is_none());
    assert!(
        purchases.answers_for("PAYMENT_SUCCESS_WEBHOOK", Some("KB 1")).is_none(),
        "Cashfree cannot know it"
    );
    let order = purchases.answers_for("PAYMENT_SUCCESS_WEBHOOK", Some("KB-1")).unwrap();
    purchases.ask_about(&order).await.unwrap();
    reconciler.round().await.unwrap();
    assert_eq!(sent(purchases).await.len(), 1);
    // Asked again, it stays one.
    purchases.ask_about(&order).await.unwrap();
    reconciler.round().await.unwrap();
    assert_eq!(sent(purchases).await.len(), 1);
}
