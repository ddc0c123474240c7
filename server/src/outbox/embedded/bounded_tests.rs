//! No query of an operator holds a read transaction open for long, however much is stored: what cannot use an index
//! goes in steps. Counted in steps of SQLite's virtual machine, which depend on neither the machine nor its load.

use std::cell::Cell;
use std::time::Duration;

use rusqlite::Connection;
use tandem_core::hash::Sha256Hex;
use tandem_core::id::{EventId, OrderId};
use tandem_core::order::Environment;

use super::*;
use crate::clock::Clock;
use crate::outbox::conformance::{self, NOW_MS};
use crate::outbox::{
    DeadWebhookFilter, Erasure, EventFilter, EventKey, EventStore as _, OperatorStore as _, OrderFilter,
    OrderStore as _, Page, State,
};

/// SQLite calls back after so many steps.
const EVERY: i32 = 100;
/// Rows of each large table: several times what one step goes through.
const ROWS: u32 = 150_000;
/// Most steps of one query. Going through all rows takes three for each.
const STEPS_MAX: u64 = 250_000;

thread_local! {
    static STEPS: Cell<u64> = const { Cell::new(0) };
}

/// Counts the steps of a connection's queries.
pub(super) fn counted(mut db: Connection) -> Connection {
    let count = || {
        STEPS.set(STEPS.get() + u64::from(EVERY.unsigned_abs()));
        false
    };
    db.progress_handler(EVERY, Some(count)).unwrap();
    db
}

/// Steps of this thread's queries since the last call.
pub(super) fn steps_taken() -> u64 {
    STEPS.take()
}

/// Fills a store with delivered events, paid orders and webhooks that could be used, and a few other ones at the
/// far end.
fn fill(db: &Connection) {
    db.execute_batch(&format!(
        "BEGIN;
         INSERT INTO pixels (no, id) VALUES (1, '123456789012345');
         CREATE TEMP VIEW n AS WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS})
             SELECT i FROM n;
         INSERT INTO events (seq, pixel, name, id, state, received_ms, time_s, finished_ms, keys, contact, facts, person)
             SELECT i, 1, 'Lead', printf('0198c5f0-0000-7000-8000-%012x', i), {delivered}, {NOW_MS}, {NOW_MS} / 1000,
                 {NOW_MS}, 0, 0, '{{}}', NULL FROM n;
         UPDATE events SET name = 'Contact', order_id = 'far', person = '{{}}', state = {dead}, code = 'far'
             WHERE seq < 4;
         INSERT INTO orders (environment, id, pixel, state, paid, created_ms, updated_ms)
             SELECT 1, 'KB-' || i, 1, '{{}}', 0, {NOW_MS}, {NOW_MS} FROM n;
         INSERT INTO webhooks (account, event_key, kind, received_ms, extract, body_sha256, body_bytes, dead_letter)
             SELECT 'a', i, 'PAID', {NOW_MS}, '{{}}', '00', 1, iif(i < 4, 'far', NULL) FROM n;
         DROP VIEW n;
         COMMIT;",
        delivered = State::Delivered as u8,
        dead = State::DeadLetter as u8,
    ))
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn no_query_goes_through_everything_in_one_transaction() {
    let dir = tempfile::tempdir().unwrap();
    fill(&open::open(dir.path(), NOW_MS).unwrap().writer);
    let store = Embedded::open(dir.path(), Clock::fixed(NOW_MS + 1000)).unwrap();
    let page = Page { below_seq: None, size: 100 };
    let mut costs = Vec::new();
    let mut cost = |what: &'static str| costs.push((what, store.longest_query()));

    let far = |text: &str| Some(text.to_owned());
    let any = EventFilter::default;
    for (what, filter, found) in [
        ("events by name", EventFilter { name: far("Contact"), ..any() }, 3),
        ("events by state", EventFilter { state: Some(State::Pending), ..any() }, 0),
        (
            "dead letters by code",
            EventFilter { state: Some(State::DeadLetter), code: far("far"), ..any() },
            3,
        ),
        ("held events", EventFilter { state: Some(State::Held), ..any() }, 0),
        ("events by order", EventFilter { order_id: far("far"), ..any() }, 3),
        ("events by pixel", EventFilter { pixel: far("1"), ..any() }, 0),
        ("events by time", EventFilter { received_before_ms: Some(0), ..any() }, 0),
        ("events by ID", EventFilter { id: far("0198c5f0-0000-7000-8000-000000000001"), ..any() }, 1),
        ("all events", any(), 100),
    ] {
        assert_eq!(store.list(filter, page).await.unwrap().len(), found, "{what}");
        cost(what);
    }
    let unpaid = OrderFilter { updated_from_ms: Some(NOW_MS + 1), ..OrderFilter::default() };
    assert!(store.list_orders(unpaid, page).await.unwrap().is_empty());
    cost("orders by time");
    let paid = OrderFilter { paid_only: true, ..OrderFilter::default() };
    assert!(store.list_orders(paid, page).await.unwrap().is_empty());
    cost("paid orders");
    let id = OrderFilter { id: Some(OrderId::parse("none").unwrap()), ..OrderFilter::default() };
    assert!(store.list_orders(id, page).await.unwrap().is_empty());
    cost("an order by ID");
    assert_eq!(store.dead_webhooks(DeadWebhookFilter::default(), page).await.unwrap().len(), 3);
    cost("dead webhooks");
    let figures = store.figures(NOW_MS).await.unwrap();
    assert_eq!((figures.dead_webhooks, figures.latest_dead_webhooks.len()), (3, 3));
    cost("figures");
    let key = EventKey { id: EventId::parse("lead-far-away").unwrap(), name: None, pixel: None };
    assert!(store.find(key).await.unwrap().is_empty());
    cost("an event");
    store.at([1, 2, 3].into()).await.unwrap();
    cost("events that changed");
    store.paused().await.unwrap();
    store.order(conformance::order_key("none")).await.unwrap();
    store.orders_to_ask(Environment::Production, 10).await.unwrap();
    cost("an order");
    store.erase(vec![Sha256Hex::of_bytes(b"nobody")], Erasure::Erase).await.unwrap();
    cost("erasure");
    store.sweep(Duration::from_secs(3600), 10).await.unwrap();

    eprintln!("{costs:#?}");
    let long: Vec<_> = costs.into_iter().filter(|(_, steps)| *steps > STEPS_MAX).collect();
    assert!(long.is_empty(), "they go through everything: {long:?}");
}
