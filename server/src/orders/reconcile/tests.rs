//! A lost webhook loses no Purchase as long as somebody named the order.

use std::sync::atomic::{AtomicUsize, Ordering};

use axum::extract::State as Shared;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use tandem_core::currency::Currency;
use tandem_core::event::Event;
use tandem_core::id::{EventId, EventName};

use super::*;
use crate::clock::Clock;
use crate::orders::ContactSource;
use crate::orders::testing::{Fixture, fixture, pixel};
use crate::outbox::{EventFilter, Outbox, Page as ListPage, State};

const NOW_MS: i64 = 1_763_942_400_000;

/// An Orders API at which order KB-1 is paid once `open` questions were answered "active".
/// `refunded`: how much of it went back since.
async fn api(open: usize, refunded: Option<f64>, tags: Value) -> String {
    let asked = Arc::new(AtomicUsize::new(0));
    let order = async move |Shared((asked, tags)): Shared<(Arc<AtomicUsize>, Value)>| -> Json<Value> {
        let is_open = asked.fetch_add(1, Ordering::SeqCst) < open;
        Json(json!({
            "order_id": "KB-1", "cf_order_id": "21000001", "order_amount": 1399.50, "order_currency": "INR",
            "order_status": if is_open { "ACTIVE" } else { "PAID" },
            "customer_details": { "customer_id": "c-1", "customer_phone": "9876543210" },
            "order_tags": tags,
        }))
    };
    let payments = async || {
        Json(json!([{
            "cf_payment_id": "5114910001", "order_id": "KB-1", "payment_status": "SUCCESS", "is_captured": true,
            "payment_amount": 1399.50, "payment_currency": "INR", "payment_time": "2025-11-24T05:30:00+05:30",
        }]))
    };
    let refunds = async move || {
        let refund = |amount| {
            json!({
                "cf_refund_id": "9100001", "cf_payment_id": "5114910001", "refund_id": "r1", "order_id": "KB-1",
                "refund_amount": amount, "refund_currency": "INR", "refund_status": "SUCCESS",
                "processed_at": "2025-11-24T06:30:00+05:30",
            })
        };
        Json(Value::from(refunded.map(refund).into_iter().collect::<Vec<_>>()))
    };
    let routes = Router::new()
        .route("/pg/orders/KB-1", get(order))
        .route("/pg/orders/KB-1/payments", get(payments))
        .route("/pg/orders/KB-1/refunds", get(refunds))
        .with_state((asked, tags));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/pg", listener.local_addr().unwrap());
    tokio::spawn(axum::serve(listener, routes).into_future());
    url
}

/// A reconciler whose clock stands, and the store.
async fn reconciler(
    dir: &std::path::Path,
    open: usize,
    refunded: Option<f64>,
) -> (Reconciler, Outbox, Clock) {
    reconciler_of(dir, &api(open, refunded, Value::Null).await, &[])
}

/// The same, with this Orders API and these variables too.
fn reconciler_of(dir: &std::path::Path, url: &str, more: &[(&str, &str)]) -> (Reconciler, Outbox, Clock) {
    let clock = Clock::fixed(NOW_MS);
    let variables = [
        &[("CASHFREE_CLIENT_ID", "TEST_1"), ("CASHFREE_CLIENT_SECRET", "secret"), ("CASHFREE_API_URL", url)],
        more,
    ]
    .concat();
    let Fixture { orders, outbox } = fixture(dir, clock.clone(), &variables, Vec::new());
    let api = OrdersApi::new(&orders.settings.cashfree, Currency::INR).unwrap().unwrap();
    (Reconciler { orders, api }, outbox, clock)
}

/// The states of all Purchases, and whether they carry an `fbp`.
async fn sent(outbox: &Outbox) -> Vec<(State, bool)> {
    let all = ListPage { below_seq: None, size: 100 };
    let mut events = outbox.operators.list(EventFilter::default(), all).await.unwrap();
    events.retain(|event| event.name == EventName::purchase());
    events.into_iter().map(|event| (event.state, event.keys.names().contains(&"fbp"))).collect()
}

