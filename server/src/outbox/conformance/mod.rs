//! What every engine behind [`Outbox`] must do, as a suite that runs against any of them: a
//! part per trait.

use std::sync::Arc;
use std::time::Duration;

use tandem_core::custom_data::CustomData;
use tandem_core::event::{ActionSource, Event, Page as EventPage};
use tandem_core::id::{EventId, EventName, OrderId, PixelId};
use tandem_core::order::WithholdReason;
use tandem_core::user_data::UserData;

use super::*;
use crate::clock::Clock;

/// Runs checks, each on a store of its own.
macro_rules! each {
    ($make:ident, [$($check:ident),+ $(,)?]) => {$(
        let (bench, guard) = $make().await;
        $check(&bench).await;
        drop((bench, guard));
    )+};
}

mod clock;
mod events;
mod operators;
mod orders;
mod queue;

/// The suite's time, Unix milliseconds.
pub(crate) const NOW_MS: i64 = 1_763_942_400_000;
const DAY_MS: i64 = 24 * 3600 * 1000;
const LEASE_MS: i64 = 60_000;
const LEASE: Duration = Duration::from_secs(60);

/// An engine under test, and the clock it goes by.
pub(crate) struct Bench {
    pub(crate) outbox: Outbox,
    /// The same store as another server has it. An engine that has its store to itself gives
    /// the same again.
    pub(crate) other: Outbox,
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
    events::run(&make).await;
    queue::run(&make).await;
    orders::run(&make).await;
    operators::run(&make).await;
    clock::run(&make).await;
}
