//! The order's Purchase: placed, stopped, delivered, come back; and the events that follow it,
//! those of its refunds.

use std::time::Duration;

use rusqlite::OptionalExtension as _;
use tandem_core::code;
use tandem_core::id::{EventId, EventName, OrderId};
use tandem_core::order::{Order, SignalSource};

use super::committer::Writer;
use super::events::Entry;
use super::sql::state;
use crate::outbox::{Appended, Ask, Initial, Metric, NewEvent, PurchaseChange, State};

impl Writer {
    /// Places or stops an order's Purchase. `None`: it had left, or was stopped before.
    pub(super) fn change_purchase(
        &mut self,
        change: &PurchaseChange,
        now_ms: i64,
    ) -> rusqlite::Result<Option<Appended>> {
        let (PurchaseChange::Place(event) | PurchaseChange::Stop(event)) = change;
        let pixel = self.pixel(&event.pixel)?;
        let found: Option<(u64, i64)> = self
            .db
            .prepare_cached("SELECT seq, state FROM events WHERE id = ?1 AND name = ?2 AND pixel = ?3")?
            .query_row((event.id.as_str(), event.name.as_str(), pixel), |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let Some((seq, was)) = found else {
            return self.append(event, now_ms).map(Some);
        };
        let was = state(was);
        if was.has_left() || was == State::Suppressed {
            return Ok(None);
        }
        let entry = Entry::of(event, now_ms);
        self.db
            .prepare_cached(
                "UPDATE events SET state = ?2, due_ms = ?3, code = ?4, finished_ms = ?5, lease_no = lease_no + 1,
                        time_s = ?6, keys = ?7, contact = max(contact, ?8), facts = ?9, person = ?10,
                        action_source = ?11, has_page = ?12, finished_run_ms = ?13
                 WHERE seq = ?1",
            )?
            .execute(rusqlite::params![
                seq,
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
                self.time.run_ms,
            ])?;
        self.counts.moved(pixel, was, entry.state);
        self.changed(seq);
        if entry.state == State::Suppressed {
            self.counts.count(event.received_ms, pixel, event.name.as_str(), Metric::Suppressed, 1);
        }
        Ok(Some(Appended::New { seq }))
    }

    /// A Purchase was delivered: counts where its signals came from, and notes it on the order.
    pub(super) fn purchase_delivered(
        &mut self,
        pixel: i64,
        name: &str,
        id: &str,
        now_ms: i64,
    ) -> rusqlite::Result<()> {
        let Some(found) = self.order_of_purchase(name, id)? else { return Ok(()) };
        let from = found.as_ref().map_or(SignalSource::Nobody, |(order, _)| order.signals_from());
        self.counts.count(now_ms, pixel, name, Metric::of_signals(from), 1);
        if let Some((mut order, order_pixel)) = found
            && order.mark_delivered()
        {
            self.write_order(&order, order_pixel, Ask::AsPlanned, now_ms, false)?;
        }
        Ok(())
    }

    /// A Purchase that was under way came back: what was to stop it meanwhile stops it now.
    pub(super) fn purchase_came_back(
        &mut self,
        seq: u64,
        pixel: i64,
        name: &str,
        id: &str,
        now_ms: i64,
    ) -> rusqlite::Result<()> {
        let Some(Some((mut order, order_pixel))) = self.order_of_purchase(name, id)? else { return Ok(()) };
        let Some(why) = order.must_not_leave() else { return Ok(()) };
        self.stop(seq, why.code(), now_ms)?;
        let followers: Vec<EventId> = order.refund_ids().filter_map(EventId::of_refund).collect();
        for id in followers {
            let waiting: Vec<u64> = self
                .db
                .prepare_cached("SELECT seq FROM events WHERE id = ?1 AND pixel = ?2 AND state IN (?3, ?4)")?
                .query_map((id.as_str(), pixel, State::Pending as u8, State::WaitingJoin as u8), |row| {
                    row.get(0)
                })?
                .collect::<rusqlite::Result<_>>()?;
            waiting.into_iter().try_for_each(|seq| self.stop(seq, why.code(), now_ms))?;
        }
        order.mark_stopped(why);
        self.write_order(&order, order_pixel, Ask::AsPlanned, now_ms, true)
    }

    /// Stops an event that waits.
    fn stop(&mut self, seq: u64, code: &str, now_ms: i64) -> rusqlite::Result<()> {
        let (pixel, name, was): (i64, String, i64) = self
            .db
            .prepare_cached("SELECT pixel, name, state FROM events WHERE seq = ?1")?
            .query_row([seq], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        self.db
            .prepare_cached(
                "UPDATE events SET state = ?2, code = ?3, due_ms = NULL, finished_ms = ?4, finished_run_ms = ?5,
                        person = NULL
                 WHERE seq = ?1",
            )?
            .execute((seq, State::Suppressed as u8, code, now_ms, self.time.run_ms))?;
        self.counts.moved(pixel, state(was), State::Suppressed);
        self.counts.count(now_ms, pixel, &name, Metric::Suppressed, 1);
        self.changed(seq);
        Ok(())
    }

    /// The order of a Purchase; `None` if the event is none, `Some(None)` if the order is gone.
    fn order_of_purchase(&self, name: &str, id: &str) -> rusqlite::Result<Option<Option<(Order, i64)>>> {
        if name != EventName::purchase().as_str() {
            return Ok(None);
        }
        let order = EventId::parse(id).ok().and_then(|id| id.purchase_order());
        let Some(order) = order else { return Ok(None) };
        let found = self.stored_order(&order)?;
        Ok(Some(found.and_then(|(json, pixel)| Some((serde_json::from_str(&json).ok()?, pixel)))))
    }

    /// Places the followers of an order's Purchase: where it has left or is on its way they
    /// are appended, once each, and wait as long as it does; where it was stopped, those that
    /// have not left are stopped too. What is only counted is counted in any case.
    pub(super) fn follow(
        &mut self,
        order: &OrderId,
        pixel: i64,
        followers: &[NewEvent],
        now_ms: i64,
    ) -> rusqlite::Result<()> {
        if followers.is_empty() {
            return Ok(());
        }
        let purchase_id = EventId::of_purchase(order);
        let purchase = self.state_of(pixel, EventName::purchase().as_str(), purchase_id.as_str())?;
        let (is_stopped, stands) = match purchase {
            Some((State::Suppressed, _)) => (true, false),
            Some((State::DeadLetter, _)) | None => (false, false),
            Some(_) => (false, true),
        };
        for follower in followers {
            let known = self.state_of(pixel, follower.name.as_str(), follower.id.as_str())?;
            let is_counted_only = matches!(follower.initial, Initial::Suppressed(_));
            match known {
                None if stands || is_counted_only => match (purchase, &follower.initial) {
                    (Some((State::WaitingJoin, Some(until_ms))), Initial::Pending) => {
                        let wait =
                            Duration::from_millis(u64::try_from(until_ms - now_ms).unwrap_or_default());
                        let initial = Initial::WaitingJoin(wait);
                        self.append(&NewEvent { initial, ..follower.clone() }, now_ms)?;
                    }
                    _ => {
                        self.append(follower, now_ms)?;
                    }
                },
                Some(_) if is_stopped => {
                    let code = code::REFUNDED_BEFORE_SENT.into();
                    let stopped = NewEvent { initial: Initial::Suppressed(code), ..follower.clone() };
                    self.change_purchase(&PurchaseChange::Stop(Box::new(stopped)), now_ms)?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// An event's state and when it is due, Unix milliseconds.
    fn state_of(&self, pixel: i64, name: &str, id: &str) -> rusqlite::Result<Option<(State, Option<i64>)>> {
        self.db
            .prepare_cached("SELECT state, due_ms FROM events WHERE id = ?1 AND name = ?2 AND pixel = ?3")?
            .query_row((id, name, pixel), |row| Ok((state(row.get(0)?), row.get(1)?)))
            .optional()
    }
}
