//! What an engine does with orders, their Purchases, the events that follow, and webhooks.

use tandem_core::currency::Currency;
use tandem_core::event::Consent;
use tandem_core::money::Money;
use tandem_core::order::{
    Contact, Order, Payment, PaymentSource, PurchaseState, Refund, SignalSource, TrustLevel,
};

use super::*;

/// Runs the checks of this part.
pub(super) async fn run<G, F: Future<Output = (Bench, G)>>(make: &impl Fn() -> F) {
    each!(
        make,
        [
            an_order_and_its_purchase_change_together,
            steps_on_one_order_run_one_after_the_other,
            a_purchase_that_left_is_neither_replaced_nor_stopped,
            a_purchase_that_comes_back_is_stopped_by_what_happened_meanwhile,
            delivered_purchases_are_counted_by_who_brought_their_signals,
            a_webhook_acts_once,
            followers_go_where_the_purchase_goes
        ]
    );
}

async fn an_order_and_its_purchase_change_together(store: &Bench) {
    let place = |initial: Initial| {
        let step: OrderStep = Box::new(move |order| {
            order.fail();
            OrderEffects {
                event: Some(event(7)),
                purchase: Some(PurchaseChange::Place(purchase("A", initial.clone()))),
                ask: Ask::At(NOW_MS),
                browser_contact: true,
                answer: StepAnswer::Contact { is_known: true },
                ..OrderEffects::default()
            }
        });
        store.orders.update(order_id("A"), pixel(), None, step)
    };
    let updated = place(Initial::WaitingJoin(Duration::from_secs(30))).await.unwrap().unwrap();
    assert!(updated.is_new && updated.order.state() == PurchaseState::Failed, "the order after the step");
    assert_eq!((updated.ask, updated.answer), (Ask::At(NOW_MS), StepAnswer::Contact { is_known: true }));
    assert!(matches!(
        (updated.event, updated.purchase),
        (Some(Appended::New { .. }), Some(Appended::New { .. }))
    ));
    assert!(store.orders.order(order_id("A")).await.unwrap().is_some());
    let due = DueOrder { order: order_id("A"), pixel: pixel(), trust: TrustLevel::Attested };
    assert_eq!(store.orders.orders_to_ask(10).await.unwrap(), [due]);
    let purchase_id = EventId::of_purchase(&order_id("A"));
    assert_eq!(state_of(store, &purchase_id).await, Some(State::WaitingJoin));
    // A better one replaces it; the event in its own right is a duplicate now.
    let updated = place(Initial::Pending).await.unwrap().unwrap();
    assert!(!updated.is_new);
    assert!(matches!(updated.event, Some(Appended::Duplicate(_))));
    assert_eq!(state_of(store, &purchase_id).await, Some(State::Pending));
    check_totals(store, 2).await;
}

async fn steps_on_one_order_run_one_after_the_other(store: &Bench) {
    let at_once = [&store.outbox, &store.other].into_iter().cycle().take(10).enumerate();
    let steps = at_once.map(|(n, server)| {
        let step: OrderStep = Box::new(move |order| {
            let money = Money::parse("1.00", Currency::INR).unwrap();
            order.refund(Refund::new(format!("r{n}"), None, money, NOW_MS / 1000));
            OrderEffects::default()
        });
        server.orders.update(order_id("A"), pixel(), None, step)
    });
    let updated = futures_util::future::try_join_all(steps).await.unwrap();
    assert_eq!(updated.iter().flatten().filter(|updated| updated.is_new).count(), 1);
    let order = store.orders.order(order_id("A")).await.unwrap().unwrap();
    assert_eq!(order.refund_ids().count(), 10, "no step was lost");
}

async fn a_purchase_that_left_is_neither_replaced_nor_stopped(store: &Bench) {
    let change = |change: fn(Box<NewEvent>) -> PurchaseChange, initial: Initial| {
        let step: OrderStep = Box::new(move |_| OrderEffects {
            purchase: Some(change(purchase("A", initial.clone()))),
            ..OrderEffects::default()
        });
        store.orders.update(order_id("A"), pixel(), None, step)
    };
    change(PurchaseChange::Place, Initial::Pending).await.unwrap();
    let leased = lease(store, NOW_MS).await;
    let stop = Initial::Suppressed(WithholdReason::RefundedBeforeSent.code().into());
    assert!(
        change(PurchaseChange::Stop, stop.clone()).await.unwrap().unwrap().purchase.is_none(),
        "it may be on its way"
    );
    store
        .queue
        .record(call(), vec![result(&leased[0], AttemptOutcome::Retry(Duration::from_millis(5)))])
        .await
        .unwrap();
    assert!(
        change(PurchaseChange::Stop, stop).await.unwrap().unwrap().purchase.is_some(),
        "it has come back"
    );
    assert!(
        change(PurchaseChange::Place, Initial::Pending).await.unwrap().unwrap().purchase.is_none(),
        "stopped for good"
    );
    assert!(lease(store, NOW_MS + LEASE_MS * 10).await.is_empty());
    check_totals(store, 1).await;
}

