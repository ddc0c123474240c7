//! The Purchase of an order and the refund events that follow it. A Purchase can be placed,
//! stopped, delivered or come back undelivered.

use std::time::Duration;

use rusqlite::OptionalExtension as _;
use tandem_core::code;
use tandem_core::id::{EventId, EventName};
use tandem_core::order::{Order, SignalSource, WithholdReason};

use super::committer::Writer;
use super::events::Entry;
use super::sql::*;
use crate::outbox::{Appended, Ask, Initial, Metric, NewEvent, OrderKey, PurchaseChange, State};

/// A stored Purchase, or an event that follows one.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    pub(super) seq: u64,
    pixel: i64,
    name: String,
    state: State,
    due_ms: Option<i64>,
    code: Option<String>,
    /// It was withheld when it was placed, so that it never counted as accepted.
    was_never_accepted: bool,
}

impl Stored {
    /// Whether it waits, or came back: nobody returned it before its lease ended.
    fn is_here(&self, now_ms: i64) -> bool {
        let has_lease_ended =
            || self.state == State::InFlight && self.due_ms.is_some_and(|at_ms| at_ms <= now_ms);
        self.state.waits() || has_lease_ended()
    }

    /// Whether its order may still decide about it: it has not left, and nobody erased its person.
    fn is_open(&self) -> bool {
        let is_withheld = || WithholdReason::ALL.iter().any(|why| self.code.as_deref() == Some(why.code()));
        self.state.waits() || (self.state == State::Suppressed && is_withheld())
    }
}

impl Writer {
    /// The Purchase of an order, whichever pixel it is placed for.
    pub(super) fn purchase_of(&self, key: &OrderKey) -> rusqlite::Result<Option<Stored>> {
        self.of_order(key, &EventName::purchase(), &EventId::of_purchase(&key.id))
    }

    fn of_order(&self, key: &OrderKey, name: &EventName, id: &EventId) -> rusqlite::Result<Option<Stored>> {
        self.db
            .prepare_cached(
                "SELECT seq, pixel, state, due_ms, code, lease_no = 0 AND received_ms IS finished_ms FROM events
                 WHERE id = ?1 AND name = ?2 AND environment = ?3 ORDER BY seq LIMIT 1",
            )?
            .query_row((id.key(), name.as_str(), key.environment as u8), |row| {
                Ok(Stored {
                    seq: row.get(0)?,
                    pixel: row.get(1)?,
                    name: name.as_str().to_owned(),
                    state: state(row.get(2)?),
                    due_ms: row.get(3)?,
                    code: row.get(4)?,
                    was_never_accepted: row.get(5)?,
                })
            })
            .optional()
    }

    /// Places or stops an order's Purchase. `None`: it has left, or there is none to stop.
    pub(super) fn change_purchase(
        &mut self,
        key: &OrderKey,
        change: &PurchaseChange,
        now_ms: i64,
    ) -> rusqlite::Result<Option<Appended>> {
        let stored = self.purchase_of(key)?;
        match (stored, change) {
            (None, PurchaseChange::Place(event)) => self.append(event, now_ms).map(Some),
            (None, PurchaseChange::Stop(_)) => Ok(None),
            (Some(stored), PurchaseChange::Place(event)) => self.replace(&stored, event, now_ms),
            (Some(stored), PurchaseChange::Stop(why)) => self.stop(&stored, why.code(), now_ms),
        }
    }

    /// Puts a Purchase into the place of one that is still here.
    fn replace(
        &mut self,
        stored: &Stored,
        event: &NewEvent,
        now_ms: i64,
    ) -> rusqlite::Result<Option<Appended>> {
        if !stored.is_open() {
            return Ok(None);
        }
        let pixel = self.pixel(&event.pixel)?;
        let entry = Entry::of(event, now_ms);
        self.db
            .prepare_cached(
                "UPDATE events SET state = ?2, due_ms = ?3, code = ?4, finished_ms = ?5, lease_no = lease_no + 1,
                        time_s = ?6, keys = ?7, contact = max(contact, ?8), facts = ?9, person = ?10,
                        action_source = ?11, has_page = ?12, pixel = ?13, stop_asked = 0, finished_run_ms = ?14
                 WHERE seq = ?1",
            )?
            .execute(rusqlite::params![
                stored.seq,
                entry.state as u8,
                entry.due_ms,
                entry.code,
                entry.finished_ms,
                event.time_s,
                event.payload.keys.0,
                event.browser_contact,
                event.payload.public_json,
                event.payload.personal_json.as_deref().filter(|_| entry.keeps_person),
                event.payload.action_source.as_str(),
                event.payload.has_page,
                pixel,
                self.time.run_ms,
            ])?;
        self.counts.state(stored.pixel, stored.state, -1);
        self.counts.state(pixel, entry.state, 1);
        self.changed(stored.seq);
        let suppressed =
            i64::from(entry.state == State::Suppressed) - i64::from(stored.state == State::Suppressed);
        let (at_ms, name) = (event.received_ms, event.name.as_str());
        self.counts.count(at_ms, pixel, name, Metric::Suppressed, suppressed);
        if suppressed < 0 && stored.was_never_accepted {
            self.counts.count(at_ms, pixel, name, Metric::Accepted, 1);
        }
        Ok(Some(Appended::New { seq: stored.seq }))
    }

