//! What an engine must do with leases and results, also when the clock is set.

use super::*;

pub(super) async fn run<G, F: Future<Output = (Bench, G)>>(make: &impl Fn() -> F) {
    each!(
        make,
        [
            due_events_are_leased_once_and_in_order,
            servers_that_lease_at_the_same_time_share_nothing,
            a_lease_that_ran_out_fences_late_results,
            results_move_events_and_are_kept_as_attempts,
            results_of_large_batches_are_recorded_whole,
            a_delivered_event_keeps_the_names_of_its_keys_only,
            what_is_leased_is_what_was_stored_whatever_its_text_says,
            released_events_made_no_attempt,
            held_and_unassigned_events_come_free,
            what_grew_too_old_becomes_a_dead_letter_wherever_it_waits,
            a_clock_set_forward_ends_no_lease,
            a_clock_set_back_stops_no_schedule
        ]
    );
}

async fn due_events_are_leased_once_and_in_order(store: &Bench) {
    store.clock.set_ms(NOW_MS + 10);
    for n in [3, 1, 2] {
        store.events.append(event(n)).await.unwrap();
    }
    store.clock.set_ms(NOW_MS);
    assert!(!store.queue.has_due(pixel()).await.unwrap());
    store.clock.set_ms(NOW_MS + 10);
    assert!(store.queue.has_due(pixel()).await.unwrap());
    let first = store.queue.lease(pixel(), 2, LEASE).await.unwrap();
    assert_eq!(
        first.iter().map(|event| event.seq).collect::<Vec<_>>(),
        [2, 3],
        "ordered by due time, not by position"
    );
    assert!(lease(store, NOW_MS + 1).await.is_empty(), "the rest is not due yet");
    assert_eq!(lease(store, NOW_MS + 10).await.len(), 1);
    assert!(lease(store, NOW_MS + 10).await.is_empty());
    check_totals(store, 3).await;
}

async fn servers_that_lease_at_the_same_time_share_nothing(store: &Bench) {
    for n in 0..100 {
        store.events.append(event(n)).await.unwrap();
    }
    store.clock.set_ms(NOW_MS + 100);
    let servers = [&store.outbox, &store.other].into_iter().cycle().take(8);
    let leases = servers.map(|server| server.queue.lease(pixel(), 20, LEASE));
    let leased = futures_util::future::try_join_all(leases).await.unwrap().concat();
    let seqs: std::collections::BTreeSet<u64> = leased.iter().map(|event| event.seq).collect();
    assert_eq!((leased.len(), seqs.len()), (100, 100));
    check_totals(store, 100).await;
}

async fn a_lease_that_ran_out_fences_late_results(store: &Bench) {
    store.events.append(event(0)).await.unwrap();
    let old = lease(store, NOW_MS).await.remove(0);
    let new = lease(store, NOW_MS + LEASE_MS).await.remove(0);
    assert!(new.lease_no > old.lease_no);
    store.queue.record(call(), vec![result(&old, AttemptOutcome::Refused)]).await.unwrap();
    assert_eq!(state_of(store, &id(0)).await, Some(State::InFlight), "the late result is ignored");
    store.queue.record(call(), vec![result(&new, AttemptOutcome::Delivered)]).await.unwrap();
    store.queue.record(call(), vec![result(&new, AttemptOutcome::Refused)]).await.unwrap();
    assert_eq!(state_of(store, &id(0)).await, Some(State::Delivered), "delivered is final");
    check_totals(store, 1).await;
}

