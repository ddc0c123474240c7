//! What an engine must do for operators: replay, purge, pause, lists and retention.

use super::orders::{claimed, follow};
use super::*;

pub(super) async fn run<G, F: Future<Output = (Bench, G)>>(make: &impl Fn() -> F) {
    each!(
        make,
        [
            replay_starts_a_new_schedule_under_the_same_id,
            a_replay_that_may_count_twice_must_be_asked_for,
            purged_dead_letters_are_gone_and_nothing_else_is,
            dead_webhooks_are_listed_in_pages_and_purged,
            a_pause_is_remembered,
            watchers_hear_of_each_change,
            pages_follow_each_other,
            orders_are_listed_newest_first_and_page_by_page,
            sweeping_keeps_what_is_not_finished,
            what_only_strangers_spoke_of_is_forgotten_after_seven_days
        ]
    );
}

async fn dead_letter(store: &Bench, n: u32, code: &'static str) -> u64 {
    store.events.append(event(n)).await.unwrap();
    let leased = lease(store, NOW_MS + i64::from(n)).await.remove(0);
    let refused = AttemptResult { code, ..result(&leased, AttemptOutcome::Refused) };
    store.queue.record(call(), vec![refused]).await.unwrap();
    leased.seq
}

async fn replay_starts_a_new_schedule_under_the_same_id(store: &Bench) {
    let seq = dead_letter(store, 0, "meta_refused").await;
    let replayed = store.operators.replay(vec![seq, seq, 999], false).await.unwrap();
    assert_eq!(replayed, Replayed { replayed: 1, ..Replayed::default() });
    let again = lease(store, NOW_MS).await.remove(0);
    assert_eq!((again.seq, again.attempts), (seq, 0));
    store.queue.record(call(), vec![result(&again, AttemptOutcome::Delivered)]).await.unwrap();
    let (view, attempts) = store.operators.find(key(0)).await.unwrap().remove(0);
    assert_eq!((view.state, view.attempts, attempts.len()), (State::Delivered, 2, 2), "history stays");
    assert_eq!(
        store.operators.replay(vec![seq], true).await.unwrap(),
        Replayed::default(),
        "delivered is final"
    );
    check_totals(store, 1).await;
}

async fn a_replay_that_may_count_twice_must_be_asked_for(store: &Bench) {
    let seq = dead_letter(store, 0, tandem_core::code::DEDUP_WINDOW_PASSED).await;
    assert_eq!(store.operators.replay(vec![seq], false).await.unwrap().skipped_double_count, 1);
    assert_eq!(store.operators.replay(vec![seq], true).await.unwrap().replayed, 1);
    assert_eq!(
        lease(store, NOW_MS).await[0].fired_s,
        None,
        "the age of the browser's copy does not stop it again"
    );
}

async fn purged_dead_letters_are_gone_and_nothing_else_is(store: &Bench) {
    let seq = dead_letter(store, 0, "meta_refused").await;
    let Appended::New { seq: pending } = store.events.append(event(1)).await.unwrap() else {
        panic!("it is new")
    };
    assert_eq!(store.operators.purge(vec![seq, seq, pending, 999]).await.unwrap(), 1);
    assert_eq!(state_of(store, &id(0)).await, None);
    assert_eq!(state_of(store, &id(1)).await, Some(State::Pending));
    check_totals(store, 1).await;
}

async fn dead_webhooks_are_listed_in_pages_and_purged(store: &Bench) {
    let record = |n: i64| WebhookRecord {
        account: "cashfree:SANDBOX".into(),
        event_key: format!("key {n}"),
        kind: "PAYMENT_SUCCESS_WEBHOOK".into(),
        order_id: None,
        received_ms: NOW_MS + n,
        dead_letter: (n != 2).then(|| if n < 2 { "bad_amount".into() } else { "bad_json".into() }),
        extract: "{}".into(),
        body_sha256: "00".into(),
        body_bytes: 2,
    };
    for n in 0..5 {
        assert!(store.orders.record_webhook(record(n)).await.unwrap());
    }
    let all = DeadWebhookFilter::default();
    let page = |below_seq| Page { below_seq, size: 3 };
    let first = store.operators.dead_webhooks(all.clone(), page(None)).await.unwrap();
    assert_eq!(first.iter().map(|webhook| webhook.received_ms - NOW_MS).collect::<Vec<_>>(), [4, 3, 1]);
    let second = store.operators.dead_webhooks(all.clone(), page(Some(first[2].seq))).await.unwrap();
    assert_eq!(second.len(), 1);
    let some = DeadWebhookFilter {
        code: Some("bad_json".into()),
        received_from_ms: Some(NOW_MS + 4),
        ..all.clone()
    };
    assert_eq!(store.operators.dead_webhooks(some, page(None)).await.unwrap().len(), 1);
    assert_eq!(store.operators.purge_webhooks(vec![first[0].seq, 999]).await.unwrap(), 1);
    assert_eq!(store.operators.figures(NOW_MS).await.unwrap().dead_webhooks, 3);
    assert!(!store.orders.record_webhook(record(4)).await.unwrap(), "a late copy is still a copy");
}

async fn a_pause_is_remembered(store: &Bench) {
    assert!(store.operators.paused().await.unwrap().is_empty());
    store.operators.set_paused(pixel(), true).await.unwrap();
    assert_eq!(store.operators.paused().await.unwrap(), [pixel()]);
    store.operators.set_paused(pixel(), false).await.unwrap();
    assert!(store.operators.paused().await.unwrap().is_empty());
}