    /// Stops an event that waits. One that is on its way, or was given up, is stopped when it is
    /// to be leased again.
    fn stop(&mut self, stored: &Stored, code: &str, now_ms: i64) -> rusqlite::Result<Option<Appended>> {
        if !stored.is_here(now_ms) {
            self.db
                .prepare_cached(sql!(
                    "UPDATE events SET stop_asked = 1 WHERE seq = ?1 AND state IN ({IN_FLIGHT}, {DEAD_LETTER})"
                ))?
                .execute([stored.seq])?;
            return Ok(None);
        }
        self.db
            .prepare_cached(sql!(
                "UPDATE events SET state = {SUPPRESSED}, code = ?2, due_ms = NULL, finished_ms = ?3, person = NULL,
                        stop_asked = 0, finished_run_ms = ?4
                 WHERE seq = ?1"
            ))?
            .execute((stored.seq, code, now_ms, self.time.run_ms))?;
        self.counts.moved(stored.pixel, stored.state, State::Suppressed);
        self.counts.count(now_ms, stored.pixel, &stored.name, Metric::Suppressed, 1);
        self.changed(stored.seq);
        Ok(Some(Appended::New { seq: stored.seq }))
    }

    /// Records on the order that its Purchase was delivered, and counts where its signals came
    /// from.
    pub(super) fn purchase_delivered(
        &mut self,
        pixel: i64,
        key: &OrderKey,
        now_ms: i64,
    ) -> rusqlite::Result<()> {
        let order = self.readable_order(key)?;
        let from = order.as_ref().map_or(SignalSource::Nobody, Order::signals_from);
        self.counts.count(now_ms, pixel, EventName::purchase().as_str(), Metric::of_signals(from), 1);
        if let Some(mut order) = order
            && order.mark_delivered()
        {
            self.write_order(&order, Ask::AsPlanned, now_ms, false)?;
        }
        Ok(())
    }

    /// A Purchase that its order asked to stop, while it was on its way, came back. True when that
    /// still holds: it is stopped now, with what follows it.
    pub(super) fn stop_what_came_back(&mut self, key: &OrderKey, now_ms: i64) -> rusqlite::Result<bool> {
        let (Some(mut order), Some(purchase)) = (self.readable_order(key)?, self.purchase_of(key)?) else {
            return Ok(false);
        };
        let Some(why) = order.must_not_leave() else {
            self.db
                .prepare_cached("UPDATE events SET stop_asked = 0 WHERE seq = ?1")?
                .execute([purchase.seq])?;
            return Ok(false);
        };
        self.stop(&purchase, why.code(), now_ms)?;
        let followers: Vec<EventId> = order.refund_ids().filter_map(EventId::of_refund).collect();
        for id in followers {
            let names: Vec<String> = self
                .db
                .prepare_cached("SELECT name FROM events WHERE id = ?1 AND environment = ?2")?
                .query_map((id.key(), key.environment as u8), |row| row.get(0))?
                .collect::<rusqlite::Result<_>>()?;
            for name in names.iter().filter_map(|name| EventName::parse(name).ok()) {
                if let Some(follower) = self.of_order(key, &name, &id)? {
                    self.stop(&follower, why.code(), now_ms)?;
                }
            }
        }
        order.mark_stopped(why);
        self.write_order(&order, Ask::AsPlanned, now_ms, true)?;
        Ok(true)
    }

    /// An order, if it is there and can be read.
    fn readable_order(&self, key: &OrderKey) -> rusqlite::Result<Option<Order>> {
        Ok(self.stored_order(key)?.and_then(|json| serde_json::from_str(&json).ok()))
    }

    /// Places the followers of an order's Purchase. If the Purchase waits, is on its way or was
    /// delivered, each follower is appended once and waits as long as the Purchase. If the Purchase
    /// was stopped, the followers that have not left are stopped too. Followers that are only
    /// counted are stored in any case.
    pub(super) fn follow(
        &mut self,
        key: &OrderKey,
        followers: &[NewEvent],
        now_ms: i64,
    ) -> rusqlite::Result<()> {
        if followers.is_empty() {
            return Ok(());
        }
        let purchase = self.purchase_of(key)?;
        let (is_stopped, stands) = match purchase.as_ref().map(|purchase| purchase.state) {
            Some(State::Suppressed) => (true, false),
            Some(State::DeadLetter) | None => (false, false),
            Some(_) => (false, true),
        };
        let waits_until_ms =
            purchase.filter(|purchase| purchase.state == State::WaitingJoin).and_then(|it| it.due_ms);
        for follower in followers {
            let known = self.of_order(key, &follower.name, &follower.id)?;
            let is_counted_only = matches!(follower.initial, Initial::Suppressed(_));
            match known {
                None if stands || is_counted_only => match (waits_until_ms, &follower.initial) {
                    (Some(until_ms), Initial::Pending) => {
                        let wait =
                            Duration::from_millis(u64::try_from(until_ms - now_ms).unwrap_or_default());
                        let initial = Initial::WaitingJoin(wait);
                        self.append(&NewEvent { initial, ..follower.clone() }, now_ms)?;
                    }
                    _ => {
                        self.append(follower, now_ms)?;
                    }
                },
                Some(known) if is_stopped => {
                    self.stop(&known, code::REFUNDED_BEFORE_SENT, now_ms)?;
                }
                _ => {}
            }
        }
        Ok(())
    }
}
