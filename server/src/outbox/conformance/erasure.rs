//! What an engine must do when a person is to be erased.

use super::orders::claimed;
use super::*;
use crate::outbox::{Erased, Erasure};

pub(super) async fn run<G, F: Future<Output = (Bench, G)>>(make: &impl Fn() -> F) {
    each!(
        make,
        [
            an_erased_person_is_nowhere_and_nothing_of_them_is_sent,
            what_is_erased_on_its_way_is_not_sent_again,
            what_shares_an_order_or_a_browser_with_the_person_is_theirs,
            an_event_that_only_names_an_order_leads_to_none,
            a_count_changes_nothing
        ]
    );
}

fn asha() -> Sha256Hex {
    Sha256Hex::of_bytes(b"asha@example.com")
}

/// A lead of a browser, which may say who it is, and which may name an order.
fn lead(n: u32, fbp: &str, person: Option<Sha256Hex>, order: Option<&str>) -> NewEvent {
    let mut event = core_event("Lead", id(n));
    event.user_data.fbp = Some(fbp.into());
    if let Some(digest) = person {
        event.user_data.set(MatchKey::Email, digest);
    }
    event.custom_data.order_id = order.map(order_id);
    NewEvent::new(&event, NOW_MS, Initial::Pending, true)
}

async fn claim(store: &Bench, order: &str, fbp: &'static str, person: Option<Sha256Hex>) {
    let step: OrderStep = Box::new(move |order| {
        let mut contact = claimed(Some(fbp));
        if let Some(digest) = person {
            contact.user_data.set(MatchKey::Email, digest);
        }
        order.add_contact(&contact, &SALT);
        OrderEffects::default()
    });
    store.orders.update(Lane::Shop, order_key(order), pixel(), None, step).await.unwrap();
}

fn erased(events: u64, orders: u64) -> Erased {
    Erased { events, orders, leaves_traces: false }
}

async fn an_erased_person_is_nowhere_and_nothing_of_them_is_sent(store: &Bench) {
    store.events.append(lead(0, "fb.1.1.7", Some(asha()), None)).await.unwrap();
    store.events.append(event(1)).await.unwrap();
    assert_eq!(store.events.erase(vec![asha()], Erasure::Erase).await.unwrap(), erased(1, 0));
    let again = store.events.erase(vec![asha()], Erasure::Erase).await.unwrap();
    assert_eq!(again, Erased::default(), "nothing is left of them");
    assert_eq!(state_of(store, &id(0)).await, Some(State::Suppressed));
    assert_eq!(lease(store, NOW_MS + 10).await.len(), 1, "the other person's event is still sent");
    check_totals(store, 2).await;
}

async fn what_is_erased_on_its_way_is_not_sent_again(store: &Bench) {
    for n in 0..2 {
        store.events.append(lead(n, "fb.1.1.7", Some(asha()), None)).await.unwrap();
    }
    let leased = lease(store, NOW_MS).await;
    assert_eq!(store.events.erase(vec![asha()], Erasure::Erase).await.unwrap().events, 2);
    let outcomes = [AttemptOutcome::Retry(Duration::from_millis(5)), AttemptOutcome::Delivered];
    let results = leased.iter().zip(outcomes).map(|(event, outcome)| result(event, outcome)).collect();
    store.queue.record(call(), results).await.unwrap();
    assert_eq!(state_of(store, &id(0)).await, Some(State::Suppressed));
    assert_eq!(state_of(store, &id(1)).await, Some(State::Delivered), "a delivered event stays delivered");
    assert!(lease(store, NOW_MS + 10 * LEASE_MS).await.is_empty());
    check_totals(store, 2).await;
}

async fn what_shares_an_order_or_a_browser_with_the_person_is_theirs(store: &Bench) {
    // The lead that names her, a visit before it, her order, whose browser is another one of hers, and its checkout.
    store.events.append(lead(0, "fb.1.1.7", Some(asha()), None)).await.unwrap();
    store.events.append(lead(1, "fb.1.1.7", None, None)).await.unwrap();
    claim(store, "A", "fb.1.1.8", Some(asha())).await;
    store.events.append(lead(2, "fb.1.1.6", None, Some("A"))).await.unwrap();
    store.events.append(lead(3, "fb.1.1.8", None, None)).await.unwrap();
    claim(store, "B", "fb.1.1.7", None).await;
    // Somebody else; one whose browser's number begins as hers does; and what the checkout's browser did elsewhere.
    store.events.append(lead(4, "fb.1.1.9", None, Some("AB"))).await.unwrap();
    store.events.append(lead(5, "fb.1.1.77", None, None)).await.unwrap();
    store.events.append(lead(6, "fb.1.1.6", None, None)).await.unwrap();
    claim(store, "C", "fb.1.1.9", None).await;
    assert_eq!(store.events.erase(vec![asha()], Erasure::Erase).await.unwrap(), erased(4, 2));
    for (n, expected) in (4..7).map(|n| (n, State::Pending)).chain((0..4).map(|n| (n, State::Suppressed))) {
        assert_eq!(state_of(store, &id(n)).await, Some(expected), "{n}");
    }
    for (order, has_owner) in [("A", false), ("B", false), ("C", true)] {
        let order = store.orders.order(order_key(order)).await.unwrap().unwrap();
        assert_eq!(order.owner().is_some(), has_owner, "{:?}", order.id());
    }
}

async fn an_event_that_only_names_an_order_leads_to_none(store: &Bench) {
    // She names the order of somebody else, which anybody can.
    store.events.append(lead(0, "fb.1.1.7", Some(asha()), Some("A"))).await.unwrap();
    claim(store, "A", "fb.1.1.8", None).await;
    store.events.append(lead(1, "fb.1.1.8", None, Some("A"))).await.unwrap();
    assert_eq!(store.events.erase(vec![asha()], Erasure::Erase).await.unwrap(), erased(1, 0));
    let order = store.orders.order(order_key("A")).await.unwrap().unwrap();
    assert!(order.owner().is_some(), "the buyer's signals stay");
    assert_eq!(state_of(store, &id(1)).await, Some(State::Pending));
}

async fn a_count_changes_nothing(store: &Bench) {
    store.events.append(lead(0, "fb.1.1.7", Some(asha()), Some("A"))).await.unwrap();
    claim(store, "A", "fb.1.1.7", None).await;
    for _ in 0..2 {
        assert_eq!(store.events.erase(vec![asha()], Erasure::Count).await.unwrap(), erased(1, 1));
    }
    assert_eq!(store.events.erase(vec![asha()], Erasure::Erase).await.unwrap(), erased(1, 1));
    assert_eq!(store.events.erase(vec![asha()], Erasure::Count).await.unwrap(), Erased::default());
}
