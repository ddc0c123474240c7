//! Erasure of a person: their keys go from every event and order that still holds them.
//! Delivered events hold none any more. Looking through what is unfinished is a scan;
//! no index on personal data exists.

use tandem_core::code;
use tandem_core::hash::Sha256Hex;
use tandem_core::order::Order;

use super::committer::Writer;
use super::events::state;
use crate::outbox::{Erased, Metric, State};

impl Writer {
    pub(super) fn erase(&mut self, digests: &[Sha256Hex], now_ms: i64) -> rusqlite::Result<Erased> {
        let mut erased = Erased::default();
        for digest in digests {
            let needle = digest.to_hex();
            let events: Vec<(u64, i64, i64, String)> = self
                .db
                .prepare_cached(
                    "SELECT seq, pixel, state, name FROM events WHERE person IS NOT NULL AND instr(person, ?1) > 0",
                )?
                .query_map([&needle], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?
                .collect::<rusqlite::Result<_>>()?;
            for (seq, pixel, was, name) in events {
                self.erase_event(seq, pixel, state(was), &name, now_ms)?;
                erased.events += 1;
            }
            let orders: Vec<(String, String)> = self
                .db
                .prepare_cached("SELECT id, state FROM orders WHERE stripped = 0 AND instr(state, ?1) > 0")?
                .query_map([&needle], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect::<rusqlite::Result<_>>()?;
            for (id, json) in orders {
                let Ok(mut order) = serde_json::from_str::<Order>(&json) else { continue };
                // What remains is the tombstone: a late fact makes no second Purchase.
                order.strip_signals();
                let json = serde_json::to_string(&order)
                    .map_err(|e| rusqlite::Error::ToSqlConversionFailure(Box::new(e)))?;
                self.db
                    .prepare_cached("UPDATE orders SET state = ?2, stripped = 1 WHERE id = ?1")?
                    .execute((id, json))?;
                erased.orders += 1;
            }
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
        if matches!(was, State::Pending | State::WaitingJoin | State::Held) {
            self.db
                .prepare_cached(
                    "UPDATE events SET person = NULL, state = 6, due_ms = NULL, code = ?2, finished_ms = ?3
                     WHERE seq = ?1",
                )?
                .execute((seq, code::ERASED, now_ms))?;
            self.ledger.moved(pixel, was, State::Suppressed);
            self.ledger.count(now_ms, pixel, name, Metric::Suppressed, 1);
        } else {
            self.db.prepare_cached("UPDATE events SET person = NULL WHERE seq = ?1")?.execute([seq])?;
        }
        self.changed(seq);
        Ok(())
    }
}
