//! Erasure of a person: their keys go from every event and order that still holds them.
//! Delivered events hold none any more. No index on personal data exists, so that readers look
//! through the tables in steps. Orders come first: after that none makes an event with the person.

use rusqlite::{Connection, OptionalExtension as _};
use tandem_core::code;
use tandem_core::hash::Sha256Hex;
use tandem_core::order::Order;

use super::committer::Writer;
use super::sql::*;
use super::steps::Step;
use crate::outbox::{Erased, Metric, State};

/// Rows changed in one transaction.
pub(super) const PART: usize = 500;

/// What may hold a person.
#[derive(Debug, Clone, Copy)]
pub(super) enum Table {
    Orders,
    Events,
}

/// Looks for rows that hold one of the digests: one step of the search.
pub(super) fn find(
    db: &Connection,
    table: Table,
    digests: &[Sha256Hex],
    below_seq: Option<u64>,
) -> rusqlite::Result<Step<u64>> {
    let (name, sql) = match table {
        Table::Orders => (
            "orders",
            "SELECT rowid FROM orders WHERE rowid >= ?1 AND rowid < ?2 AND stripped = 0 AND instr(state, ?3) > 0",
        ),
        Table::Events => (
            "events",
            "SELECT seq FROM events WHERE seq >= ?1 AND seq < ?2 AND person IS NOT NULL AND instr(person, ?3) > 0",
        ),
    };
    Step::through(db, name, below_seq, |seqs| {
        let mut found = Vec::new();
        for digest in digests {
            let mut rows = db.prepare_cached(sql)?;
            for seq in rows.query_map((seqs.start, seqs.end, digest.to_hex()), |row| row.get(0))? {
                found.push(seq?);
            }
        }
        found.sort_unstable();
        found.dedup();
        Ok(found)
    })
}

impl Writer {
    /// Removes the person from those of these rows that still hold one of the digests.
    pub(super) fn erase(
        &mut self,
        table: Table,
        digests: &[Sha256Hex],
        rows: &[u64],
        now_ms: i64,
    ) -> rusqlite::Result<Erased> {
        let needles: Vec<String> = digests.iter().map(|digest| digest.to_hex()).collect();
        let mut erased = Erased::default();
        for seq in rows {
            match table {
                Table::Events => erased.events += u64::from(self.erase_from_event(*seq, &needles, now_ms)?),
                Table::Orders => erased.orders += u64::from(self.erase_from_order(*seq, &needles)?),
            }
        }
        Ok(erased)
    }

    fn erase_from_event(&mut self, seq: u64, needles: &[String], now_ms: i64) -> rusqlite::Result<bool> {
        let found: Option<(i64, i64, String, String)> = self
            .db
            .prepare_cached(
                "SELECT pixel, state, name, person FROM events WHERE seq = ?1 AND person IS NOT NULL",
            )?
            .query_row([seq], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))
            .optional()?;
        let Some((pixel, was, name, person)) = found else { return Ok(false) };
        let is_theirs = holds(&person, needles);
        if is_theirs {
            self.erase_event(seq, pixel, state(was), &name, now_ms)?;
        }
        Ok(is_theirs)
    }

    /// The stripped order stays, so that a late report makes no second Purchase.
    fn erase_from_order(&mut self, rowid: u64, needles: &[String]) -> rusqlite::Result<bool> {
        let json: Option<String> = self
            .db
            .prepare_cached("SELECT state FROM orders WHERE rowid = ?1 AND stripped = 0")?
            .query_row([rowid], |row| row.get(0))
            .optional()?;
        let Some(json) = json.filter(|json| holds(json, needles)) else { return Ok(false) };
        let Ok(mut order) = serde_json::from_str::<Order>(&json) else { return Ok(false) };
        order.strip_signals();
        let json = serde_json::to_string(&order)
            .map_err(|e| rusqlite::Error::ToSqlConversionFailure(Box::new(e)))?;
        self.db
            .prepare_cached("UPDATE orders SET state = ?2, stripped = 1 WHERE rowid = ?1")?
            .execute((rowid, json))?;
        Ok(true)
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

fn holds(text: &str, needles: &[String]) -> bool {
    needles.iter().any(|needle| text.contains(needle.as_str()))
}
