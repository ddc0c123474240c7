//! The read-only queries.

use std::ops::Range;

use rusqlite::types::Value;
use rusqlite::{Connection, Row, params_from_iter};
use tandem_core::id::{EventName, PixelId};
use tandem_core::user_data::KeySet;

use super::sql::*;
use super::steps::Step;
use crate::outbox::{
    AttemptView, BrowserOutcome, DeadWebhook, DeadWebhookFilter, EventFilter, EventKey, EventView,
    OrderFilter, OrderView, Page, State,
};

const EVENT_COLUMNS: &str =
    "events.seq, pixels.id, events.name, ifnull(spelling, events.id), state, order_id, time_s, received_ms, due_ms,
     finished_ms, attempts, code, keys, browser, fired_s, person IS NOT NULL";

/// Events, newest first: one step of the search.
pub(super) fn list(db: &Connection, filter: &EventFilter, page: Page) -> rusqlite::Result<Step<EventView>> {
    Step::through(db, "events", page.below_seq, |seqs| list_in(db, filter, seqs, page.size))
}

fn list_in(
    db: &Connection,
    filter: &EventFilter,
    seqs: Range<u64>,
    max: usize,
) -> rusqlite::Result<Vec<EventView>> {
    // Dead letters are few among many: they have an index of their own.
    // (A value that is bound would not let it be used.)
    let (index, of_index) = match filter.state {
        Some(State::DeadLetter) => ("INDEXED BY events_dead", sql!("state = {DEAD_LETTER} AND")),
        _ => ("", ""),
    };
    let mut sql = format!(
        "SELECT {EVENT_COLUMNS} FROM events {index} JOIN pixels ON pixels.no = events.pixel
         WHERE {of_index} events.seq >= ? AND events.seq < ?"
    );
    let mut values = bounds(&seqs);
    let mut and = |condition: &str, value: Option<Value>| {
        if let Some(value) = value {
            sql.push_str(" AND ");
            sql.push_str(condition);
            values.push(value);
        }
    };
    and("events.name = ?", filter.name.clone().map(Value::Text));
    // The row of an event that waits for a held pixel says pending, but the event counts as held.
    let held = serde_json::to_string(&filter.held_pixels).unwrap_or_default();
    let of_held = "pixels.id IN (SELECT value FROM json_each(?))";
    let (condition, value) = match filter.state {
        Some(State::Held) => {
            (format!("(state = {HELD} OR (state = {PENDING} AND {of_held}))"), Some(Value::Text(held)))
        }
        Some(State::Pending) => (format!("state = {PENDING} AND NOT {of_held}"), Some(Value::Text(held))),
        other => ("state = ?".to_owned(), other.map(|state| Value::Integer(state as i64))),
    };
    and(&condition, value);
    and("order_id = ?", filter.order_id.clone().map(Value::Text));
    and("pixels.id = ?", filter.pixel.clone().map(Value::Text));
    and("received_ms >= ?", filter.received_from_ms.map(Value::Integer));
    and("received_ms < ?", filter.received_before_ms.map(Value::Integer));
    and("events.id = ?", filter.id.clone().map(Value::Text));
    and("code = ?", filter.code.clone().map(Value::Text));
    and("finished_ms >= ?", filter.finished_from_ms.map(Value::Integer));
    and("finished_ms < ?", filter.finished_before_ms.map(Value::Integer));
    sql.push_str(" ORDER BY events.seq DESC LIMIT ?");
    values.push(Value::Integer(i64::try_from(max).unwrap_or(i64::MAX)));
    db.prepare_cached(&sql)?.query_map(params_from_iter(values), view)?.collect()
}

fn bounds(seqs: &Range<u64>) -> Vec<Value> {
    [seqs.start, seqs.end].map(|seq| Value::Integer(i64::try_from(seq).unwrap_or(i64::MAX))).into()
}

pub(super) fn at(db: &Connection, seqs: &[u64]) -> rusqlite::Result<Vec<EventView>> {
    let seqs = serde_json::to_string(seqs).unwrap_or_default();
    db.prepare_cached(&format!(
        "SELECT {EVENT_COLUMNS} FROM events JOIN pixels ON pixels.no = events.pixel
         WHERE events.seq IN (SELECT value FROM json_each(?1)) ORDER BY events.seq"
    ))?
    .query_map([seqs], view)?
    .collect()
}

pub(super) fn paused(db: &Connection) -> rusqlite::Result<Vec<PixelId>> {
    db.prepare_cached("SELECT id FROM pixels WHERE paused = 1")?
        .query_map([], |row| PixelId::parse(&row.get::<_, String>(0)?).map_err(|e| unreadable(0, e)))?
        .collect()
}

pub(super) fn find(db: &Connection, key: &EventKey) -> rusqlite::Result<Vec<(EventView, Vec<AttemptView>)>> {
    let found: Vec<EventView> = db
        .prepare_cached(&format!(
            "SELECT {EVENT_COLUMNS} FROM events JOIN pixels ON pixels.no = events.pixel
             WHERE events.id = ?1 AND (?2 IS NULL OR events.name = ?2) AND (?3 IS NULL OR pixels.id = ?3) LIMIT 20"
        ))?
        .query_map((key.id.key(), &key.name, &key.pixel), view)?
        .collect::<rusqlite::Result<_>>()?;
    found.into_iter().map(|event| attempts(db, event.seq).map(|attempts| (event, attempts))).collect()
}

