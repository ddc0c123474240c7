//! Results of Graph calls, and what they make of their events.

use rusqlite::{OptionalExtension as _, Row};
use tandem_core::code;
use tandem_core::id::{EventName, PixelId};

use super::committer::Writer;
use super::events::merges;
use super::queue::order_of;
use super::sql::*;
use crate::clock::millis;
use crate::outbox::{AttemptOutcome, AttemptResult, CallRecord, Metric, OrderKey, State};

/// Graph calls slower than this count as time-outs (Meta's recommended time-out).
const SLOW_CALL_MS: u32 = 1500;

/// An event after a result.
struct Updated {
    attempt_no: u32,
    name: String,
    contact: bool,
    fired_s: Option<i64>,
    state: State,
    order: Option<OrderKey>,
    stop_asked: bool,
}

impl Updated {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            attempt_no: row.get("attempts")?,
            name: row.get("name")?,
            contact: row.get("contact")?,
            fired_s: row.get("fired_s")?,
            state: state(row.get("state")?),
            order: order_of(row)?,
            stop_asked: row.get("stop_asked")?,
        })
    }
}

impl Writer {
    /// Records a Graph call and the results of its events. Returns the call's number.
    pub(super) fn record(
        &mut self,
        call: &CallRecord,
        results: &[AttemptResult],
        now_ms: i64,
    ) -> rusqlite::Result<i64> {
        let pixel = self.pixel(&call.pixel)?;
        self.db
            .prepare_cached(sql!(
                "INSERT INTO calls (no, pixel, started_ms, duration_ms, http_status, meta_code, meta_subcode,
                                    fbtrace_id, blamed_path, batch_size, started_run_ms)
                 VALUES ({next}, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
                next = next_position("calls", "no")
            ))?
            .execute(rusqlite::params![
                pixel,
                call.started_ms,
                call.duration_ms,
                call.http_status,
                call.meta_code,
                call.meta_subcode,
                call.fbtrace_id,
                call.blamed_path,
                call.batch_size,
                self.time.run_ms,
            ])?;
        let call_no = self.db.last_insert_rowid();
        if call.batch_size > 0 {
            self.counts.count(now_ms, pixel, "", Metric::GraphCall, 1);
            if call.http_status == 0 || call.duration_ms > SLOW_CALL_MS {
                self.counts.count(now_ms, pixel, "", Metric::GraphCallSlow, 1);
            }
        }
        if call.shortfall > 0 {
            self.counts.count(now_ms, pixel, "", Metric::Shortfall, call.shortfall.into());
        }
        self.record_results(&call.pixel, call_no, results, now_ms)?;
        Ok(call_no)
    }

    /// Records more results of a call.
    pub(super) fn record_results(
        &mut self,
        pixel: &PixelId,
        call_no: i64,
        results: &[AttemptResult],
        now_ms: i64,
    ) -> rusqlite::Result<()> {
        let pixel = self.pixel(pixel)?;
        results.iter().try_for_each(|result| self.record_one(pixel, call_no, result, now_ms))
    }

    fn record_one(
        &mut self,
        pixel: i64,
        call_no: i64,
        result: &AttemptResult,
        now_ms: i64,
    ) -> rusqlite::Result<()> {
        let (to, due_ms, finished_ms) = match result.outcome {
            AttemptOutcome::Delivered => (State::Delivered, None, Some(now_ms)),
            AttemptOutcome::Retry(wait) | AttemptOutcome::Unknown(wait) | AttemptOutcome::Held(wait) => {
                (State::Pending, Some(now_ms.saturating_add(millis(wait))), None)
            }
            AttemptOutcome::HeldAlone => (State::Held, None, None),
            AttemptOutcome::Refused => (State::DeadLetter, None, Some(now_ms)),
        };
        // The fence: a late result of an older lease changes nothing. What was erased while it
        // was out is never sent again.
        let updated = self
            .db
            .prepare_cached(sql!(
                "UPDATE events SET attempts = attempts + 1, person = iif(?3 = {DELIVERED}, NULL, person),
                        state = iif(?3 != {DELIVERED} AND person IS NULL, {SUPPRESSED}, ?3),
                        due_ms = iif(person IS NULL, NULL, ?4),
                        finished_ms = iif(person IS NULL, ?7, ?5), finished_run_ms = ?9,
                        code = iif(?3 != {DELIVERED} AND person IS NULL, ?8, ?6)
                 WHERE seq = ?1 AND lease_no = ?2 AND state = {IN_FLIGHT}
                 RETURNING attempts, name, contact, fired_s, state, stop_asked, environment, order_id"
            ))?
            .query_row(
                (
                    result.seq,
                    result.lease_no,
                    to as u8,
                    due_ms,
                    finished_ms,
                    (to != State::Delivered).then_some(result.code),
                    now_ms,
                    code::ERASED,
                    self.time.run_ms,
                ),
                Updated::read,
            )
            .optional()?;
        let Some(Updated { attempt_no, name, contact, fired_s, state: to, order, stop_asked }) = updated
        else {
            return Ok(());
        };
        let purchase = order.filter(|_| name == EventName::purchase().as_str());
        self.db
            .prepare_cached(
                "INSERT INTO attempts (seq, attempt_no, call, result, code) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute((result.seq, attempt_no, call_no, result.outcome.name(), result.code))?;
        self.counts.moved(pixel, State::InFlight, to);
        self.changed(result.seq);
        match to {
            State::Delivered => {
                self.counts.count(now_ms, pixel, &name, Metric::Delivered, 1);
                if let Some(key) = &purchase {
                    self.purchase_delivered(pixel, key, now_ms)?;
                }
                if contact {
                    self.counts.count(now_ms, pixel, &name, Metric::DeliveredWithBrowser, 1);
                    if merges(fired_s, now_ms) {
                        self.counts.count(now_ms, pixel, &name, Metric::Deduplicated, 1);
                    }
                }
            }
            State::DeadLetter => self.counts.count(now_ms, pixel, &name, Metric::DeadLetter, 1),
            State::Suppressed => self.counts.count(now_ms, pixel, &name, Metric::Suppressed, 1),
            State::Pending | State::Held => {
                if let Some(key) = purchase.filter(|_| stop_asked) {
                    self.stop_what_came_back(&key, now_ms)?;
                }
            }
            _ => {}
        }
        Ok(())
    }
}
