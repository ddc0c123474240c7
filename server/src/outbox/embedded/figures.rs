//! Figures for health, metrics and the dashboard. Their cost does not grow with the number of
//! stored rows: totals are kept on write, and ages come from the first entry of an index.

use std::collections::BTreeMap;

use rusqlite::Connection;
use tandem_core::code;
use tandem_core::order::look_guessable;
use tandem_core::user_data::KeySet;

use super::read::latest_dead_webhooks;
use super::sql::*;
use crate::outbox::{Figures, KeyCoverage, Metric, State};

/// How many of the latest events the match key coverage reads.
const COVERAGE_EVENTS: u32 = 1000;
/// Positions among which it looks for them: where most events are suppressed it finds fewer.
const COVERAGE_POSITIONS: u32 = 10_000;
/// Minutes of the figures' day.
const MINUTES: i64 = 24 * 60;
/// Latest orders whose IDs are judged.
const ORDERS_JUDGED: u32 = 100;
/// Reasons for which events are held one by one.
const HOLD_CODES: [&str; 3] = [code::SANDBOX_WITHOUT_TEST_CODE, code::OTHER_ENVIRONMENT, code::PAGE_MISSING];
/// Dead-lettered webhooks shown with the figures.
const DEAD_WEBHOOKS_SHOWN: usize = 20;

/// All figures as of `now_ms` (Unix milliseconds).
pub(super) fn figures(db: &Connection, now_ms: i64) -> rusqlite::Result<Figures> {
    let mut figures = Figures::default();

    let mut counts = db.prepare_cached(
        "SELECT name, metric, sum(n) FROM counts WHERE minute > ?1 AND minute < ?2 GROUP BY name, metric",
    )?;
    // What a clock that was ahead counted is of no day.
    let minute = now_ms.div_euclid(60_000);
    let mut rows = counts.query([minute - MINUTES, minute + MINUTES])?;
    while let Some(row) = rows.next()? {
        if let Some(metric) = metric(row.get(1)?) {
            figures.last_24h.entry(row.get(0)?).or_default().0.insert(metric, row.get(2)?);
        }
    }

    let mut totals =
        db.prepare_cached("SELECT pixels.id, state, n FROM totals JOIN pixels ON pixels.no = totals.pixel")?;
    let mut rows = totals.query([])?;
    while let Some(row) = rows.next()? {
        let backlog = figures.backlog.entry(row.get(0)?).or_default();
        backlog.states.insert(state(row.get(1)?), u64::try_from(row.get::<_, i64>(2)?).unwrap_or_default());
    }

    let pixels: Vec<(i64, String)> = db
        .prepare_cached("SELECT no, id FROM pixels")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    for (no, id) in pixels {
        for code in HOLD_CODES {
            let is_held = db
                .prepare_cached(sql!(
                    "SELECT EXISTS (SELECT 1 FROM events INDEXED BY events_held_code
                                    WHERE state = {HELD} AND pixel = ?1 AND code = ?2)"
                ))?
                .query_row((no, code), |row| row.get(0))?;
            if is_held {
                figures.backlog.entry(id.clone()).or_default().hold_codes.push(code);
            }
        }
        let oldest = db
            .prepare_cached("SELECT min(received_ms) FROM events INDEXED BY events_open WHERE pixel = ?1 AND due_ms IS NOT NULL")?
            .query_row([no], |row| row.get(0))?;
        if let Some(oldest_ms) = oldest {
            figures.backlog.entry(id).or_default().oldest_open_ms = Some(oldest_ms);
        }
    }

    figures.dead_webhooks = db
        .prepare_cached("SELECT count(*) FROM webhooks WHERE dead_letter IS NOT NULL")?
        .query_row([], |row| row.get(0))?;
    figures.latest_dead_webhooks = latest_dead_webhooks(db, DEAD_WEBHOOKS_SHOWN)?;

    figures.coverage = coverage(db)?;
    figures.orders = db
        .prepare_cached("SELECT coalesce(sum(n), 0), coalesce(sum(n * paid), 0) FROM order_totals")?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    figures.order_ids_guessable = order_ids_guessable(db)?;
    Ok(figures)
}

/// Judges the paid ones among the latest orders: what strangers make up says nothing about the shop.
fn order_ids_guessable(db: &Connection) -> rusqlite::Result<bool> {
    let ids: Vec<String> = db
        .prepare_cached(
            "SELECT id FROM (SELECT id, paid FROM orders ORDER BY rowid DESC LIMIT ?1) WHERE paid = 1",
        )?
        .query_map([ORDERS_JUDGED], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    Ok(look_guessable(ids.iter().map(String::as_str)))
}

fn coverage(db: &Connection) -> rusqlite::Result<KeyCoverage> {
    let mut coverage = KeyCoverage { events: 0, keys: BTreeMap::new() };
    let mut latest = db.prepare_cached(
        "SELECT keys FROM events WHERE state != ?1 AND seq > (SELECT max(seq) FROM events) - ?2
         ORDER BY seq DESC LIMIT ?3",
    )?;
    let mut rows = latest.query((State::Suppressed as u8, COVERAGE_POSITIONS, COVERAGE_EVENTS))?;
    while let Some(row) = rows.next()? {
        coverage.events += 1;
        for name in KeySet(row.get(0)?).names() {
            *coverage.keys.entry(name).or_default() += 1;
        }
    }
    Ok(coverage)
}

fn metric(number: i64) -> Option<Metric> {
    Metric::ALL.into_iter().find(|metric| *metric as i64 == number)
}