fn checkout(order: &OrderId) -> Event {
    let mut event = Event {
        pixel: pixel(),
        name: EventName::parse("InitiateCheckout").unwrap(),
        id: EventId::v7(NOW_MS.unsigned_abs(), [7; 10]),
        time_s: NOW_MS / 1000,
        action_source: ActionSource::Website,
        page: Page::default(),
        user_data: Default::default(),
        custom_data: CustomData { order_id: Some(order.clone()), ..CustomData::default() },
        limited_data_use: None,
        opt_out: false,
    };
    event.user_data.fbp = Some("fb.1.1763942400000.1".into());
    event
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_webhook_and_a_closed_tab_lose_no_purchase() {
    let dir = tempfile::tempdir().unwrap();
    // At the first question the buyer has not paid yet; at the second he has.
    let (reconciler, outbox, clock) = reconciler(dir.path(), 1, None).await;
    let order = OrderId::parse("KB-1").unwrap();
    let (event, page) = (checkout(&order), ContactSource::Page { address: None, proof: Default::default() });
    reconciler
        .orders
        .take_event(event, order.clone(), Consent::default(), page, Default::default(), NOW_MS)
        .await
        .unwrap();
    reconciler.round().await.unwrap();
    assert_eq!(sent(&outbox).await, [], "the buyer has not had time to pay");
    for (after_s, expected) in [(180, 0), (200, 0), (900, 1), (3600, 1)] {
        clock.set_ms(NOW_MS + after_s * 1000);
        reconciler.round().await.unwrap();
        let sent = sent(&outbox).await;
        assert_eq!(sent.len(), expected, "after {after_s} s");
        assert!(sent.iter().all(|purchase| *purchase == (State::Pending, true)), "{sent:?}");
    }
    let order = outbox.orders.order(reconciler.orders.key(order)).await.unwrap().unwrap();
    let paid = order.paid().unwrap();
    assert_eq!((paid.money.amount.get(), paid.at_s), (139_950, 1_763_942_400));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_jumps_past_the_schedule_or_before_it_ends_no_questions() {
    const JUMP_MS: i64 = 40 * 24 * 3600 * 1000;
    for jump_ms in [JUMP_MS, -JUMP_MS] {
        let dir = tempfile::tempdir().unwrap();
        // The buyer pays after the question that follows the jump.
        let (reconciler, outbox, clock) = reconciler(dir.path(), 2, None).await;
        reconciler.orders.ask_about(OrderId::parse("KB-1").unwrap()).await.unwrap();
        reconciler.round().await.unwrap();
        clock.jump_ms(jump_ms);
        for (after_s, expected) in [(15, 0), (30, 1)] {
            clock.set_ms(NOW_MS + jump_ms + after_s * 1000);
            reconciler.round().await.unwrap();
            let sent = sent(&outbox).await;
            assert_eq!(sent.len(), expected, "{after_s} s after a jump by {jump_ms} ms: {sent:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_refunded_while_webhooks_were_away_is_not_sent() {
    for (refunded, expected) in [(1399.50, State::Suppressed), (1399.49, State::Pending)] {
        let dir = tempfile::tempdir().unwrap();
        let (reconciler, outbox, _) = reconciler(dir.path(), 0, Some(refunded)).await;
        reconciler.orders.ask_about(OrderId::parse("KB-1").unwrap()).await.unwrap();
        reconciler.round().await.unwrap();
        assert_eq!(sent(&outbox).await, [(expected, false)], "{refunded} went back");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_orders_tags_are_signals_and_consent_is_required_where_the_shop_requires_it() {
    let tags = json!({ "fbp": "fb.1.1763941000000.1234567890", "note": "x" });
    for (required, expected) in [("false", State::Pending), ("true", State::Suppressed)] {
        let dir = tempfile::tempdir().unwrap();
        let url = api(0, None, tags.clone()).await;
        let (reconciler, outbox, _) =
            reconciler_of(dir.path(), &url, &[("TANDEM_CONSENT_REQUIRED", required)]);
        reconciler.orders.ask_about(OrderId::parse("KB-1").unwrap()).await.unwrap();
        reconciler.round().await.unwrap();
        assert_eq!(sent(&outbox).await, [(expected, true)], "consent required: {required}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unusable_webhook_of_a_payment_is_a_question() {
    let dir = tempfile::tempdir().unwrap();
    let (reconciler, outbox, _) = reconciler(dir.path(), 0, None).await;
    let orders = &reconciler.orders;
    assert!(
        orders.answers_for("REFUND_STATUS_WEBHOOK", Some("KB-1")).is_none(),
        "a refund webhook is about no payment"
    );
    assert!(orders.answers_for("PAYMENT_SUCCESS_WEBHOOK", None).is_none());
    assert!(
        orders.answers_for("PAYMENT_SUCCESS_WEBHOOK", Some("KB 1")).is_none(),
        "Cashfree accepts no such ID"
    );
    let order = orders.answers_for("PAYMENT_SUCCESS_WEBHOOK", Some("KB-1")).unwrap();
    // A second question causes no second Purchase.
    for _ in 0..2 {
        orders.ask_about(order.clone()).await.unwrap();
        reconciler.round().await.unwrap();
        assert_eq!(sent(&outbox).await.len(), 1);
    }
}
