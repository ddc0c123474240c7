//! What every engine behind [`Outbox`] must do: a suite that runs against any engine, with one part
//! per trait.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tandem_core::custom_data::CustomData;
use tandem_core::event::{ActionSource, Event, Page as EventPage};
use tandem_core::hash::Sha256Hex;
use tandem_core::id::{EventId, EventName, OrderId, PixelId};
use tandem_core::normalise::MatchKey;
use tandem_core::order::WithholdReason;
use tandem_core::order::{BrowserSalt, Environment};
use tandem_core::page_url::PageUrl;
use tandem_core::user_data::UserData;

use super::*;
use crate::clock::Clock;
use crate::outbox::{OrderEffects, OrderStep};

/// Runs each check on a store of its own.
macro_rules! each {
    ($make:ident, [$($check:ident),+ $(,)?]) => {$(
        let (bench, guard) = $make().await;
        $check(&bench).await;
        drop((bench, guard));
    )+};
}

mod clock;
mod erasure;
mod events;
mod operators;
mod orders;
mod purchases;
mod queue;

/// The suite's time, Unix milliseconds.
pub(crate) const NOW_MS: i64 = 1_763_942_400_000;
const DAY_MS: i64 = 24 * 3600 * 1000;
const LEASE_MS: i64 = 60_000;
const LEASE: Duration = Duration::from_secs(60);

/// An engine under test, and its clock.
pub(crate) struct Bench {
    pub(crate) outbox: Outbox,
    /// The same store as another server sees it. For an engine that serves one process only, this
    /// is the same value again.
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
        page: EventPage {
            event_source_url: PageUrl::clean("https://shop.example/").map(|(url, _)| url),
            referrer_url: None,
        },
        user_data,
        custom_data: CustomData::default(),
        limited_data_use: None,
        opt_out: false,
    }
}

/// The key of lead `n`.
pub(crate) fn key(n: u32) -> EventKey {
    EventKey { id: id(n), name: None, pixel: None }
}

/// A page's report that it fired its copy of lead `n`.
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

/// Who holds the leases of events that are stored already leased, and what was handed over.
#[derive(Debug, Clone, Default)]
pub(crate) struct Holder(Arc<Mutex<Vec<u64>>>);

impl LeaseHolder for Holder {
    fn span(&self) -> Duration {
        LEASE
    }

    fn take(&self, seq: u64, _: HandedEvent) {
        self.0.lock().unwrap().push(seq);
    }
}

impl Holder {
    pub(crate) fn taken(&self) -> Vec<u64> {
        self.0.lock().unwrap().clone()
    }

    pub(crate) fn lease(&self) -> Initial {
        Initial::Leased(Arc::new(self.clone()))
    }
}

/// A lead that is handed over in memory.
pub(crate) fn leased(n: u32) -> NewEvent {
    NewEvent { initial: Holder::default().lease(), ..event(n) }
}

/// A usable webhook of one order.
pub(crate) fn webhook(event_key: &str) -> WebhookRecord {
    WebhookRecord {
        account: "cashfree:SANDBOX".into(),
        event_key: event_key.into(),
        kind: "PAYMENT_SUCCESS_WEBHOOK".into(),
        order_id: Some("A".into()),
        received_ms: NOW_MS,
        dead_letter: None,
        extract: "{}".into(),
        body_sha256: "00".into(),
        body_bytes: 2,
    }
}

fn order_id(text: &str) -> OrderId {
    OrderId::parse(text).unwrap()
}

pub(crate) fn order_key(text: &str) -> OrderKey {
    OrderKey { environment: Environment::Production, id: order_id(text) }
}

/// Something that speaks of an order's money.
fn of_money(event: NewEvent) -> NewEvent {
    NewEvent { environment: Some(Environment::Production), ..event }
}

fn purchase(order: &str, initial: Initial) -> Box<NewEvent> {
    let id = EventId::of_purchase(&order_id(order));
    let mut event = core_event("Purchase", id);
    event.custom_data.order_id = Some(order_id(order));
    Box::new(of_money(NewEvent::new(&event, NOW_MS, initial, false)))
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

/// What a person leaves in a call: an event with their digest, and a claim of their order, whose contact grows.
pub(crate) async fn leave_person(store: &Outbox, n: usize, round: usize, digest: Sha256Hex) {
    let number = u32::try_from(n * 10 + round).unwrap();
    let fbp = format!("fb.1.1.{n}");
    let mut event = core_event("Lead", id(number));
    event.user_data.fbp = Some(fbp.clone());
    event.user_data.set(MatchKey::Email, digest);
    store.events.append(NewEvent::new(&event, NOW_MS, Initial::Pending, true)).await.unwrap();
    let step: OrderStep = Box::new(move |order| {
        let mut contact = orders::claimed(Some(&fbp));
        contact.user_data.set(MatchKey::Email, digest);
        let value = "x".repeat(700);
        contact.custom_data.properties = (0..=round).map(|n| (format!("p{n}"), value.clone())).collect();
        if round == 1 {
            contact.custom_data.content_name = Some(value.clone());
        }
        if round == 2 {
            contact.custom_data.search_string = Some(value);
        }
        order.add_contact(&contact, &SALT);
        OrderEffects::default()
    });
    store.orders.update(Lane::Shop, order_key(&format!("A-{n}")), pixel(), None, step).await.unwrap();
}

/// What orders keep the browsers of people who refuse with.
const SALT: BrowserSalt = BrowserSalt::new([7; 32]);

/// Leases what is due at `now_ms`.
async fn lease(store: &Bench, now_ms: i64) -> Vec<LeasedEvent> {
    store.clock.set_ms(now_ms);
    store.queue.lease(pixel(), 100, LEASE).await.unwrap()
}

async fn state_of(store: &Outbox, id: &EventId) -> Option<State> {
    let key = EventKey { id: id.clone(), name: None, pixel: None };
    store.operators.find(key).await.unwrap().first().map(|(event, _)| event.state)
}

/// Checks that the totals per state add up to `accepted` and agree with the rows.
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

/// Runs every check on a store of its own. `G` keeps alive what the store lives in.
pub(crate) async fn run<G, F: Future<Output = (Bench, G)>>(make: impl Fn() -> F) {
    events::run(&make).await;
    erasure::run(&make).await;
    queue::run(&make).await;
    orders::run(&make).await;
    purchases::run(&make).await;
    operators::run(&make).await;
    clock::run(&make).await;
}
