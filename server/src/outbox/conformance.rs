//! What every engine behind [`Outbox`] must do, as a suite that runs against any of them.

use std::sync::Arc;
use std::time::Duration;

use tandem_core::custom_data::CustomData;
use tandem_core::event::{ActionSource, Event, Page as EventPage};
use tandem_core::id::{EventId, EventName, OrderId, PixelId};
use tandem_core::order::Withheld;
use tandem_core::user_data::UserData;

use super::*;
use crate::clock::Clock;

mod followers;
mod operators;
mod orders;
mod time;
use followers::*;
use operators::*;
use orders::*;
use time::*;

/// The suite's time, Unix milliseconds.
pub(crate) const NOW_MS: i64 = 1_763_942_400_000;
const LEASE_MS: i64 = 60_000;
const LEASE: Duration = Duration::from_secs(60);

/// An engine under test, and the clock it goes by.
pub(crate) struct Bench {
    pub(crate) outbox: Outbox,
    pub(crate) clock: Clock,
}

impl std::ops::Deref for Bench {
    type Target = Outbox;

    fn deref(&self) -> &Self::Target {
        &self.outbox
    }
}

pub(crate) fn pixel() -> PixelId {
    PixelId::parse("123456789012345").unwrap()
}

fn core_event(name: &str, id: EventId) -> Event {
    let mut user_data = UserData::default();
    user_data.fbp = Some("fb.1.1763942400000.1".into());
    user_data.client_user_agent = Some("agent".into());
    Event {
        pixel: pixel(),
        name: EventName::parse(name).unwrap(),
        id,
        time_s: NOW_MS / 1000,
        action_source: ActionSource::Website,
        page: EventPage { event_source_url: Some("https://shop.example/".into()), referrer_url: None },
        user_data,
        custom_data: CustomData::default(),
        limited_data_use: None,
    }
}

/// What finds lead `n`.
pub(crate) fn key(n: u32) -> EventKey {
    EventKey { id: id(n), name: None, pixel: None }
}

/// A page's word that its copy of lead `n` was fired.
pub(crate) fn fired(n: u32) -> Confirmation {
    let outcome = BrowserOutcome::Fired;
    Confirmation { name: EventName::lead(), id: id(n), outcome, at_s: NOW_MS / 1000 }
}

fn id(n: u32) -> EventId {
    EventId::v7(NOW_MS.unsigned_abs() + u64::from(n), [1; 10])
}

/// A lead that is due now.
pub(crate) fn event(n: u32) -> NewEvent {
    NewEvent::new(&core_event("Lead", id(n)), NOW_MS + i64::from(n), Initial::Pending, true)
}

/// A lead that is handed over in memory.
pub(crate) fn leased(n: u32) -> NewEvent {
    NewEvent { initial: Initial::Leased(LEASE), ..event(n) }
}

fn order_id(text: &str) -> OrderId {
    OrderId::parse(text).unwrap()
}

fn purchase(order: &str, initial: Initial) -> Box<NewEvent> {
    let id = EventId::of_purchase(&order_id(order));
    Box::new(NewEvent::new(&core_event("Purchase", id), NOW_MS, initial, false))
}

pub(crate) fn call() -> CallRecord {
    CallRecord {
        pixel: pixel(),
        started_ms: NOW_MS,
        duration_ms: 20,
        http_status: 200,
        meta_code: 0,
        meta_subcode: 0,
        fbtrace_id: "trace".into(),
        blamed_path: String::new(),
        batch_size: 1,
        shortfall: 0,
    }
}

fn result(event: &LeasedEvent, outcome: AttemptOutcome) -> AttemptResult {
    AttemptResult { seq: event.seq, lease_no: event.lease_no, outcome, code: "code" }
}

/// What can be leased at a time.
async fn lease(store: &Bench, now_ms: i64) -> Vec<LeasedEvent> {
    store.clock.set_ms(now_ms);
    store.queue.lease(pixel(), 100, LEASE).await.unwrap()
}

async fn state_of(store: &Outbox, id: &EventId) -> Option<State> {
    let key = EventKey { id: id.clone(), name: None, pixel: None };
    store.operators.find(key).await.unwrap().first().map(|(event, _)| event.state)
}

/// Entries in all states add up to what was accepted, and agree with the rows.
pub(crate) async fn check_totals(store: &Outbox, accepted: u64) {
    let figures = store.operators.figures(NOW_MS).await.unwrap();
    let total: u64 = State::ALL.iter().map(|state| figures.in_state(*state)).sum();
    assert_eq!(total, accepted, "{:?}", figures.backlog);
    for state in State::ALL {
        let filter = EventFilter { state: Some(state), ..EventFilter::default() };
        let rows = store.operators.list(filter, Page { below_seq: None, size: 100_000 }).await.unwrap();
        assert_eq!(rows.len() as u64, figures.in_state(state), "{state:?}");
    }
}

