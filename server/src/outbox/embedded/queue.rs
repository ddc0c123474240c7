//! The writes of delivery: leases, results, releases.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OptionalExtension as _, Row};
use tandem_core::capi::Payload;
use tandem_core::code;
use tandem_core::event::ActionSource;
use tandem_core::id::{EventId, OrderId, PixelId};
use tandem_core::order::Environment;
use tandem_core::user_data::KeySet;

use super::committer::Writer;
use super::given_up::GivenUp;
use super::sql::*;
use super::store::{EVENTS_PER_WRITE, Embedded};
use crate::clock::{TrustedTime, millis};
use crate::outbox::{
    AttemptResult, CallRecord, DeliveryQueue, LeasedEvent, Metric, OrderKey, State, StoreError,
};

#[async_trait::async_trait]
impl DeliveryQueue for Embedded {
    async fn has_due(&self, pixel: PixelId) -> Result<bool, StoreError> {
        self.follow_clock().await?;
        let now_ms = self.clock.now_ms();
        self.read(move |db| has_due(db, &pixel, now_ms)).await
    }

    async fn lease(
        &self,
        pixel: PixelId,
        max: usize,
        span: Duration,
    ) -> Result<Vec<LeasedEvent>, StoreError> {
        let mut leased = Vec::new();
        while leased.len() < max {
            let (pixel, part) = (pixel.clone(), (max - leased.len()).min(EVENTS_PER_WRITE));
            let more =
                self.write_patiently(move |writer, now_ms| writer.lease(&pixel, part, span, now_ms)).await;
            match more {
                Ok(more) => {
                    let is_last = more.len() < part;
                    leased.extend(more);
                    if is_last {
                        break;
                    }
                }
                // Events that are leased already are sent.
                Err(_) if !leased.is_empty() => break,
                Err(error) => return Err(error),
            }
        }
        Ok(leased)
    }

    async fn record(&self, call: CallRecord, results: Vec<AttemptResult>) -> Result<(), StoreError> {
        let pixel = call.pixel.clone();
        let mut results = results.into_iter();
        let part: Vec<_> = results.by_ref().take(EVENTS_PER_WRITE).collect();
        let call_no = self.write_patiently(move |writer, now_ms| writer.record(&call, &part, now_ms)).await?;
        loop {
            let (pixel, part) = (pixel.clone(), results.by_ref().take(EVENTS_PER_WRITE).collect::<Vec<_>>());
            if part.is_empty() {
                return Ok(());
            }
            self.write_patiently(move |writer, now_ms| writer.record_results(&pixel, call_no, &part, now_ms))
                .await?;
        }
    }

    async fn release(&self, leases: Vec<(u64, u32)>) -> Result<(), StoreError> {
        self.write_patiently(move |writer, now_ms| writer.release(&leases, now_ms)).await
    }

    async fn release_held(&self, code: &str, environment: Environment) -> Result<u64, StoreError> {
        let code = code.to_owned();
        self.write_patiently(move |writer, now_ms| writer.release_held(&code, environment, now_ms)).await
    }

    async fn hold_other_environments(&self, environment: Environment) -> Result<u64, StoreError> {
        self.write_patiently(move |writer, now_ms| {
            writer.release_held(code::OTHER_ENVIRONMENT, environment, now_ms)?;
            writer.hold_other_environments(environment)
        })
        .await
    }

    async fn expire(&self, max: usize) -> Result<usize, StoreError> {
        let Some(time) = self.clock.trusted() else { return Ok(0) };
        let seqs = self.read(move |db| too_old(db, time.oldest_event_s(), max)).await?;
        if seqs.is_empty() {
            return Ok(0);
        }
        // The clock may have been set meanwhile: the transaction's time decides.
        self.write_patiently(move |writer, now_ms| match writer.time.trusted {
            Some(time) => writer.expire(&seqs, time, now_ms),
            None => Ok(0),
        })
        .await
    }
}

