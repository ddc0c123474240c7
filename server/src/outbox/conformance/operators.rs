//! What an operator asks of an engine: replay, erasure, pause, watching.

use tandem_core::hash::Sha256Hex;

use super::*;

async fn dead_letter(store: &Bench, n: u32, code: &'static str) -> u64 {
    store.events.append(event(n)).await.unwrap();
    let leased = lease(store, NOW_MS + i64::from(n)).await.remove(0);
    let refused = AttemptResult { code, ..result(&leased, AttemptOutcome::Refused) };
    store.queue.record(call(), vec![refused]).await.unwrap();
    leased.seq
}

pub(super) async fn replay_starts_a_new_schedule_under_the_same_id(store: &Bench) {
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

pub(super) async fn a_replay_that_may_count_twice_must_be_asked_for(store: &Bench) {
    let seq = dead_letter(store, 0, tandem_core::code::DEDUP_WINDOW_PASSED).await;
    assert_eq!(store.operators.replay(vec![seq], false).await.unwrap().skipped_double_count, 1);
    assert_eq!(store.operators.replay(vec![seq], true).await.unwrap().replayed, 1);
    assert_eq!(lease(store, NOW_MS).await[0].fired_s, None, "its twin's age does not stop it again");
}

pub(super) async fn an_erased_person_is_nowhere_and_nothing_of_them_is_sent(store: &Bench) {
    let digest = Sha256Hex::of_bytes(b"a person");
    let mut theirs = core_event("Lead", id(0));
    theirs.user_data.set(tandem_core::normalise::MatchKey::Email, digest);
    store.events.append(NewEvent::new(&theirs, NOW_MS, Initial::Pending, true)).await.unwrap();
    store.events.append(event(1)).await.unwrap();
    assert_eq!(store.events.erase(vec![digest]).await.unwrap(), Erased { events: 1, orders: 0 });
    assert_eq!(store.events.erase(vec![digest]).await.unwrap(), Erased::default(), "nothing is left of them");
    assert_eq!(state_of(store, &id(0)).await, Some(State::Suppressed));
    assert_eq!(lease(store, NOW_MS + 10).await.len(), 1, "the other person's event goes its way");
    check_totals(store, 2).await;
}

pub(super) async fn what_is_erased_on_its_way_is_not_sent_again(store: &Bench) {
    let digest = Sha256Hex::of_bytes(b"a person");
    for n in 0..2 {
        let mut theirs = core_event("Lead", id(n));
        theirs.user_data.set(tandem_core::normalise::MatchKey::Email, digest);
        store.events.append(NewEvent::new(&theirs, NOW_MS, Initial::Pending, true)).await.unwrap();
    }
    let leased = lease(store, NOW_MS).await;
    assert_eq!(store.events.erase(vec![digest]).await.unwrap().events, 2);
    let outcomes = [AttemptOutcome::Retry(Duration::from_millis(5)), AttemptOutcome::Delivered];
    let results = leased.iter().zip(outcomes).map(|(event, outcome)| result(event, outcome)).collect();
    store.queue.record(call(), results).await.unwrap();
    assert_eq!(state_of(store, &id(0)).await, Some(State::Suppressed));
    assert_eq!(state_of(store, &id(1)).await, Some(State::Delivered), "what Meta has, Meta has");
    assert!(lease(store, NOW_MS + 10 * LEASE_MS).await.is_empty());
    check_totals(store, 2).await;
}

pub(super) async fn a_pause_is_remembered(store: &Bench) {
    assert!(store.operators.paused().await.unwrap().is_empty());
    store.operators.set_paused(pixel(), true).await.unwrap();
    assert_eq!(store.operators.paused().await.unwrap(), [pixel()]);
    store.operators.set_paused(pixel(), false).await.unwrap();
    assert!(store.operators.paused().await.unwrap().is_empty());
}

pub(super) async fn watchers_hear_of_each_change(store: &Bench) {
    let mut changes = store.operators.watch();
    let Appended::New { seq } = store.events.append(event(0)).await.unwrap() else { panic!("it is new") };
    assert_eq!(*changes.recv().await.unwrap(), [seq]);
    let leased = lease(store, NOW_MS).await;
    store.queue.record(call(), vec![result(&leased[0], AttemptOutcome::Delivered)]).await.unwrap();
    let seqs = changes.recv().await.unwrap();
    assert_eq!(store.operators.at(seqs).await.unwrap()[0].state, State::Delivered);
}

pub(super) async fn purged_dead_letters_are_gone_and_nothing_else_is(store: &Bench) {
    let seq = dead_letter(store, 0, "meta_refused").await;
    let Appended::New { seq: pending } = store.events.append(event(1)).await.unwrap() else {
        panic!("it is new")
    };
    assert_eq!(store.operators.purge(vec![seq, seq, pending, 999]).await.unwrap(), 1);
    assert_eq!(state_of(store, &id(0)).await, None);
    assert_eq!(state_of(store, &id(1)).await, Some(State::Pending));
    check_totals(store, 1).await;
}

pub(super) async fn dead_webhooks_are_listed_in_pages_and_purged(store: &Bench) {
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
