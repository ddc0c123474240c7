//! What an engine does with time: ages, and clocks that are set.

use super::*;

const DAY_MS: i64 = 24 * 3600 * 1000;

pub(super) async fn what_grew_too_old_becomes_a_dead_letter_wherever_it_waits(store: &Bench) {
    let old = |n: u32, initial: Initial| NewEvent { initial, ..event(n) };
    store.events.append(old(0, Initial::Pending)).await.unwrap();
    store.events.append(old(1, Initial::Held("why".into()))).await.unwrap();
    store.events.append(old(2, Initial::WaitingJoin(Duration::from_secs(30)))).await.unwrap();
    store.events.append(old(3, Initial::Leased(LEASE))).await.unwrap();
    store.events.append(NewEvent { time_s: NOW_MS / 1000 + 3600, ..event(4) }).await.unwrap();
    assert_eq!(store.queue.expire(100).await.unwrap(), 0, "all of it is fresh");
    store.clock.set_ms(NOW_MS + 7 * DAY_MS);
    assert_eq!(store.queue.expire(2).await.unwrap(), 2, "in small steps");
    assert_eq!(store.queue.expire(100).await.unwrap(), 1);
    assert_eq!(store.queue.expire(100).await.unwrap(), 0);
    for n in 0..3 {
        let (view, _) = store.operators.find(key(n)).await.unwrap().remove(0);
        assert_eq!((view.state, view.code.as_deref()), (State::DeadLetter, Some(tandem_core::code::TOO_OLD)));
    }
    assert_eq!(state_of(store, &id(3)).await, Some(State::InFlight), "it ends as it ends");
    assert_eq!(state_of(store, &id(4)).await, Some(State::Pending), "its own time counts");
    check_totals(store, 5).await;
}

pub(super) async fn a_clock_set_forward_ends_no_lease(store: &Bench) {
    store.events.append(event(0)).await.unwrap();
    store
        .events
        .append(NewEvent { initial: Initial::WaitingJoin(Duration::from_secs(30)), ..event(1) })
        .await
        .unwrap();
    let leased = lease(store, NOW_MS).await.remove(0);
    store.clock.jump_ms(DAY_MS);
    assert!(!store.queue.has_due(pixel()).await.unwrap());
    assert!(
        store.queue.lease(pixel(), 10, LEASE).await.unwrap().is_empty(),
        "nobody else gets what is on its way"
    );
    store.queue.record(call(), vec![result(&leased, AttemptOutcome::Delivered)]).await.unwrap();
    assert_eq!(state_of(store, &id(0)).await, Some(State::Delivered));
    store.clock.set_ms(NOW_MS + DAY_MS + 30_000);
    assert_eq!(
        store.queue.lease(pixel(), 10, LEASE).await.unwrap().len(),
        1,
        "the wait is as long as it was"
    );
}

pub(super) async fn a_clock_set_back_stops_no_schedule(store: &Bench) {
    store.events.append(event(0)).await.unwrap();
    let leased = lease(store, NOW_MS).await;
    let retry = result(&leased[0], AttemptOutcome::Retry(Duration::from_secs(10)));
    store.queue.record(call(), vec![retry]).await.unwrap();
    store.clock.jump_ms(-DAY_MS);
    // Received before the clock was set, stored after.
    store.events.append(event(1)).await.unwrap();
    assert_eq!(store.queue.lease(pixel(), 10, LEASE).await.unwrap().len(), 1, "the fresh one");
    store.clock.set_ms(NOW_MS - DAY_MS + 10_000);
    assert!(store.queue.has_due(pixel()).await.unwrap());
    assert_eq!(store.queue.lease(pixel(), 10, LEASE).await.unwrap().len(), 1, "the retry, ten seconds later");
    assert!(store.queue.lease(pixel(), 10, LEASE).await.unwrap().is_empty());
}

pub(super) async fn results_of_large_batches_are_recorded_whole(store: &Bench) {
    for n in 0..1000 {
        store.events.append(event(n)).await.unwrap();
    }
    store.clock.set_ms(NOW_MS + 1000);
    let leased = store.queue.lease(pixel(), 1000, LEASE).await.unwrap();
    assert_eq!(leased.len(), 1000);
    assert!(leased.is_sorted_by_key(|event| event.seq), "oldest first across the steps");
    let results = leased.iter().map(|event| result(event, AttemptOutcome::Delivered)).collect();
    let whole = CallRecord { batch_size: 1000, shortfall: 3, ..call() };
    store.queue.record(whole, results).await.unwrap();
    let figures = store.operators.figures(NOW_MS + 1000).await.unwrap();
    assert_eq!(figures.in_state(State::Delivered), 1000);
    assert_eq!((figures.total(Metric::GraphCall), figures.total(Metric::Shortfall)), (1, 3));
    let last = key(999);
    assert_eq!(
        store.operators.find(last).await.unwrap()[0].1[0].batch_size,
        1000,
        "every attempt knows its call"
    );
}

pub(super) async fn what_only_strangers_spoke_of_is_forgotten_after_seven_days(store: &Bench) {
    let claim = |id: &str| {
        let step: OrderStep = Box::new(|order| {
            order.contact(claimed(Some("fb.1.1763942400000.1")));
            OrderEffects::default()
        });
        store.orders.update(order_id(id), pixel(), None, step)
    };
    claim("A").await.unwrap();
    store.clock.set_ms(NOW_MS + 4 * DAY_MS);
    claim("B").await.unwrap();
    // Somebody repeats it, which is no news.
    claim("A").await.unwrap();
    store.clock.set_ms(NOW_MS + 7 * DAY_MS + 1000);
    while store.operators.sweep(Duration::from_secs(30 * 24 * 3600), 10).await.unwrap() > 0 {}
    assert!(store.orders.order(order_id("A")).await.unwrap().is_none());
    assert!(store.orders.order(order_id("B")).await.unwrap().is_some());
}
