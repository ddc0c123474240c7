//! What an operator asks of an engine: replay, erasure, pause, watching.

use super::*;

async fn dead_letter(store: &dyn Outbox, n: u32, code: &'static str) -> u64 {
    store.append(event(n)).await.unwrap();
    let claimed = claim(store, NOW_MS + i64::from(n)).await.remove(0);
    let refused = AttemptResult { code, ..result(&claimed, AttemptOutcome::Refused) };
    store.record(call(), vec![refused]).await.unwrap();
    claimed.seq
}

pub(super) async fn replay_starts_a_new_schedule_under_the_same_id(store: &dyn Outbox) {
    let seq = dead_letter(store, 0, "meta_refused").await;
    let replayed = store.replay(vec![seq, seq, 999], false).await.unwrap();
    assert_eq!(replayed, Replayed { replayed: 1, ..Replayed::default() });
    let again = claim(store, NOW_MS).await.remove(0);
    assert_eq!((again.seq, again.attempts), (seq, 0));
    store.record(call(), vec![result(&again, AttemptOutcome::Delivered)]).await.unwrap();
    let (view, attempts) =
        store.find(EventKey { id: id(0), name: None, pixel: None }).await.unwrap().remove(0);
    assert_eq!((view.state, view.attempts, attempts.len()), (State::Delivered, 2, 2), "history stays");
    assert_eq!(store.replay(vec![seq], true).await.unwrap(), Replayed::default(), "delivered is final");
    check_totals(store, 1).await;
}

pub(super) async fn a_replay_that_may_count_twice_must_be_asked_for(store: &dyn Outbox) {
    let seq = dead_letter(store, 0, tandem_core::code::DEDUP_WINDOW_PASSED).await;
    assert_eq!(store.replay(vec![seq], false).await.unwrap().skipped_double_count, 1);
    assert_eq!(store.replay(vec![seq], true).await.unwrap().replayed, 1);
    assert_eq!(claim(store, NOW_MS).await[0].fired_s, None, "its twin's age does not stop it again");
}

pub(super) async fn an_erased_person_is_nowhere_and_nothing_of_them_is_sent(store: &dyn Outbox) {
    let digest = Sha256Hex::of_bytes(b"a person");
    let mut theirs = core_event("Lead", id(0));
    theirs.user_data.set(tandem_core::normalise::MatchKey::Email, digest);
    store.append(NewEvent::new(&theirs, NOW_MS, Initial::Pending, true)).await.unwrap();
    store.append(event(1)).await.unwrap();
    assert_eq!(store.erase(vec![digest]).await.unwrap(), Erased { events: 1, orders: 0 });
    assert_eq!(store.erase(vec![digest]).await.unwrap(), Erased::default(), "nothing is left of them");
    assert_eq!(state_of(store, &id(0)).await, Some(State::Suppressed));
    assert_eq!(claim(store, NOW_MS + 10).await.len(), 1, "the other person's event goes its way");
    check_totals(store, 2).await;
}

pub(super) async fn what_is_erased_on_its_way_is_not_sent_again(store: &dyn Outbox) {
    let digest = Sha256Hex::of_bytes(b"a person");
    for n in 0..2 {
        let mut theirs = core_event("Lead", id(n));
        theirs.user_data.set(tandem_core::normalise::MatchKey::Email, digest);
        store.append(NewEvent::new(&theirs, NOW_MS, Initial::Pending, true)).await.unwrap();
    }
    let claimed = claim(store, NOW_MS).await;
    assert_eq!(store.erase(vec![digest]).await.unwrap().events, 2);
    let outcomes = [AttemptOutcome::Retry(NOW_MS + 5), AttemptOutcome::Delivered];
    let results = claimed.iter().zip(outcomes).map(|(event, outcome)| result(event, outcome)).collect();
    store.record(call(), results).await.unwrap();
    assert_eq!(state_of(store, &id(0)).await, Some(State::Suppressed));
    assert_eq!(state_of(store, &id(1)).await, Some(State::Delivered), "what Meta has, Meta has");
    assert!(claim(store, NOW_MS + 10 * LEASE_MS).await.is_empty());
    check_totals(store, 2).await;
}

pub(super) async fn a_pause_is_remembered(store: &dyn Outbox) {
    assert!(store.paused().await.unwrap().is_empty());
    store.set_paused(pixel(), true).await.unwrap();
    assert_eq!(store.paused().await.unwrap(), [pixel()]);
    store.set_paused(pixel(), false).await.unwrap();
    assert!(store.paused().await.unwrap().is_empty());
}

pub(super) async fn watchers_hear_of_each_change(store: &dyn Outbox) {
    let mut changes = store.watch();
    let Appended::New { seq } = store.append(event(0)).await.unwrap() else { panic!("it is new") };
    assert_eq!(*changes.recv().await.unwrap(), [seq]);
    let claimed = claim(store, NOW_MS).await;
    store.record(call(), vec![result(&claimed[0], AttemptOutcome::Delivered)]).await.unwrap();
    let seqs = changes.recv().await.unwrap();
    assert_eq!(store.at(seqs).await.unwrap()[0].state, State::Delivered);
}
