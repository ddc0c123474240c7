//! Erasure of a person: their keys go from every event and order that still holds them.
//! Delivered events hold none any more. Looking through what is unfinished is a scan, made
//! by a reader; no index on personal data exists.

use rusqlite::{Connection, OptionalExtension as _};
use tandem_core::code;
use tandem_core::hash::Sha256Hex;
use tandem_core::order::Order;

use super::committer::Writer;
use super::sql::*;
use crate::outbox::{Erased, Metric, State};

/// Rows changed in one transaction.
const PART: usize = 500;

/// Rows that hold a person.
#[derive(Debug, Default)]
pub(super) struct Found {
    events: Vec<u64>,
    orders: Vec<String>,
}

impl Found {
    /// Takes as much as one transaction may change; `None` when nothing is left.
    pub(super) fn split_off_part(&mut self) -> Option<Self> {
        let events = self.events.split_off(self.events.len().saturating_sub(PART));
        let orders = self.orders.split_off(self.orders.len().saturating_sub(PART));
        (!events.is_empty() || !orders.is_empty()).then_some(Self { events, orders })
    }
}

/// Looks for rows that hold one of the digests.
pub(super) fn find(db: &Connection, digests: &[Sha256Hex]) -> rusqlite::Result<Found> {
    let mut found = Found::default();
    for digest in digests {
        let needle = digest.to_hex();
        let mut events =
            db.prepare_cached("SELECT seq FROM events WHERE person IS NOT NULL AND instr(person, ?1) > 0")?;
        for seq in events.query_map([&needle], |row| row.get(0))? {
            found.events.push(seq?);
        }
        let mut orders = db.prepare_cached(
            "SELECT id FROM orders INDEXED BY orders_signals WHERE stripped = 0 AND instr(state, ?1) > 0",
        )?;
        for id in orders.query_map([&needle], |row| row.get(0))? {
            found.orders.push(id?);
        }
    }
    found.events.sort_unstable();
    found.events.dedup();
    found.orders.sort_unstable();
    found.orders.dedup();
    Ok(found)
}

impl Writer {
    /// Removes the person from the rows that still hold one of the digests.
    pub(super) fn erase(
        &mut self,
        digests: &[Sha256Hex],
        rows: &Found,
        now_ms: i64,
    ) -> rusqlite::Result<Erased> {
        let needles: Vec<String> = digests.iter().map(|digest| digest.to_hex()).collect();
        let holds = |text: &str| needles.iter().any(|needle| text.contains(needle.as_str()));
        let mut erased = Erased::default();
        for seq in &rows.events {
            let found: Option<(i64, i64, String, String)> = self
                .db
                .prepare_cached(
                    "SELECT pixel, state, name, person FROM events WHERE seq = ?1 AND person IS NOT NULL",
                )?
                .query_row([seq], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))
                .optional()?;
            if let Some((pixel, was, name, person)) = found
                && holds(&person)
            {
                self.erase_event(*seq, pixel, state(was), &name, now_ms)?;
                erased.events += 1;
            }
        }
        for id in &rows.orders {
            let json: Option<String> = self
                .db
                .prepare_cached("SELECT state FROM orders WHERE id = ?1 AND stripped = 0")?
                .query_row([id], |row| row.get(0))
                .optional()?;
            let Some(json) = json.filter(|json| holds(json)) else { continue };
            let Ok(mut order) = serde_json::from_str::<Order>(&json) else { continue };
            // The stripped order stays, so that a late report makes no second Purchase.
            order.strip_signals();
            let json = serde_json::to_string(&order)
                .map_err(|e| rusqlite::Error::ToSqlConversionFailure(Box::new(e)))?;
            self.db
                .prepare_cached("UPDATE orders SET state = ?2, stripped = 1 WHERE id = ?1")?
                .execute((id, json))?;
            erased.orders += 1;
        }
        Ok(erased)
    }

    /// What waits is never sent; what is on its way ends as it ends, without its person.
    fn erase_event(
        &mut self,
        seq: u64,
        pixel: i64,
        was: State,
        name: &str,
        now_ms: i64,
    ) -> rusqlite::Result<()> {
        if was.waits() {
            self.db
                .prepare_cached(
                    sql!("UPDATE events SET person = NULL, state = {SUPPRESSED}, due_ms = NULL, code = ?2, finished_ms = ?3,
                            finished_run_ms = ?4
                     WHERE seq = ?1"),
                )?
                .execute((seq, code::ERASED, now_ms, self.time.run_ms))?;
            self.counts.moved(pixel, was, State::Suppressed);
            self.counts.count(now_ms, pixel, name, Metric::Suppressed, 1);
        } else {
            self.db.prepare_cached("UPDATE events SET person = NULL WHERE seq = ?1")?.execute([seq])?;
        }
        self.changed(seq);
        Ok(())
    }
}