impl Writer {
    /// Leases due events, the one due longest first.
    pub(super) fn lease(
        &mut self,
        pixel: &PixelId,
        max: usize,
        span: Duration,
        now_ms: i64,
    ) -> rusqlite::Result<Vec<LeasedEvent>> {
        let pixel = self.pixel(pixel)?;
        let (lease_ends, lease_until_ms) = (Instant::now() + span, now_ms.saturating_add(millis(span)));
        let mut select = self.db.prepare_cached(
            "SELECT seq, state, lease_no, attempts - replayed_at, time_s, fired_s, code,
                    facts, person, keys, action_source, has_page, stop_asked, environment, order_id
             FROM events
             WHERE pixel = ?1 AND due_ms <= ?2 ORDER BY due_ms LIMIT ?3",
        )?;
        let rows = select.query_map((pixel, now_ms, max), |row| {
            let was = state(row.get(1)?);
            let event = LeasedEvent {
                seq: row.get(0)?,
                lease_no: row.get::<_, u32>(2)?.wrapping_add(1),
                lease_ends,
                attempts: row.get(3)?,
                time_s: row.get(4)?,
                environment: environment_of(row)?,
                fired_s: row.get(5)?,
                last_code: row.get(6)?,
                payload: Arc::new(payload(row)?),
            };
            let stop_asked: bool = row.get("stop_asked")?;
            Ok((was, event, if stop_asked { order_of(row)? } else { None }))
        })?;
        let due: Vec<_> = rows.collect::<rusqlite::Result<_>>()?;
        drop(select);
        let mut leased = Vec::with_capacity(due.len());
        for (was, event, stopping) in due {
            // Whatever brought it back: what its order asked to stop does not leave again.
            let is_stopped = match stopping {
                Some(key) => self.stop_what_came_back(&key, now_ms)?,
                None => false,
            };
            if !is_stopped {
                leased.push((was, event));
            }
        }
        let mut lease = self.db.prepare_cached(sql!(
            "UPDATE events SET state = {IN_FLIGHT}, lease_no = ?2, due_ms = ?3 WHERE seq = ?1"
        ))?;
        for (was, event) in &leased {
            lease.execute((event.seq, event.lease_no, lease_until_ms))?;
            self.counts.moved(pixel, *was, State::InFlight);
        }
        Ok(leased.into_iter().map(|(_, event)| event).collect())
    }

    /// Gives leased events back without counting an attempt.
    pub(super) fn release(&mut self, leases: &[(u64, u32)], now_ms: i64) -> rusqlite::Result<()> {
        for (seq, lease_no) in leases {
            let pixel: Option<i64> = self
                .db
                .prepare_cached(sql!(
                    "UPDATE events SET state = {PENDING}, due_ms = ?3
                     WHERE seq = ?1 AND lease_no = ?2 AND state = {IN_FLIGHT} RETURNING pixel"
                ))?
                .query_row((seq, lease_no, now_ms), |row| row.get(0))
                .optional()?;
            if let Some(pixel) = pixel {
                self.counts.moved(pixel, State::InFlight, State::Pending);
            }
        }
        Ok(())
    }