async fn results_move_events_and_are_kept_as_attempts(store: &Bench) {
    store.events.append(event(0)).await.unwrap();
    let mut now_ms = NOW_MS;
    for outcome in [
        AttemptOutcome::Retry(Duration::from_millis(1000)),
        AttemptOutcome::Unknown(Duration::from_millis(1000)),
        AttemptOutcome::Held(Duration::from_millis(1000)),
        AttemptOutcome::Refused,
    ] {
        let leased = lease(store, now_ms).await;
        assert_eq!(leased.len(), 1, "{outcome:?}");
        store.queue.record(call(), vec![result(&leased[0], outcome)]).await.unwrap();
        assert!(lease(store, now_ms).await.is_empty(), "no event is leased before it is due");
        now_ms += 1000;
    }
    let key = EventKey { id: id(0), name: Some("Lead".into()), pixel: Some(pixel().as_str().to_owned()) };
    let (event, attempts) = store.operators.find(key).await.unwrap().remove(0);
    assert_eq!((event.state, event.attempts), (State::DeadLetter, 4));
    assert_eq!(event.code.as_deref(), Some("code"));
    let results: Vec<_> =
        attempts.iter().map(|attempt| (attempt.attempt_no, attempt.result.as_str())).collect();
    assert_eq!(results, [(1, "retry"), (2, "unknown"), (3, "held"), (4, "refused")]);
    check_totals(store, 1).await;
}

async fn results_of_large_batches_are_recorded_whole(store: &Bench) {
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
        "every attempt names its call"
    );
}

async fn a_delivered_event_keeps_the_names_of_its_keys_only(store: &Bench) {
    store.events.append(event(0)).await.unwrap();
    let leased = lease(store, NOW_MS).await;
    assert!(leased[0].payload.personal_json.as_ref().is_some_and(|json| json.contains("fb.1.")));
    store.queue.record(call(), vec![result(&leased[0], AttemptOutcome::Delivered)]).await.unwrap();
    let (view, _) = store.operators.find(key(0)).await.unwrap().remove(0);
    assert_eq!(view.keys.names(), ["fbp", "client_user_agent"]);
    // No later lease contains the person.
    assert!(lease(store, NOW_MS + 10 * LEASE_MS).await.is_empty());
}

async fn what_is_leased_is_what_was_stored_whatever_its_text_says(store: &Bench) {
    let at_counter = |name: &str, id: EventId| {
        let mut event = core_event(name, id);
        (event.action_source, event.page) = (ActionSource::PhysicalStore, EventPage::default());
        event.custom_data.properties = vec![("action_source".into(), "website".into())];
        NewEvent::new(&event, NOW_MS, Initial::Pending, false)
    };
    let lead = at_counter("Lead", id(0));
    store.events.append(lead.clone()).await.unwrap();
    // A Purchase is stored, then replaced.
    let sale = at_counter("Purchase", EventId::of_purchase(&order_id("A")));
    for new in [purchase("A", Initial::WaitingJoin(LEASE)), Box::new(sale.clone())] {
        let mut effects = Some(PurchaseChange::Place(new));
        let step: OrderStep =
            Box::new(move |_| OrderEffects { purchase: effects.take(), ..OrderEffects::default() });
        store.orders.update(Lane::Shop, order_key("A"), pixel(), None, step).await.unwrap();
    }
    let leased = lease(store, NOW_MS).await;
    for (leased, stored) in leased.iter().zip([lead, sale]) {
        assert_eq!(leased.payload, stored.payload);
        assert_eq!(leased.payload.known_refusal(leased.time_s, None), None);
    }
    assert_eq!(leased.len(), 2);
}

async fn released_events_made_no_attempt(store: &Bench) {
    store.events.append(event(0)).await.unwrap();
    let leased = lease(store, NOW_MS).await;
    store.queue.release(vec![(leased[0].seq, leased[0].lease_no)]).await.unwrap();
    let again = lease(store, NOW_MS + 500).await;
    assert_eq!((again[0].attempts, again[0].lease_no), (0, leased[0].lease_no + 1));
    store.queue.release(vec![(leased[0].seq, leased[0].lease_no)]).await.unwrap();
    assert!(lease(store, NOW_MS + 500).await.is_empty(), "an old lease releases nothing");
    check_totals(store, 1).await;
}

