//! Writes on events: append and confirm.

use std::time::Duration;

use rusqlite::OptionalExtension as _;
use tandem_core::hash::Sha256Hex;
use tandem_core::id::PixelId;
use tandem_core::order::Environment;

use super::committer::Writer;
use super::given_up::GivenUp;
use super::sql::*;
use super::store::Embedded;
use crate::clock::millis;
use crate::outbox::{
    Appended, BrowserOutcome, Confirmation, Confirmed, Erased, Erasure, EventStore, Existing, Initial, Lane,
    Metric, NewEvent, OrderKey, State, StoreError,
};

#[async_trait::async_trait]
impl EventStore for Embedded {
    async fn append(&self, event: NewEvent) -> Result<Appended, StoreError> {
        self.write(Lane::Page, move |writer, now_ms| writer.append(&event, now_ms)).await
    }

    async fn confirm(
        &self,
        pixel: PixelId,
        environment: Environment,
        confirmations: Vec<Confirmation>,
    ) -> Result<Confirmed, StoreError> {
        self.write(Lane::Page, move |writer, now_ms| {
            writer.confirm(&pixel, environment, &confirmations, now_ms)
        })
        .await
    }

    async fn erase(&self, digests: Vec<Sha256Hex>, how: Erasure) -> Result<Erased, StoreError> {
        self.erase_person(digests, how).await
    }
}

/// How an entry's initial state is stored.
pub(super) struct Entry<'a> {
    pub(super) state: State,
    pub(super) due_ms: Option<i64>,
    pub(super) code: Option<&'a str>,
    pub(super) finished_ms: Option<i64>,
    pub(super) keeps_person: bool,
}

impl<'a> Entry<'a> {
    pub(super) fn of(event: &'a NewEvent, now_ms: i64) -> Self {
        let now = event.received_ms;
        let after = |wait: &Duration| Some(now_ms.saturating_add(millis(*wait)));
        let (state, due_ms, code, finished_ms) = match &event.initial {
            // The clock may have been set back since the event was received.
            Initial::Pending => (State::Pending, Some(now.min(now_ms)), None, None),
            Initial::Leased(holder) => (State::InFlight, after(&holder.span()), None, None),
            Initial::WaitingJoin(wait) => (State::WaitingJoin, after(wait), None, None),
            Initial::Held(code) => (State::Held, None, Some(code.as_str()), None),
            Initial::Suppressed(code) => (State::Suppressed, None, Some(code.as_str()), Some(now)),
            Initial::DeadLetter(code) => (State::DeadLetter, None, Some(code.as_str()), Some(now)),
        };
        // An event that is never sent needs no personal data.
        Self { state, due_ms, code, finished_ms, keeps_person: state != State::Suppressed }
    }
}

