//! Retention: deletes rows that are older than their limit. Each step reads no more rows than it
//! deletes, so that ingest continues in between.

use tandem_core::event::{DEDUPLICATION_WINDOW_S, EVENT_AGE_MAX_S};
use tandem_core::order::Order;

use super::committer::Writer;
use super::sql::*;
use crate::outbox::State;

/// How long an order is remembered at most, days. This is longer than any late report takes.
const TOMBSTONE_DAYS: i64 = 400;
/// How long a dead letter keeps its person, milliseconds: as long as Meta would take it, and one
/// more day for a person to look.
const DEAD_PERSON_MS: i64 = (EVENT_AGE_MAX_S + 24 * 3600) * 1000;

impl Writer {
    /// Deletes rows that are older than their limit, at most `max` of each kind. Returns how many.
    pub(super) fn sweep(&mut self, now_ms: i64, retention_ms: i64, max: usize) -> rusqlite::Result<usize> {
        let before = now_ms.saturating_sub(retention_ms);
        let mut rows = self.sweep_events(before, max)?;
        // Dead letters lose their person once Meta would no longer take them.
        rows += self
            .db
            .prepare_cached(sql!(
                "UPDATE events SET person = NULL WHERE seq IN (
                     SELECT seq FROM events INDEXED BY events_dead_person
                     WHERE state = {DEAD_LETTER} AND person IS NOT NULL AND finished_ms < ?1 LIMIT ?2)"
            ))?
            .execute((now_ms.saturating_sub(DEAD_PERSON_MS), max))?;
        rows += self.strip_orders(now_ms, max)?;
        rows += self.forget_orders(now_ms, max)?;
        // Rows are in the order of their times, so only the first ones can be old enough.
        for (sql, limit) in [
            (
                "DELETE FROM calls WHERE no IN (SELECT no FROM calls ORDER BY no LIMIT ?2) AND started_ms < ?1",
                before,
            ),
            (
                "DELETE FROM webhooks WHERE seq IN (SELECT seq FROM webhooks ORDER BY seq LIMIT ?2) AND received_ms < ?1",
                before,
            ),
            (
                "DELETE FROM counts WHERE (minute, pixel, name, metric) IN
                     (SELECT minute, pixel, name, metric FROM counts WHERE minute < ?1 LIMIT ?2)",
                before.div_euclid(60_000),
            ),
        ] {
            rows += self.db.prepare_cached(sql)?.execute((limit, max))?;
        }
        Ok(rows)
    }

    /// Deletes finished events. After 7 days every event is finished, so the oldest rows can always
    /// be deleted. The newest row stays, because positions must keep growing.
    fn sweep_events(&mut self, before_ms: i64, max: usize) -> rusqlite::Result<usize> {
        let gone: Vec<(u64, i64, i64)> = self
            .db
            .prepare_cached(sql!(
                "DELETE FROM events WHERE seq IN (SELECT seq FROM events ORDER BY seq LIMIT ?2)
                     AND received_ms < ?1 AND state IN ({finished}) AND seq < (SELECT max(seq) FROM events)
                 RETURNING seq, pixel, state",
                finished = numbers(State::is_finished)
            ))?
            .query_map((before_ms, max), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
            .collect::<rusqlite::Result<_>>()?;
        for (seq, pixel, was) in &gone {
            self.db.prepare_cached("DELETE FROM attempts WHERE seq = ?1")?.execute([seq])?;
            self.counts.state(*pixel, state(*was), -1);
        }
        Ok(gone.len())
    }

    /// Removes people's signals from orders: once the Purchase is delivered and no page can fire it
    /// any more, or after 7 days.
    fn strip_orders(&mut self, now_ms: i64, max: usize) -> rusqlite::Result<usize> {
        let settled = now_ms.saturating_sub(DEDUPLICATION_WINDOW_S * 1000);
        let expired = now_ms.saturating_sub(EVENT_AGE_MAX_S * 1000);
        let due: Vec<(i64, String)> = self
            .db
            .prepare_cached(sql!(
                "SELECT rowid, state FROM orders INDEXED BY orders_signals
                 WHERE stripped = 0 AND updated_ms < ?1 AND (updated_ms < ?2 OR (paid = 1
                     AND EXISTS (SELECT 1 FROM events WHERE events.id = 'purchase_' || orders.id
                                 AND events.name = 'Purchase' AND events.environment = orders.environment
                                 AND events.state = {DELIVERED})))
                 LIMIT ?3"
            ))?
            .query_map((settled, expired, max), |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<rusqlite::Result<_>>()?;
        for (row, json) in &due {
            let stripped = match serde_json::from_str::<Order>(json) {
                Ok(mut order) => {
                    order.strip_signals();
                    serde_json::to_string(&order).unwrap_or_else(|_| json.clone())
                }
                // An unreadable order stays as it is, so that a person can look at it.
                Err(_) => json.clone(),
            };
            self.db
                .prepare_cached("UPDATE orders SET state = ?2, stripped = 1 WHERE rowid = ?1")?
                .execute((row, stripped))?;
        }
        Ok(due.len())
    }

    /// Deletes orders that have not changed for long. Paid orders stay longer than unpaid ones, so
    /// that a late report causes no second Purchase.
    fn forget_orders(&mut self, now_ms: i64, max: usize) -> rusqlite::Result<usize> {
        let mut forgotten = 0;
        for (sql, paid, age_ms) in [
            (
                "DELETE FROM orders WHERE rowid IN (SELECT rowid FROM orders INDEXED BY orders_unpaid
                     WHERE paid = 0 AND updated_ms < ?1 ORDER BY updated_ms LIMIT ?2)",
                false,
                EVENT_AGE_MAX_S * 1000,
            ),
            (
                "DELETE FROM orders WHERE rowid IN (SELECT rowid FROM orders INDEXED BY orders_paid
                     WHERE paid = 1 AND updated_ms < ?1 ORDER BY updated_ms LIMIT ?2)",
                true,
                TOMBSTONE_DAYS * 24 * 3600 * 1000,
            ),
        ] {
            let gone = self.db.prepare_cached(sql)?.execute((now_ms.saturating_sub(age_ms), max))?;
            self.counts.orders(paid, -i64::try_from(gone).unwrap_or_default());
            forgotten += gone;
        }
        Ok(forgotten)
    }
}