async fn a_webhook_acts_once(store: &Bench) {
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
        let updated = store.orders.update(order_id("A"), pixel(), Some(record.clone()), step).await.unwrap();
        assert_eq!(updated.is_some(), expected);
    }
    assert!(!store.orders.record_webhook(record.clone()).await.unwrap());
    let other = WebhookRecord {
        account: "cashfree:PRODUCTION".into(),
        dead_letter: Some("bad_amount".into()),
        ..record
    };
    assert!(store.orders.record_webhook(other).await.unwrap(), "another account's is another webhook");
    assert_eq!(store.operators.figures(NOW_MS).await.unwrap().dead_webhooks, 1);
}

/// A claim, with browser signals or without.
pub(super) fn claimed(fbp: Option<&str>) -> Contact {
    let mut user_data = UserData::default();
    user_data.fbp = fbp.map(Into::into);
    user_data.client_user_agent = fbp.map(|_| "agent".into());
    Contact {
        at_s: NOW_MS / 1000,
        is_claim: true,
        is_internal: false,
        consent: Consent::default(),
        user_data,
        page: EventPage::default(),
        custom_data: CustomData::default(),
    }
}

/// An order with a claim of its buyer, whose payment was just proved.
fn paid_order(order: &mut Order, fbp: Option<&str>, join_wait_ms: i64) -> OrderEffects {
    order.contact(&claimed(fbp));
    order.pay(payment());
    effects(order, join_wait_ms)
}

fn payment() -> Payment {
    Payment {
        payment_id: Some("7".into()),
        money: Money::parse("5.00", Currency::INR).unwrap(),
        at_s: NOW_MS / 1000,
        seen_at_s: NOW_MS / 1000,
        source: PaymentSource::Webhook,
        action_source: ActionSource::Website,
        user_data: UserData::default(),
        custom_data: CustomData::default(),
        listed: CustomData::default(),
        page: EventPage::default(),
        consent: Consent::default(),
    }
}

fn effects(order: &mut Order, join_wait_ms: i64) -> OrderEffects {
    let purchase = purchase_change(order.decide(NOW_MS, None, join_wait_ms, None), NOW_MS, None, true);
    OrderEffects { purchase, ..OrderEffects::default() }
}

async fn refund_all(store: &Bench, id: &str) {
    let step: OrderStep = Box::new(|order| {
        let money = Money::parse("5.00", Currency::INR).unwrap();
        order.refund(Refund::new("r1".into(), Some("7".into()), money, NOW_MS / 1000));
        effects(order, 0)
    });
    store.orders.update(order_id(id), pixel(), None, step).await.unwrap();
}

async fn withheld(store: &Bench, id: &str) -> Option<WithholdReason> {
    store.orders.order(order_id(id)).await.unwrap().and_then(|order| order.withheld())
}

async fn a_purchase_that_comes_back_is_stopped_by_what_happened_meanwhile(store: &Bench) {
    let step: OrderStep = Box::new(|order| paid_order(order, Some("fb.1.1763942400000.1"), 0));
    store.orders.update(order_id("A"), pixel(), None, step).await.unwrap();
    let under_way = lease(store, NOW_MS).await;
    refund_all(store, "A").await;
    assert_eq!(withheld(store, "A").await, None, "it may have left");
    let back = result(&under_way[0], AttemptOutcome::Retry(Duration::from_millis(5)));
    store.queue.record(call(), vec![back]).await.unwrap();
    let id = EventId::of_purchase(&order_id("A"));
    assert_eq!(state_of(store, &id).await, Some(State::Suppressed));
    assert_eq!(withheld(store, "A").await, Some(WithholdReason::RefundedBeforeSent));
    assert!(lease(store, NOW_MS + LEASE_MS * 10).await.is_empty());
    check_totals(store, 1).await;
}