async fn watchers_hear_of_each_change(store: &Bench) {
    let mut changes = store.operators.watch();
    let Appended::New { seq } = store.events.append(event(0)).await.unwrap() else { panic!("it is new") };
    assert_eq!(*changes.recv().await.unwrap(), [seq]);
    let leased = lease(store, NOW_MS).await;
    store.queue.record(call(), vec![result(&leased[0], AttemptOutcome::Delivered)]).await.unwrap();
    let seqs = changes.recv().await.unwrap();
    assert_eq!(store.operators.at(seqs).await.unwrap()[0].state, State::Delivered);
}

async fn pages_follow_each_other(store: &Bench) {
    for n in 0..25 {
        store.events.append(event(n)).await.unwrap();
    }
    let mut seen = Vec::new();
    let mut below_seq = None;
    loop {
        let page = store.operators.list(EventFilter::default(), Page { below_seq, size: 10 }).await.unwrap();
        let Some(last) = page.last() else { break };
        below_seq = Some(last.seq);
        seen.extend(page.iter().map(|event| event.seq));
    }
    assert_eq!(seen.len(), 25);
    assert!(seen.is_sorted_by(|a, b| a > b), "newest first");
}

async fn orders_are_listed_newest_first_and_page_by_page(bench: &Bench) {
    let store = &bench.outbox;
    for n in 0..5 {
        let step: OrderStep = Box::new(move |order| {
            order.fail();
            OrderEffects::default()
        });
        store.orders.update(Lane::Shop, order_key(&format!("KB-{n}")), pixel(), None, step).await.unwrap();
    }
    let ids = |orders: &[OrderView]| {
        orders.iter().map(|view| view.order.id().as_str().to_owned()).collect::<Vec<_>>()
    };
    let list = async |filter: OrderFilter, below_seq: Option<u64>| {
        store.operators.list_orders(filter, Page { below_seq, size: 2 }).await.unwrap()
    };
    let first = list(OrderFilter::default(), None).await;
    assert_eq!(ids(&first), ["KB-4", "KB-3"]);
    // A change does not move an order to another page.
    follow(store, "KB-0", None, Vec::new()).await;
    let second = list(OrderFilter::default(), Some(first[1].seq)).await;
    assert_eq!(ids(&second), ["KB-2", "KB-1"]);
    assert_eq!(ids(&list(OrderFilter::default(), Some(second[1].seq)).await), ["KB-0"]);

    let one = OrderFilter { id: Some(order_id("KB-2")), ..OrderFilter::default() };
    let found = list(one, None).await;
    assert_eq!(ids(&found), ["KB-2"]);
    assert_eq!((found[0].created_ms, found[0].updated_ms), (NOW_MS, NOW_MS));
    let paid = OrderFilter { paid_only: true, ..OrderFilter::default() };
    assert!(list(paid, None).await.is_empty());
    let later = OrderFilter { updated_from_ms: Some(NOW_MS + 1), ..OrderFilter::default() };
    assert!(list(later, None).await.is_empty());
    let until = OrderFilter { updated_before_ms: Some(NOW_MS + 1), ..OrderFilter::default() };
    assert_eq!(list(until, None).await.len(), 2);
}

async fn sweeping_keeps_what_is_not_finished(store: &Bench) {
    let retention = Duration::from_secs(30 * 24 * 3600);
    for n in 0..5 {
        store.events.append(event(n)).await.unwrap();
    }
    let leased = lease(store, NOW_MS + 10).await;
    let outcomes =
        [AttemptOutcome::Delivered, AttemptOutcome::Refused, AttemptOutcome::Retry(Duration::ZERO)];
    let results = leased.iter().zip(outcomes).map(|(event, outcome)| result(event, outcome)).collect();
    store.queue.record(call(), results).await.unwrap();
    store.clock.set_ms(NOW_MS + 29 * DAY_MS);
    assert_eq!(store.operators.sweep(retention, 100).await.unwrap(), 1, "the dead letter's person");
    store.clock.set_ms(NOW_MS + 31 * DAY_MS);
    while store.operators.sweep(retention, 2).await.unwrap() > 0 {}
    assert_eq!(state_of(store, &id(0)).await, None, "the delivered one is gone");
    assert_eq!(state_of(store, &id(1)).await, None, "the dead letter is gone");
    assert_eq!(state_of(store, &id(2)).await, Some(State::Pending));
    check_totals(store, 3).await;
}

async fn what_only_strangers_spoke_of_is_forgotten_after_seven_days(store: &Bench) {
    let claim = |id: &str| {
        let step: OrderStep = Box::new(|order| {
            order.add_contact(&claimed(Some("fb.1.1763942400000.1")), &SALT);
            OrderEffects::default()
        });
        store.orders.update(Lane::Shop, order_key(id), pixel(), None, step)
    };
    claim("A").await.unwrap();
    store.clock.set_ms(NOW_MS + 4 * DAY_MS);
    claim("B").await.unwrap();
    // A repeated claim is no news.
    claim("A").await.unwrap();
    store.clock.set_ms(NOW_MS + 7 * DAY_MS + 1000);
    while store.operators.sweep(Duration::from_secs(30 * 24 * 3600), 10).await.unwrap() > 0 {}
    assert!(store.orders.order(order_key("A")).await.unwrap().is_none());
    assert!(store.orders.order(order_key("B")).await.unwrap().is_some());
}