    /// Lets events go that are held one by one under a code.
    pub(super) fn release_held(
        &mut self,
        code: &str,
        environment: Environment,
        now_ms: i64,
    ) -> rusqlite::Result<u64> {
        let released: Vec<i64> = self
            .db
            .prepare_cached(sql!(
                "UPDATE events SET state = {PENDING}, due_ms = ?2, code = NULL
                 WHERE state = {HELD} AND code = ?1 AND environment IN ({NO_MONEY}, ?3) RETURNING pixel"
            ))?
            .query_map((code, now_ms, environment as u8), |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        for pixel in &released {
            self.counts.moved(*pixel, State::Held, State::Pending);
        }
        Ok(released.len() as u64)
    }

    /// Holds what waits and speaks of another environment's money.
    fn hold_other_environments(&mut self, environment: Environment) -> rusqlite::Result<u64> {
        let mut held = 0;
        for was in [State::Pending, State::WaitingJoin] {
            // The index holds what waits and nothing else.
            let pixels: Vec<i64> = self
                .db
                .prepare_cached(sql!(
                    "UPDATE events SET state = {HELD}, due_ms = NULL, code = ?2
                     WHERE seq IN (SELECT seq FROM events INDEXED BY events_open
                                   WHERE due_ms IS NOT NULL AND environment NOT IN ({NO_MONEY}, ?1) AND state = ?3)
                     RETURNING pixel"
                ))?
                .query_map((environment as u8, code::OTHER_ENVIRONMENT, was as u8), |row| row.get(0))?
                .collect::<rusqlite::Result<_>>()?;
            pixels.iter().for_each(|pixel| self.counts.moved(*pixel, was, State::Held));
            held += pixels.len() as u64;
        }
        Ok(held)
    }

    /// Gives up what is still waiting among the events at these positions. What is on its
    /// way ends as it ends.
    pub(super) fn expire(&mut self, seqs: &[u64], time: TrustedTime, now_ms: i64) -> rusqlite::Result<usize> {
        let mut expired = 0;
        for seq in seqs {
            let found: Option<(i64, i64, String, EventId)> = self
                .db
                .prepare_cached(sql!(
                    "SELECT pixel, state, name, ifnull(spelling, id) FROM events
                     WHERE seq = ?1 AND time_s < ?2 AND state IN ({waiting})",
                    waiting = numbers(State::waits)
                ))?
                .query_row((seq, time.oldest_event_s()), |row| {
                    Ok((row.get(0)?, row.get(1)?, row.get(2)?, event_id(row, 3)?))
                })
                .optional()?;
            let Some((pixel, was, name, id)) = found else { continue };
            self.db
                .prepare_cached(sql!(
                    "UPDATE events SET state = {DEAD_LETTER}, due_ms = NULL, finished_ms = ?2, code = ?3,
                            finished_run_ms = ?4
                     WHERE seq = ?1"
                ))?
                .execute((seq, now_ms, code::TOO_OLD, self.time.run_ms))?;
            self.counts.moved(pixel, state(was), State::DeadLetter);
            self.counts.count(now_ms, pixel, &name, Metric::DeadLetter, 1);
            self.given_up.push(GivenUp { name, id: id.as_str().to_owned(), code: code::TOO_OLD.to_owned() });
            self.changed(*seq);
            expired += 1;
        }
        Ok(expired)
    }
}

/// Whether an event of a pixel is due.
fn has_due(db: &Connection, pixel: &PixelId, now_ms: i64) -> rusqlite::Result<bool> {
    db.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM events
                        WHERE pixel = (SELECT no FROM pixels WHERE id = ?1) AND due_ms <= ?2)",
    )?
    .query_row((pixel.as_str(), now_ms), |row| row.get(0))
}

/// Positions of at most `max` waiting events that happened before `limit_s` (Unix seconds). It
/// reads two indexes that hold only waiting events.
pub(super) fn too_old(db: &Connection, limit_s: i64, max: usize) -> rusqlite::Result<Vec<u64>> {
    let mut seqs = Vec::new();
    for sql in [
        "SELECT seq FROM events INDEXED BY events_open WHERE due_ms IS NOT NULL AND time_s < ?1 LIMIT ?2",
        sql!("SELECT seq FROM events INDEXED BY events_held WHERE state = {HELD} AND time_s < ?1 LIMIT ?2"),
    ] {
        let rest = max - seqs.len();
        let mut found = db.prepare_cached(sql)?;
        for seq in found.query_map((limit_s, rest), |row| row.get(0))? {
            seqs.push(seq?);
        }
    }
    Ok(seqs)
}

/// Whose money an event speaks of.
fn environment_of(row: &Row<'_>) -> rusqlite::Result<Option<Environment>> {
    let number: u8 = row.get("environment")?;
    Ok((number != NO_MONEY).then(|| Environment::from_number(number)))
}

/// The order of an event that speaks of its money.
pub(super) fn order_of(row: &Row<'_>) -> rusqlite::Result<Option<OrderKey>> {
    let id: Option<String> = row.get("order_id")?;
    let id = id.and_then(|id| OrderId::parse(&id).ok());
    Ok(environment_of(row)?.zip(id).map(|(environment, id)| OrderKey { environment, id }))
}

/// Reads what is sent of an event.
fn payload(row: &Row<'_>) -> rusqlite::Result<Payload> {
    let action_source: String = row.get("action_source")?;
    Ok(Payload {
        public_json: row.get("facts")?,
        personal_json: row.get("person")?,
        keys: KeySet(row.get("keys")?),
        // The writer stored it, so an unknown value means a damaged file. The strictest rules apply
        // then.
        action_source: ActionSource::parse(&action_source).unwrap_or(ActionSource::Website),
        has_page: row.get("has_page")?,
    })
}