async fn held_and_unassigned_events_come_free(store: &Bench) {
    store.events.append(NewEvent { initial: Initial::Held("why".into()), ..event(1) }).await.unwrap();
    assert!(lease(store, NOW_MS + LEASE_MS).await.is_empty());
    assert_eq!(store.queue.release_held("other", Environment::Production).await.unwrap(), 0);
    assert_eq!(store.queue.release_held("why", Environment::Production).await.unwrap(), 1);
    store.events.append(NewEvent { pixel: PixelId::unassigned(), ..event(2) }).await.unwrap();
    assert_eq!(store.operators.adopt_unassigned(pixel()).await.unwrap(), 1);
    assert_eq!(lease(store, NOW_MS + LEASE_MS).await.len(), 2);
    check_totals(store, 2).await;
}

async fn what_grew_too_old_becomes_a_dead_letter_wherever_it_waits(store: &Bench) {
    let old = |n: u32, initial: Initial| NewEvent { initial, ..event(n) };
    store.events.append(old(0, Initial::Pending)).await.unwrap();
    store.events.append(old(1, Initial::Held("why".into()))).await.unwrap();
    store.events.append(old(2, Initial::WaitingJoin(Duration::from_secs(30)))).await.unwrap();
    store.events.append(old(3, Holder::default().lease())).await.unwrap();
    store.events.append(NewEvent { time_s: NOW_MS / 1000 + 3600, ..event(4) }).await.unwrap();
    assert_eq!(store.queue.expire(100).await.unwrap(), 0, "all events are fresh");
    store.clock.set_ms(NOW_MS + 7 * DAY_MS);
    assert_eq!(store.queue.expire(2).await.unwrap(), 2, "no more than the maximum per step");
    assert_eq!(store.queue.expire(100).await.unwrap(), 1);
    assert_eq!(store.queue.expire(100).await.unwrap(), 0);
    for n in 0..3 {
        let (view, _) = store.operators.find(key(n)).await.unwrap().remove(0);
        assert_eq!((view.state, view.code.as_deref()), (State::DeadLetter, Some(tandem_core::code::TOO_OLD)));
    }
    assert_eq!(state_of(store, &id(3)).await, Some(State::InFlight), "an event on its way is left alone");
    assert_eq!(state_of(store, &id(4)).await, Some(State::Pending), "the event's own time counts");
    check_totals(store, 5).await;
}

async fn a_clock_set_forward_ends_no_lease(store: &Bench) {
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
        "no other caller gets an event that is on its way"
    );
    store.queue.record(call(), vec![result(&leased, AttemptOutcome::Delivered)]).await.unwrap();
    assert_eq!(state_of(store, &id(0)).await, Some(State::Delivered));
    store.clock.set_ms(NOW_MS + DAY_MS + 30_000);
    assert_eq!(store.queue.lease(pixel(), 10, LEASE).await.unwrap().len(), 1, "the wait keeps its length");
}

async fn a_clock_set_back_stops_no_schedule(store: &Bench) {
    store.events.append(event(0)).await.unwrap();
    let leased = lease(store, NOW_MS).await;
    let retry = result(&leased[0], AttemptOutcome::Retry(Duration::from_secs(10)));
    store.queue.record(call(), vec![retry]).await.unwrap();
    store.clock.jump_ms(-DAY_MS);
    // The event was received before the clock was set and is stored after it.
    store.events.append(event(1)).await.unwrap();
    assert_eq!(store.queue.lease(pixel(), 10, LEASE).await.unwrap().len(), 1, "the fresh one");
    store.clock.set_ms(NOW_MS - DAY_MS + 10_000);
    assert!(store.queue.has_due(pixel()).await.unwrap());
    assert_eq!(store.queue.lease(pixel(), 10, LEASE).await.unwrap().len(), 1, "the retry, ten seconds later");
    assert!(store.queue.lease(pixel(), 10, LEASE).await.unwrap().is_empty());
}
