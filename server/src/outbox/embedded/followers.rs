//! Events that follow an order's Purchase: those of its refunds.

use std::time::Duration;

use rusqlite::OptionalExtension as _;
use tandem_core::code;
use tandem_core::id::{EventId, EventName, OrderId};

use super::committer::Writer;
use super::events::state;
use crate::outbox::{Initial, NewEvent, PurchaseChange, State};

impl Writer {
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