async fn delivered_purchases_are_counted_by_who_brought_their_signals(store: &Bench) {
    for (id, fbp, wait_ms) in [("A", Some("fb.1.1763942400000.1"), 0), ("B", None, 0), ("C", None, 1000)] {
        let step: OrderStep = Box::new(move |order| paid_order(order, fbp, wait_ms));
        store.orders.update(order_id(id), pixel(), None, step).await.unwrap();
    }
    store.clock.set_ms(NOW_MS + 1000);
    let under_way = lease(store, NOW_MS + 1000).await;
    let delivered = under_way.iter().map(|event| result(event, AttemptOutcome::Delivered)).collect();
    store.queue.record(call(), delivered).await.unwrap();
    let counted = store.operators.figures(NOW_MS).await.unwrap().signals();
    let expected = SignalSource::ALL.map(|from| {
        (
            from,
            match from {
                SignalSource::Claim => 1,
                SignalSource::Nobody => 2,
                SignalSource::EarlierEvent | SignalSource::Internal => 0,
            },
        )
    });
    assert_eq!(counted, expected);
    let waited = store.orders.order(order_id("C")).await.unwrap().unwrap();
    assert_eq!(waited.placed(), "placed", "its wait is over");
    // A stop that comes after it has left changes nothing, and the order knows that.
    refund_all(store, "A").await;
    assert_eq!(withheld(store, "A").await, None);
}

fn refund(n: u32, initial: Initial) -> NewEvent {
    let id = EventId::of_refund(&n.to_string()).unwrap();
    NewEvent::new(&core_event("Refund", id), NOW_MS, initial, false)
}

/// A step that places these followers, and the Purchase with them.
pub(super) async fn follow(
    store: &Outbox,
    order: &str,
    purchase: Option<PurchaseChange>,
    followers: Vec<NewEvent>,
) {
    let mut effects = Some(OrderEffects { purchase, followers, ..OrderEffects::default() });
    let step: OrderStep = Box::new(move |_| effects.take().unwrap_or_default());
    store.orders.update(order_id(order), pixel(), None, step).await.unwrap();
}

async fn refund_state(store: &Outbox, n: u32) -> Option<State> {
    state_of(store, &EventId::of_refund(&n.to_string()).unwrap()).await
}

async fn followers_go_where_the_purchase_goes(bench: &Bench) {
    let store = &bench.outbox;
    // No Purchase: nothing follows but what is only counted.
    let counted = Initial::Suppressed("consent_denied".into());
    follow(store, "KB-1", None, vec![refund(1, Initial::Pending), refund(2, counted)]).await;
    assert_eq!(refund_state(store, 1).await, None);
    assert_eq!(refund_state(store, 2).await, Some(State::Suppressed));

    // On its way: they follow, once.
    let place = PurchaseChange::Place(purchase("KB-2", Initial::Pending));
    follow(store, "KB-2", Some(place), vec![refund(3, Initial::Pending)]).await;
    follow(store, "KB-2", None, vec![refund(3, Initial::Pending)]).await;
    assert_eq!(refund_state(store, 3).await, Some(State::Pending));

    // Stopped before it left: they stop with it, and no new ones come.
    let stopped = || Initial::Suppressed("refunded_before_sent".into());
    let stop = PurchaseChange::Stop(purchase("KB-2", stopped()));
    follow(store, "KB-2", Some(stop), vec![refund(3, Initial::Pending), refund(4, Initial::Pending)]).await;
    assert_eq!(refund_state(store, 3).await, Some(State::Suppressed));
    assert_eq!(refund_state(store, 4).await, None);

    // While it waits they wait, and are stopped with it.
    let place = PurchaseChange::Place(purchase("KB-4", Initial::WaitingJoin(Duration::from_secs(30))));
    follow(store, "KB-4", Some(place), vec![refund(6, Initial::Pending)]).await;
    assert_eq!(refund_state(store, 6).await, Some(State::WaitingJoin));
    let stop = PurchaseChange::Stop(purchase("KB-4", stopped()));
    follow(store, "KB-4", Some(stop), vec![refund(6, Initial::Pending)]).await;
    assert_eq!(refund_state(store, 6).await, Some(State::Suppressed));

    // It has left: the stop comes too late, and its refund is told.
    let place = PurchaseChange::Place(purchase("KB-3", Initial::Leased(LEASE)));
    follow(store, "KB-3", Some(place), Vec::new()).await;
    let stop = PurchaseChange::Stop(purchase("KB-3", stopped()));
    follow(store, "KB-3", Some(stop), vec![refund(5, Initial::Pending)]).await;
    assert_eq!(refund_state(store, 5).await, Some(State::Pending));
    // The refusal, three Purchases and three refunds.
    check_totals(store, 7).await;
}
