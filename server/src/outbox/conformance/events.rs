//! What an engine must do with the events that it accepts.

use super::*;

pub(super) async fn run<G, F: Future<Output = (Bench, G)>>(make: &impl Fn() -> F) {
    each!(
        make,
        [
            the_first_payload_under_a_key_wins,
            a_uuid_is_sent_as_given_and_is_one_event_in_either_case,
            of_many_who_append_under_one_key_one_is_first,
            an_event_may_enter_leased_to_the_server_that_stores_it,
            confirmations_count_what_was_merged,
            a_page_cannot_have_fired_before_the_event_happened
        ]
    );
}

async fn the_first_payload_under_a_key_wins(store: &Bench) {
    let first = event(1);
    assert!(matches!(store.events.append(first.clone()).await.unwrap(), Appended::New { .. }));
    let other = Payload { public_json: "{\"other\":1}".into(), ..Payload::clone(&first.payload) };
    let second = NewEvent { payload: Arc::new(other), ..first.clone() };
    let Appended::Duplicate(existing) = store.events.append(second).await.unwrap() else {
        panic!("the key is taken")
    };
    assert_eq!(existing.public_json, first.payload.public_json);
    let other_name = NewEvent { name: EventName::parse("Contact").unwrap(), ..first };
    assert!(
        matches!(store.events.append(other_name).await.unwrap(), Appended::New { .. }),
        "another name, another key"
    );
    check_totals(store, 2).await;
}

async fn a_uuid_is_sent_as_given_and_is_one_event_in_either_case(store: &Bench) {
    const GIVEN: &str = "019AB329-007B-7FFF-BFFF-0000000000AB";
    let given = EventId::parse(GIVEN).unwrap();
    let lower = EventId::parse(&GIVEN.to_lowercase()).unwrap();
    let of = |id: &EventId| NewEvent::new(&core_event("Lead", id.clone()), NOW_MS, Initial::Pending, true);
    store.events.append(of(&given)).await.unwrap();
    let Appended::Duplicate(first) = store.other.events.append(of(&lower)).await.unwrap() else {
        panic!("the same UUID is the same event")
    };
    assert_eq!(first.id.as_str(), GIVEN, "as it was given first");
    let fired = Confirmation { id: lower.clone(), ..fired(0) };
    let confirmed = store.events.confirm(pixel(), Environment::Production, vec![fired]).await.unwrap();
    assert_eq!(confirmed, Confirmed { accepted: 1, unknown: 0 });
    let key = EventKey { id: lower, name: None, pixel: None };
    let found = store.operators.find(key).await.unwrap();
    assert_eq!(found.iter().map(|(event, _)| event.id.as_str()).collect::<Vec<_>>(), [GIVEN]);
    // Orders that differ in case are two orders.
    let purchase = |id: &str| {
        NewEvent::new(&core_event("Purchase", EventId::parse(id).unwrap()), NOW_MS, Initial::Pending, true)
    };
    for id in ["purchase_Order-1", "purchase_order-1"] {
        assert!(matches!(store.events.append(purchase(id)).await.unwrap(), Appended::New { .. }), "{id}");
    }
    check_totals(store, 3).await;
}

async fn of_many_who_append_under_one_key_one_is_first(store: &Bench) {
    let appends = [&store.outbox, &store.other].into_iter().cycle().take(20);
    let appends = appends.map(|server| server.events.append(event(1)));
    let appended = futures_util::future::try_join_all(appends).await.unwrap();
    let new = appended.iter().filter(|appended| matches!(appended, Appended::New { .. }));
    assert_eq!(new.count(), 1);
    check_totals(store, 1).await;
}

async fn an_event_may_enter_leased_to_the_server_that_stores_it(store: &Bench) {
    let holder = Holder::default();
    let mine = NewEvent { initial: holder.lease(), ..event(0) };
    let Appended::New { seq } = store.events.append(mine.clone()).await.unwrap() else { panic!("it is new") };
    assert_eq!(holder.taken(), [seq], "handed over before its caller is answered");
    store.events.append(mine).await.unwrap();
    assert_eq!(holder.taken(), [seq], "a duplicate is not");
    assert!(!store.other.queue.has_due(pixel()).await.unwrap());
    assert!(store.other.queue.lease(pixel(), 10, LEASE).await.unwrap().is_empty(), "no other server gets it");
    // The server died, so the lease ends. Only the result of the server that leases the event next
    // counts.
    store.clock.set_ms(NOW_MS + LEASE_MS);
    let again = store.other.queue.lease(pixel(), 10, LEASE).await.unwrap().remove(0);
    assert_eq!((again.seq, again.lease_no), (seq, 2));
    let late = AttemptResult { lease_no: 1, ..result(&again, AttemptOutcome::Refused) };
    store.queue.record(call(), vec![late]).await.unwrap();
    store.other.queue.record(call(), vec![result(&again, AttemptOutcome::Delivered)]).await.unwrap();
    assert_eq!(state_of(store, &id(0)).await, Some(State::Delivered));
    check_totals(store, 1).await;
}

async fn confirmations_count_what_was_merged(store: &Bench) {
    for n in 0..3 {
        store.events.append(event(n)).await.unwrap();
    }
    // One is confirmed before it is delivered, one after, one was blocked, one is unknown.
    let confirmed = store.events.confirm(pixel(), Environment::Production, vec![fired(0)]).await.unwrap();
    assert_eq!(confirmed, Confirmed { accepted: 1, unknown: 0 });
    let leased = lease(store, NOW_MS + 10).await;
    let results = leased.iter().map(|event| result(event, AttemptOutcome::Delivered)).collect();
    store.queue.record(call(), results).await.unwrap();
    let later = vec![fired(1), Confirmation { outcome: BrowserOutcome::Blocked, ..fired(2) }, fired(9)];
    assert_eq!(
        store.events.confirm(pixel(), Environment::Production, later.clone()).await.unwrap(),
        Confirmed { accepted: 2, unknown: 1 }
    );
    store.events.confirm(pixel(), Environment::Production, later).await.unwrap();
    // The unknown one was early: its event comes after it.
    store.events.append(event(9)).await.unwrap();
    let leased = lease(store, NOW_MS + 10).await;
    store.queue.record(call(), vec![result(&leased[0], AttemptOutcome::Delivered)]).await.unwrap();
    let figures = store.operators.figures(NOW_MS).await.unwrap();
    assert_eq!(figures.total(Metric::DeliveredWithBrowser), 4);
    assert_eq!(
        figures.total(Metric::Deduplicated),
        3,
        "each event counts once, even if it is reported again"
    );
}

async fn a_page_cannot_have_fired_before_the_event_happened(store: &Bench) {
    store.events.append(event(0)).await.unwrap();
    let forged = Confirmation { at_s: 0, ..fired(0) };
    store.events.confirm(pixel(), Environment::Production, vec![forged]).await.unwrap();
    assert_eq!(lease(store, NOW_MS).await[0].fired_s, Some(NOW_MS / 1000));
}