fn attempts(db: &Connection, seq: u64) -> rusqlite::Result<Vec<AttemptView>> {
    db.prepare_cached(
        "SELECT attempt_no, started_ms, duration_ms, result, code, http_status, meta_code, meta_subcode, fbtrace_id,
                batch_size, blamed_path
         FROM attempts JOIN calls ON calls.no = attempts.call WHERE seq = ?1 ORDER BY attempt_no",
    )?
    .query_map([seq], |row| {
        Ok(AttemptView {
            attempt_no: row.get(0)?,
            started_ms: row.get(1)?,
            duration_ms: row.get(2)?,
            result: row.get(3)?,
            code: row.get(4)?,
            http_status: row.get(5)?,
            meta_code: row.get(6)?,
            meta_subcode: row.get(7)?,
            fbtrace_id: row.get(8)?,
            batch_size: row.get(9)?,
            blamed_path: row.get(10)?,
        })
    })?
    .collect()
}

fn view(row: &Row<'_>) -> rusqlite::Result<EventView> {
    Ok(EventView {
        seq: row.get(0)?,
        pixel: PixelId::parse(&row.get::<_, String>(1)?).map_err(|e| unreadable(1, e))?,
        name: EventName::parse(&row.get::<_, String>(2)?).map_err(|e| unreadable(2, e))?,
        id: event_id(row, 3)?,
        state: state(row.get(4)?),
        order_id: row.get(5)?,
        time_s: row.get(6)?,
        received_ms: row.get(7)?,
        due_ms: row.get(8)?,
        finished_ms: row.get(9)?,
        attempts: row.get(10)?,
        code: row.get(11)?,
        keys: KeySet(row.get(12)?),
        browser: row.get::<_, Option<i64>>(13)?.and_then(BrowserOutcome::from_number),
        fired_s: row.get(14)?,
        has_person: row.get(15)?,
    })
}

const WEBHOOK_COLUMNS: &str = "seq, kind, order_id, dead_letter, received_ms, body_sha256, body_bytes";

/// Dead-lettered webhooks, newest first: one step of the search.
pub(super) fn dead_webhooks(
    db: &Connection,
    filter: &DeadWebhookFilter,
    page: Page,
) -> rusqlite::Result<Step<DeadWebhook>> {
    Step::through(db, "webhooks", page.below_seq, |seqs| {
        db.prepare_cached(&format!(
            "SELECT {WEBHOOK_COLUMNS} FROM webhooks
             WHERE dead_letter IS NOT NULL AND seq >= ?1 AND seq < ?2 AND (?3 IS NULL OR dead_letter = ?3)
                 AND (?4 IS NULL OR received_ms >= ?4) AND (?5 IS NULL OR received_ms < ?5)
             ORDER BY seq DESC LIMIT ?6"
        ))?
        .query_map(
            (
                seqs.start,
                seqs.end,
                &filter.code,
                filter.received_from_ms,
                filter.received_before_ms,
                page.size,
            ),
            webhook,
        )?
        .collect()
    })
}

/// The latest dead-lettered webhooks, by their index.
pub(super) fn latest_dead_webhooks(db: &Connection, max: usize) -> rusqlite::Result<Vec<DeadWebhook>> {
    db.prepare_cached(&format!(
        "SELECT {WEBHOOK_COLUMNS} FROM webhooks INDEXED BY webhooks_dead
         WHERE dead_letter IS NOT NULL ORDER BY received_ms DESC LIMIT ?1"
    ))?
    .query_map([max], webhook)?
    .collect()
}

fn webhook(row: &Row<'_>) -> rusqlite::Result<DeadWebhook> {
    Ok(DeadWebhook {
        seq: row.get(0)?,
        kind: row.get(1)?,
        order_id: row.get(2)?,
        code: row.get(3)?,
        received_ms: row.get(4)?,
        body_sha256: row.get(5)?,
        body_bytes: row.get(6)?,
    })
}

/// Orders, newest first: one step of the search.
pub(super) fn list_orders(
    db: &Connection,
    filter: &OrderFilter,
    page: Page,
) -> rusqlite::Result<Step<OrderView>> {
    Step::through(db, "orders", page.below_seq, |seqs| list_orders_in(db, filter, &seqs, page.size))
}

fn list_orders_in(
    db: &Connection,
    filter: &OrderFilter,
    seqs: &Range<u64>,
    max: usize,
) -> rusqlite::Result<Vec<OrderView>> {
    let mut sql =
        "SELECT rowid, state, created_ms, updated_ms FROM orders WHERE rowid >= ? AND rowid < ?".to_owned();
    let mut values = bounds(seqs);
    let mut and = |condition: &str, value: Option<Value>| {
        if let Some(value) = value {
            sql.push_str(condition);
            values.push(value);
        }
    };
    and(" AND id = ?", filter.id.as_ref().map(|id| Value::Text(id.as_str().to_owned())));
    and(" AND paid = ?", filter.paid_only.then_some(Value::Integer(1)));
    and(" AND updated_ms >= ?", filter.updated_from_ms.map(Value::Integer));
    and(" AND updated_ms < ?", filter.updated_before_ms.map(Value::Integer));
    sql.push_str(" ORDER BY rowid DESC LIMIT ?");
    values.push(Value::Integer(i64::try_from(max).unwrap_or(i64::MAX)));
    let mut statement = db.prepare_cached(&sql)?;
    let rows = statement.query_map(params_from_iter(values), |row| {
        let json: String = row.get(1)?;
        let order = serde_json::from_str(&json).map_err(|error| unreadable(1, error))?;
        Ok(OrderView { seq: row.get(0)?, order, created_ms: row.get(2)?, updated_ms: row.get(3)? })
    })?;
    rows.collect()
}
