//! What an engine does with orders, their Purchases and webhooks.

use super::*;

pub(super) async fn an_order_and_its_purchase_change_together(store: &Bench) {
    let place = |initial: Initial| {
        let step: OrderStep = Box::new(move |order| {
            order.fail();
            OrderEffects {
                event: Some(event(7)),
                purchase: Some(PurchaseChange::Place(purchase("A", initial.clone()))),
                ask: Ask::At(NOW_MS),
                browser_contact: true,
                ..OrderEffects::default()
            }
        });
        store.update_order(order_id("A"), pixel(), None, step)
    };
    let updated = place(Initial::WaitingJoin(Duration::from_secs(30))).await.unwrap();
    assert!(matches!(
        (updated.event, updated.purchase),
        (Some(Appended::New { .. }), Some(Appended::New { .. }))
    ));
    assert!(store.order(order_id("A")).await.unwrap().is_some());
    let due = DueOrder { order: order_id("A"), pixel: pixel(), standing: Standing::Attested };
    assert_eq!(store.orders_to_ask(10).await.unwrap(), [due]);
    let purchase_id = EventId::of_purchase(&order_id("A"));
    assert_eq!(state_of(&*store.store, &purchase_id).await, Some(State::WaitingJoin));
    // A better one replaces it; the event in its own right is a duplicate now.
    let updated = place(Initial::Pending).await.unwrap();
    assert!(matches!(updated.event, Some(Appended::Duplicate(_))));
    assert_eq!(state_of(&*store.store, &purchase_id).await, Some(State::Pending));
    check_totals(&*store.store, 2).await;
}

pub(super) async fn a_purchase_that_left_is_neither_replaced_nor_stopped(store: &Bench) {
    let change = |change: fn(Box<NewEvent>) -> PurchaseChange, initial: Initial| {
        let step: OrderStep = Box::new(move |_| OrderEffects {
            purchase: Some(change(purchase("A", initial.clone()))),
            ..OrderEffects::default()
        });
        store.update_order(order_id("A"), pixel(), None, step)
    };
    change(PurchaseChange::Place, Initial::Pending).await.unwrap();
    let claimed = claim(store, NOW_MS).await;
    let stop = Initial::Suppressed(Withheld::RefundedBeforeSent.code().into());
    assert!(
        change(PurchaseChange::Stop, stop.clone()).await.unwrap().purchase.is_none(),
        "it may be on its way"
    );
    store
        .record(call(), vec![result(&claimed[0], AttemptOutcome::Retry(Duration::from_millis(5)))])
        .await
        .unwrap();
    assert!(change(PurchaseChange::Stop, stop).await.unwrap().purchase.is_some(), "it has come back");
    assert!(
        change(PurchaseChange::Place, Initial::Pending).await.unwrap().purchase.is_none(),
        "stopped for good"
    );
    assert!(claim(store, NOW_MS + LEASE_MS * 10).await.is_empty());
    check_totals(&*store.store, 1).await;
}

pub(super) async fn a_webhook_acts_once(store: &Bench) {
    let record = WebhookRecord {
        account: "cashfree:SANDBOX".into(),
        event_key: "PAYMENT_SUCCESS_WEBHOOK|7|SUCCESS".into(),
        kind: "PAYMENT_SUCCESS_WEBHOOK".into(),
        order_id: Some("A".into()),
        received_ms: NOW_MS,
        dead_letter: None,
        extract: "{}".into(),
        body_sha256: "00".into(),
        body_bytes: 2,
    };
    for expected in [true, false, false] {
        let step: OrderStep = Box::new(|order| {
            order.fail();
            OrderEffects::default()
        });
        let updated = store.update_order(order_id("A"), pixel(), Some(record.clone()), step).await.unwrap();
        assert_eq!(updated.applied, expected);
    }
    assert!(!store.record_webhook(record.clone()).await.unwrap());
    let other = WebhookRecord {
        account: "cashfree:PRODUCTION".into(),
        dead_letter: Some("bad_amount".into()),
        ..record
    };
    assert!(store.record_webhook(other).await.unwrap(), "another account's is another webhook");
    assert_eq!(store.figures(NOW_MS).await.unwrap().dead_webhooks, 1);
}
