//! Retention: deletes what is past its time. Each step reads no more rows than it deletes, so
//! that ingest goes on in between.
//!
//! Ages are running time, from when a row finished, changed last or came ([`super::run_time`]).
//! Only the counts per minute go by the date. All of it needs a trusted time: a clock that is in
//! doubt is an operator's to look at first.

use tandem_core::event::{DEDUPLICATION_WINDOW_S, EVENT_AGE_MAX_S};
use tandem_core::order::Order;

use super::committer::Writer;
use super::run_time::STEP_MS;
use super::sql::*;
use crate::clock::TrustedTime;
use crate::outbox::State;

/// How long an order is remembered at most, days. This is longer than any late report takes.
const TOMBSTONE_DAYS: i64 = 400;
/// Shortest time for which anything finished is kept, and a dead letter its person, milliseconds:
/// as long as it can be of use to Meta, and a day for a person to look.
const KEPT_MS_MIN: i64 = (EVENT_AGE_MAX_S + 24 * 3600) * 1000;

impl Writer {
    /// Deletes what is past its time, at most `max` rows of each kind. Returns how many.
    pub(super) fn sweep(
        &mut self,
        time: TrustedTime,
        retention_ms: i64,
        max: usize,
    ) -> rusqlite::Result<usize> {
        let retention_ms = retention_ms.max(KEPT_MS_MIN);
        let before_run_ms = self.run_before(retention_ms);
        let mut rows = self.sweep_events(before_run_ms, max)?;
        // Dead letters lose their person once Meta would no longer take them anyway.
        rows += self
            .db
            .prepare_cached(sql!(
                "UPDATE events SET person = NULL WHERE seq IN (
                     SELECT seq FROM events INDEXED BY events_dead_person
                     WHERE state = {DEAD_LETTER} AND person IS NOT NULL AND finished_run_ms <= ?1 LIMIT ?2)"
            ))?
            .execute((self.run_before(KEPT_MS_MIN), max))?;
        rows += self.strip_orders(max)?;
        rows += self.forget_orders(max)?;
        // Rows are in the order of their running times: only the first ones can be old enough.
        for (sql, limit) in [
            (
                "DELETE FROM calls WHERE no IN (SELECT no FROM calls ORDER BY no LIMIT ?2) AND started_run_ms <= ?1",
                before_run_ms,
            ),
            (
                "DELETE FROM webhooks WHERE seq IN (SELECT seq FROM webhooks ORDER BY seq LIMIT ?2)
                     AND received_run_ms <= ?1",
                before_run_ms,
            ),
            (
                "DELETE FROM counts WHERE (minute, pixel, name, metric) IN
                     (SELECT minute, pixel, name, metric FROM counts WHERE minute < ?1 LIMIT ?2)",
                time.now_ms().saturating_sub(retention_ms).div_euclid(60_000),
            ),
        ] {
            rows += self.db.prepare_cached(sql)?.execute((limit, max))?;
        }
        Ok(rows)
    }

    /// The running time an age ago. What is stamped with it or earlier is at least that old.
    fn run_before(&self, age_ms: i64) -> i64 {
        // A stamp may be one step early.
        self.time.run_ms.saturating_sub(age_ms).saturating_sub(STEP_MS)
    }

    /// Deletes finished events, those that finished first.
    fn sweep_events(&mut self, before_run_ms: i64, max: usize) -> rusqlite::Result<usize> {
        let gone: Vec<(u64, i64, i64)> = self
            .db
            .prepare_cached(sql!(
                "DELETE FROM events WHERE seq IN (
                     SELECT seq FROM events INDEXED BY events_finished
                     WHERE finished_ms IS NOT NULL AND finished_run_ms <= ?1 ORDER BY finished_run_ms LIMIT ?2)
                     AND state IN ({finished})
                 RETURNING seq, pixel, state",
                finished = numbers(State::is_finished)
            ))?
            .query_map((before_run_ms, max), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
            .collect::<rusqlite::Result<_>>()?;
        for (seq, pixel, was) in &gone {
            self.db.prepare_cached("DELETE FROM attempts WHERE seq = ?1")?.execute([seq])?;
            self.counts.state(*pixel, state(*was), -1);
        }
        Ok(gone.len())
    }

    /// Orders lose people's signals once their Purchase is delivered and no page could
    /// fire it any more, or after 7 days.
    fn strip_orders(&mut self, max: usize) -> rusqlite::Result<usize> {
        let settled = self.run_before(DEDUPLICATION_WINDOW_S * 1000);
        let expired = self.run_before(EVENT_AGE_MAX_S * 1000);
        let due: Vec<(i64, String)> = self
            .db
            .prepare_cached(sql!(
                "SELECT rowid, state FROM orders INDEXED BY orders_signals
                 WHERE stripped = 0 AND updated_run_ms <= ?1 AND (updated_run_ms <= ?2 OR (paid = 1
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

    /// Deletes orders that nobody paid. Paid orders stay longer, so that a late report makes no
    /// second Purchase.
    fn forget_orders(&mut self, max: usize) -> rusqlite::Result<usize> {
        let mut forgotten = 0;
        for (sql, paid, age_ms) in [
            (
                "DELETE FROM orders WHERE rowid IN (SELECT rowid FROM orders INDEXED BY orders_unpaid
                     WHERE paid = 0 AND updated_run_ms <= ?1 ORDER BY updated_run_ms LIMIT ?2)",
                false,
                EVENT_AGE_MAX_S * 1000,
            ),
            (
                "DELETE FROM orders WHERE rowid IN (SELECT rowid FROM orders INDEXED BY orders_paid
                     WHERE paid = 1 AND updated_run_ms <= ?1 ORDER BY updated_run_ms LIMIT ?2)",
                true,
                TOMBSTONE_DAYS * 24 * 3600 * 1000,
            ),
        ] {
            let gone = self.db.prepare_cached(sql)?.execute((self.run_before(age_ms), max))?;
            self.counts.orders(paid, -i64::try_from(gone).unwrap_or_default());
            forgotten += gone;
        }
        Ok(forgotten)
    }
}