impl Writer {
    /// Stores an event, or returns the first event under its key.
    pub(super) fn append(&mut self, event: &NewEvent, now_ms: i64) -> rusqlite::Result<Appended> {
        let pixel = self.pixel(&event.pixel)?;
        let entry = Entry::of(event, now_ms);
        let mut insert = self.db.prepare_cached(sql!(
            "INSERT INTO events (seq, pixel, name, id, state, due_ms, lease_no, received_ms, time_s, finished_ms,
                                 order_id, keys, contact, code, facts, person, action_source, has_page,
                                 environment, finished_run_ms, spelling)
             VALUES ({next}, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19,
                     ?20)
             ON CONFLICT DO NOTHING",
            next = next_position("events", "seq")
        ))?;
        let inserted = insert.execute(rusqlite::params![
            pixel,
            event.name.as_str(),
            event.id.key(),
            entry.state as u8,
            entry.due_ms,
            u32::from(entry.state == State::InFlight),
            event.received_ms,
            event.time_s,
            entry.finished_ms,
            event.order.as_ref().map(tandem_core::id::OrderId::as_str),
            event.payload.keys.0,
            event.browser_contact,
            entry.code,
            event.payload.public_json,
            event.payload.personal_json.as_deref().filter(|_| entry.keeps_person),
            event.payload.action_source.as_str(),
            event.payload.has_page,
            number(event.environment),
            self.time.run_ms,
            event.id.spelling(),
        ])?;
        drop(insert);
        let (now, name) = (event.received_ms, event.name.as_str());
        if inserted == 0 {
            self.counts.count(now, pixel, name, Metric::Duplicate, 1);
            return self.existing(pixel, event).map(Appended::Duplicate);
        }
        let metric = if entry.state == State::Suppressed { Metric::Suppressed } else { Metric::Accepted };
        self.counts.count(now, pixel, name, metric, 1);
        if entry.state == State::DeadLetter {
            self.counts.count(now, pixel, name, Metric::DeadLetter, 1);
            let code = entry.code.unwrap_or_default().to_owned();
            self.given_up.push(GivenUp { name: name.to_owned(), id: event.id.as_str().to_owned(), code });
        }
        self.counts.state(pixel, entry.state, 1);
        let seq = self.db.last_insert_rowid().unsigned_abs();
        self.changed(seq);
        if let Initial::Leased(holder) = &event.initial {
            self.leased(holder, seq, event);
        }
        if let Some(early) = self.early.take(pixel, name, event.id.key(), now) {
            self.confirm_one(pixel, event.environment, &early, now)?;
        }
        Ok(Appended::New { seq })
    }

    fn existing(&self, pixel: i64, event: &NewEvent) -> rusqlite::Result<Existing> {
        self.db
            .prepare_cached(
                "SELECT state, facts, code, ifnull(spelling, id) FROM events
                 WHERE id = ?1 AND name = ?2 AND pixel = ?3 AND environment = ?4",
            )?
            .query_row((event.id.key(), event.name.as_str(), pixel, number(event.environment)), |row| {
                let (state, id) = (state(row.get(0)?), event_id(row, 3)?);
                Ok(Existing { id, state, public_json: row.get(1)?, code: row.get(2)? })
            })
    }

    /// Notes that a page asked about an event, so that its copy is to be expected.
    pub(super) fn expect_browser(&mut self, seq: u64, now_ms: i64) -> rusqlite::Result<()> {
        let found: Option<(i64, i64, String)> = self
            .db
            .prepare_cached(
                "UPDATE events SET contact = 1 WHERE seq = ?1 AND contact = 0 RETURNING state, pixel, name",
            )?
            .query_row([seq], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
            .optional()?;
        if let Some((was, pixel, name)) = found
            && state(was) == State::Delivered
        {
            self.counts.count(now_ms, pixel, &name, Metric::DeliveredWithBrowser, 1);
        }
        Ok(())
    }

    /// Records what pages did with their copies.
    pub(super) fn confirm(
        &mut self,
        pixel: &PixelId,
        environment: Environment,
        confirmations: &[Confirmation],
        now_ms: i64,
    ) -> rusqlite::Result<Confirmed> {
        let pixel = self.pixel(pixel)?;
        let mut confirmed = Confirmed::default();
        for confirmation in confirmations {
            let known = match confirmation.purchase_order() {
                Some(order) => {
                    let key = OrderKey { environment, id: order };
                    self.confirm_purchase(&key, pixel, confirmation, now_ms)?
                }
                None => self.confirm_one(pixel, None, confirmation, now_ms)?,
            };
            *(if known { &mut confirmed.accepted } else { &mut confirmed.unknown }) += 1;
        }
        Ok(confirmed)
    }

    pub(super) fn confirm_one(
        &mut self,
        pixel: i64,
        environment: Option<Environment>,
        confirmation: &Confirmation,
        now_ms: i64,
    ) -> rusqlite::Result<bool> {
        let (name, id) = (confirmation.name.as_str(), confirmation.id.key());
        let found: Option<(u64, i64, Option<i64>, Option<i64>)> = self
            .db
            .prepare_cached(
                "SELECT seq, state, browser, finished_ms FROM events
                 WHERE id = ?1 AND name = ?2 AND pixel = ?3 AND environment = ?4",
            )?
            .query_row((id, name, pixel, number(environment)), |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
            })
            .optional()?;
        let Some((seq, was, browser, finished_ms)) = found else {
            self.early.keep(pixel, confirmation, now_ms);
            return Ok(false);
        };
        self.expect_browser(seq, now_ms)?;
        if browser == Some(BrowserOutcome::Fired as i64) {
            return Ok(true); // The first FIRED stays.
        }
        let fired = confirmation.outcome == BrowserOutcome::Fired;
        // A copy cannot be fired before its event happened. A forged time long ago would hold back
        // the server's copy (`dedup_window_passed`).
        let fired_s: Option<i64> = self
            .db
            .prepare_cached(
                "UPDATE events SET browser = ?2, fired_s = max(?3, time_s) WHERE seq = ?1 RETURNING fired_s",
            )?
            .query_row((seq, confirmation.outcome as u8, fired.then_some(confirmation.at_s)), |row| {
                row.get(0)
            })?;
        if fired && state(was) == State::Delivered && merges(fired_s, finished_ms.unwrap_or(now_ms)) {
            self.counts.count(now_ms, pixel, name, Metric::Deduplicated, 1);
        }
        Ok(true)
    }
}

/// How an event's environment is stored.
fn number(environment: Option<Environment>) -> u8 {
    environment.map_or(NO_MONEY, |environment| environment as u8)
}

/// Whether Meta merges a browser copy fired at `fired_s` with a server copy delivered at
/// `delivered_ms`.
pub(super) fn merges(fired_s: Option<i64>, delivered_ms: i64) -> bool {
    fired_s.is_some_and(|fired_s| {
        (delivered_ms / 1000).saturating_sub(fired_s).saturating_abs()
            < tandem_core::event::DEDUPLICATION_WINDOW_S
    })
}
