//! What an engine destroys and gives up, and by which clock: one that jumps destroys nothing.

use super::*;

/// Runs the checks of this part.
pub(super) async fn run<G, F: Future<Output = (Bench, G)>>(make: &impl Fn() -> F) {
    each!(
        make,
        [
            a_clock_that_jumps_gives_up_and_deletes_nothing,
            what_is_written_under_a_wrong_clock_is_kept_as_long_as_anything,
            what_is_given_up_is_kept_from_when_it_was_given_up,
            a_long_wait_does_not_keep_what_finished_behind_it,
            positions_only_grow
        ]
    );
}

const RETENTION: Duration = Duration::from_secs(8 * 24 * 3600);

/// Deletes everything that is past its time.
async fn sweep(store: &Bench) {
    while store.operators.sweep(RETENTION, 3).await.unwrap() > 0 {}
}

/// Leases everything that is due, and records one outcome for all of it.
async fn finish(store: &Bench, outcome: AttemptOutcome) {
    let leased = store.queue.lease(pixel(), 100, LEASE).await.unwrap();
    let results = leased.iter().map(|event| result(event, outcome)).collect();
    store.queue.record(call(), results).await.unwrap();
}

fn webhook() -> WebhookRecord {
    WebhookRecord {
        account: "cashfree:SANDBOX".into(),
        event_key: "key".into(),
        kind: "PAYMENT_SUCCESS_WEBHOOK".into(),
        order_id: None,
        received_ms: NOW_MS,
        dead_letter: None,
        extract: "{}".into(),
        body_sha256: "00".into(),
        body_bytes: 2,
    }
}

async fn name_order(store: &Bench, id: &str) {
    let step: OrderStep = Box::new(|order| {
        order.fail();
        OrderEffects::default()
    });
    store.orders.update(Lane::Shop, order_key(id), pixel(), None, step).await.unwrap();
}

/// Whether a lead, a lead that was delivered, an order and a webhook are all still known.
async fn check_all_known(store: &Bench) {
    assert!(matches!(store.events.append(event(0)).await.unwrap(), Appended::Duplicate(_)));
    assert!(matches!(store.events.append(event(1)).await.unwrap(), Appended::Duplicate(_)));
    assert!(store.orders.order(order_key("KB-1")).await.unwrap().is_some());
    assert!(!store.orders.record_webhook(webhook()).await.unwrap());
}

async fn a_clock_that_jumps_gives_up_and_deletes_nothing(store: &Bench) {
    store.events.append(event(0)).await.unwrap();
    finish(store, AttemptOutcome::Delivered).await;
    store.events.append(event(1)).await.unwrap();
    name_order(store, "KB-1").await;
    store.orders.record_webhook(webhook()).await.unwrap();
    for by_ms in [40 * DAY_MS, 3650 * DAY_MS, -7300 * DAY_MS] {
        store.clock.jump_ms(by_ms);
        for _ in 0..8 {
            store.clock.set_ms(store.clock.now_ms() + 10_000);
            assert_eq!(store.queue.expire(100).await.unwrap(), 0);
            sweep(store).await;
        }
        assert_eq!(state_of(store, &id(1)).await, Some(State::Pending));
        check_all_known(store).await;
    }
}

async fn what_is_written_under_a_wrong_clock_is_kept_as_long_as_anything(store: &Bench) {
    for by_ms in [-3650 * DAY_MS, 3650 * DAY_MS] {
        store.clock.jump_ms(by_ms);
        store.events.append(event(0)).await.unwrap();
        finish(store, AttemptOutcome::Delivered).await;
        store.events.append(event(1)).await.unwrap();
        name_order(store, "KB-1").await;
        store.orders.record_webhook(webhook()).await.unwrap();
        store.clock.jump_ms(-by_ms);
        sweep(store).await;
        check_all_known(store).await;
    }
    finish(store, AttemptOutcome::Delivered).await;
    store.clock.set_ms(store.clock.now_ms() + 9 * DAY_MS);
    sweep(store).await;
    assert_eq!((state_of(store, &id(0)).await, state_of(store, &id(1)).await), (None, None));
    assert!(store.orders.order(order_key("KB-1")).await.unwrap().is_none());
    assert!(store.orders.record_webhook(webhook()).await.unwrap(), "all of it goes in its time");
}

async fn what_is_given_up_is_kept_from_when_it_was_given_up(store: &Bench) {
    store.events.append(event(0)).await.unwrap();
    store.clock.set_ms(NOW_MS + 20 * DAY_MS);
    assert_eq!(store.queue.expire(100).await.unwrap(), 1);
    sweep(store).await;
    assert_eq!(state_of(store, &id(0)).await, Some(State::DeadLetter), "nobody has seen it yet");
    store.clock.set_ms(NOW_MS + 28 * DAY_MS - 60_000);
    sweep(store).await;
    let (view, _) = store.operators.find(key(0)).await.unwrap().remove(0);
    assert_eq!((view.state, view.has_person), (State::DeadLetter, true));
    store.clock.set_ms(NOW_MS + 28 * DAY_MS + 60_000);
    sweep(store).await;
    assert_eq!(state_of(store, &id(0)).await, None);
    check_totals(store, 0).await;
}

async fn a_long_wait_does_not_keep_what_finished_behind_it(store: &Bench) {
    for n in 0..6 {
        store.events.append(NewEvent { initial: Initial::Held("paused".into()), ..event(n) }).await.unwrap();
    }
    for n in 6..9 {
        store.events.append(event(n)).await.unwrap();
    }
    store.clock.set_ms(NOW_MS + 1000);
    finish(store, AttemptOutcome::Delivered).await;
    store.clock.set_ms(NOW_MS + 9 * DAY_MS);
    sweep(store).await;
    for n in 0..9 {
        assert_eq!(state_of(store, &id(n)).await, (n < 6).then_some(State::Held), "{n}");
    }
}

async fn positions_only_grow(store: &Bench) {
    let mut last = 0;
    for n in 0..5 {
        let Appended::New { seq } = store.events.append(event(n)).await.unwrap() else { panic!("it is new") };
        assert!(seq > last, "{seq} after {last}");
        last = seq;
        store.clock.set_ms(store.clock.now_ms() + 1000);
        finish(store, AttemptOutcome::Refused).await;
        if n % 2 == 0 {
            assert_eq!(store.operators.purge(vec![seq]).await.unwrap(), 1);
        } else {
            store.clock.set_ms(store.clock.now_ms() + 9 * DAY_MS);
            sweep(store).await;
        }
        assert_eq!(state_of(store, &id(n)).await, None);
    }
}