/// Runs every check, each on a store of its own. `G` keeps what the store lives in.
pub(crate) async fn run<G, F: Future<Output = (Bench, G)>>(make: impl Fn() -> F) {
    macro_rules! each {
        ($($check:ident),+ $(,)?) => {$(
            let (bench, guard) = make().await;
            $check(&bench).await;
            drop((bench, guard));
        )+};
    }
    each!(
        the_first_payload_under_a_key_wins,
        due_events_are_leased_once_and_in_order,
        a_lease_that_ran_out_fences_late_results,
        results_move_events_and_are_kept_as_attempts,
        a_delivered_event_keeps_the_names_of_its_keys_only,
        released_events_made_no_attempt,
        confirmations_count_what_was_merged,
        a_page_cannot_have_fired_before_the_event_happened,
        an_order_and_its_purchase_change_together,
        a_purchase_that_left_is_neither_replaced_nor_stopped,
        a_purchase_that_comes_back_is_stopped_by_what_happened_meanwhile,
        delivered_purchases_are_counted_by_who_brought_their_signals,
        a_webhook_acts_once,
        followers_go_where_the_purchase_goes,
        orders_are_listed_newest_first_and_page_by_page,
        held_and_unassigned_events_come_free,
        sweeping_keeps_what_is_not_finished,
        pages_follow_each_other,
        replay_starts_a_new_schedule_under_the_same_id,
        a_replay_that_may_count_twice_must_be_asked_for,
        an_erased_person_is_nowhere_and_nothing_of_them_is_sent,
        what_is_erased_on_its_way_is_not_sent_again,
        a_pause_is_remembered,
        watchers_hear_of_each_change,
        purged_dead_letters_are_gone_and_nothing_else_is,
        dead_webhooks_are_listed_in_pages_and_purged,
        what_grew_too_old_becomes_a_dead_letter_wherever_it_waits,
        a_clock_set_forward_ends_no_lease,
        what_only_strangers_spoke_of_is_forgotten_after_seven_days,
        a_clock_set_back_stops_no_schedule,
        results_of_large_batches_are_recorded_whole,
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
        "by due time, not by position"
    );
    assert!(lease(store, NOW_MS + 1).await.is_empty(), "what is left is not due yet");
    assert_eq!(lease(store, NOW_MS + 10).await.len(), 1);
    assert!(lease(store, NOW_MS + 10).await.is_empty());
    check_totals(store, 3).await;
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
        assert!(lease(store, now_ms).await.is_empty(), "not before its time");
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

async fn a_delivered_event_keeps_the_names_of_its_keys_only(store: &Bench) {
    store.events.append(event(0)).await.unwrap();
    let leased = lease(store, NOW_MS).await;
    assert!(leased[0].payload.personal_json.as_ref().is_some_and(|json| json.contains("fb.1.")));
    store.queue.record(call(), vec![result(&leased[0], AttemptOutcome::Delivered)]).await.unwrap();
    let (view, _) = store.operators.find(key(0)).await.unwrap().remove(0);
    assert_eq!(view.keys.names(), ["fbp", "client_user_agent"]);
    // Whatever is leased from now on, the person is not in it.
    assert!(lease(store, NOW_MS + 10 * LEASE_MS).await.is_empty());
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

async fn confirmations_count_what_was_merged(store: &Bench) {
    for n in 0..3 {
        store.events.append(event(n)).await.unwrap();
    }
    // One is confirmed before it is delivered, one after, one was blocked, one is unknown.
    let confirmed = store.events.confirm(pixel(), vec![fired(0)]).await.unwrap();
    assert_eq!(confirmed, Confirmed { accepted: 1, unknown: 0 });
    let leased = lease(store, NOW_MS + 10).await;
    let results = leased.iter().map(|event| result(event, AttemptOutcome::Delivered)).collect();
    store.queue.record(call(), results).await.unwrap();
    let later = vec![fired(1), Confirmation { outcome: BrowserOutcome::Blocked, ..fired(2) }, fired(9)];
    assert_eq!(
        store.events.confirm(pixel(), later.clone()).await.unwrap(),
        Confirmed { accepted: 2, unknown: 1 }
    );
    store.events.confirm(pixel(), later).await.unwrap();
    // The unknown one was early: its event comes after it.
    store.events.append(event(9)).await.unwrap();
    let leased = lease(store, NOW_MS + 10).await;
    store.queue.record(call(), vec![result(&leased[0], AttemptOutcome::Delivered)]).await.unwrap();
    let figures = store.operators.figures(NOW_MS).await.unwrap();
    assert_eq!(figures.total(Metric::DeliveredWithBrowser), 4);
    assert_eq!(figures.total(Metric::Deduplicated), 3, "each once, however often it is reported");
}

async fn a_page_cannot_have_fired_before_the_event_happened(store: &Bench) {
    store.events.append(event(0)).await.unwrap();
    let forged = Confirmation { at_s: 0, ..fired(0) };
    store.events.confirm(pixel(), vec![forged]).await.unwrap();
    assert_eq!(lease(store, NOW_MS).await[0].fired_s, Some(NOW_MS / 1000));
}

async fn held_and_unassigned_events_come_free(store: &Bench) {
    store.events.append(NewEvent { initial: Initial::Held("why".into()), ..event(1) }).await.unwrap();
    assert!(lease(store, NOW_MS + LEASE_MS).await.is_empty());
    assert_eq!(store.queue.release_held("other").await.unwrap(), 0);
    assert_eq!(store.queue.release_held("why").await.unwrap(), 1);
    store.events.append(NewEvent { pixel: PixelId::unassigned(), ..event(2) }).await.unwrap();
    assert_eq!(store.operators.adopt_unassigned(pixel()).await.unwrap(), 1);
    assert_eq!(lease(store, NOW_MS + LEASE_MS).await.len(), 2);
    check_totals(store, 2).await;
}

async fn sweeping_keeps_what_is_not_finished(store: &Bench) {
    const DAY_MS: i64 = 24 * 3600 * 1000;
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
    assert_eq!(state_of(store, &id(1)).await, None, "and the dead letter");
    assert_eq!(state_of(store, &id(2)).await, Some(State::Pending));
    check_totals(store, 3).await;
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
