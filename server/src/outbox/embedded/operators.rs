//! Operators' queries and changes.

use std::sync::Arc;
use std::time::Duration;

use rusqlite::OptionalExtension as _;
use tandem_core::event::oldest_time_s;
use tandem_core::id::PixelId;
use tandem_core::order::Order;
use tokio::sync::broadcast;

use super::committer::Writer;
use super::sql::*;
use super::store::Embedded;
use super::{figures, queue, read, run_time};
use crate::clock::millis;
use crate::outbox::{
    AttemptView, DeadWebhook, DeadWebhookFilter, EventFilter, EventKey, EventView, Figures, Lane,
    OperatorStore, OrderFilter, OrderView, Page, Replayable, Replayed, State, StoreError, TimeFigures,
};

/// Most events counted that look too old.
const TOO_OLD_COUNTED: usize = 10_000;

#[async_trait::async_trait]
impl OperatorStore for Embedded {
    async fn list(&self, filter: EventFilter, page: Page) -> Result<Vec<EventView>, StoreError> {
        self.read_page(page, move |db, page| read::list(db, &filter, page)).await
    }

    async fn find(&self, key: EventKey) -> Result<Vec<(EventView, Vec<AttemptView>)>, StoreError> {
        self.read(move |db| read::find(db, &key)).await
    }

    async fn at(&self, seqs: Arc<[u64]>) -> Result<Vec<EventView>, StoreError> {
        self.read(move |db| read::at(db, &seqs)).await
    }

    fn watch(&self) -> broadcast::Receiver<Arc<[u64]>> {
        self.changes.subscribe()
    }

    async fn list_orders(&self, filter: OrderFilter, page: Page) -> Result<Vec<OrderView>, StoreError> {
        self.read_page(page, move |db, page| read::list_orders(db, &filter, page)).await
    }

    async fn dead_webhooks(
        &self,
        filter: DeadWebhookFilter,
        page: Page,
    ) -> Result<Vec<DeadWebhook>, StoreError> {
        self.read_page(page, move |db, page| read::dead_webhooks(db, &filter, page)).await
    }

    async fn replay(&self, seqs: Vec<u64>, allow_double_count: bool) -> Result<Replayed, StoreError> {
        self.write_patiently(move |writer, now_ms| writer.replay(&seqs, allow_double_count, now_ms)).await
    }

    async fn purge(&self, seqs: Vec<u64>) -> Result<u64, StoreError> {
        self.write_patiently(move |writer, _| writer.purge(&seqs)).await
    }

    async fn purge_webhooks(&self, seqs: Vec<u64>) -> Result<u64, StoreError> {
        self.write_patiently(move |writer, _| writer.purge_webhooks(&seqs)).await
    }

    async fn set_paused(&self, pixel: PixelId, paused: bool) -> Result<(), StoreError> {
        self.write_patiently(move |writer, _| writer.set_paused(&pixel, paused)).await
    }

    async fn paused(&self) -> Result<Vec<PixelId>, StoreError> {
        self.read(read::paused).await
    }

    async fn adopt_unassigned(&self, pixel: PixelId) -> Result<u64, StoreError> {
        self.write_patiently(move |writer, _| writer.adopt_unassigned(&pixel)).await
    }

    async fn sweep(&self, retention: Duration, max: usize) -> Result<usize, StoreError> {
        // The write comes in any case: it keeps the running time of a server with nothing to do.
        self.write_patiently(move |writer, _| match writer.time.trusted {
            Some(time) => writer.sweep(time, millis(retention), max),
            None => Ok(0),
        })
        .await
    }

    async fn time_figures(&self) -> Result<TimeFigures, StoreError> {
        let oldest_s = oldest_time_s(self.clock.now_s());
        self.read(move |db| {
            let too_old = queue::too_old(db, oldest_s, TOO_OLD_COUNTED)?.len();
            Ok(TimeFigures {
                running_ms: run_time::written(db)?,
                too_old: u32::try_from(too_old).unwrap_or(u32::MAX),
            })
        })
        .await
    }

    async fn figures(&self, now_ms: i64) -> Result<Figures, StoreError> {
        self.read(move |db| figures::figures(db, now_ms)).await
    }

    async fn probe(&self) -> Result<(), StoreError> {
        self.write(Lane::Shop, |writer, now_ms| writer.probe(now_ms)).await
    }
}

impl Writer {
    pub(super) fn replay(
        &mut self,
        seqs: &[u64],
        allow_double_count: bool,
        now_ms: i64,
    ) -> rusqlite::Result<Replayed> {
        let mut outcome = Replayed::default();
        for seq in seqs {
            let found: Option<(i64, i64, bool, Option<String>)> = self
                .db
                .prepare_cached(
                    sql!("SELECT pixel, time_s, person IS NOT NULL, code FROM events WHERE seq = ?1 AND state = {DEAD_LETTER}"),
                )?
                .query_row([seq], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))
                .optional()?;
            let Some((pixel, time_s, has_person, why)) = found else { continue };
            let replayable = Replayable::judge(has_person, time_s, why.as_deref(), now_ms.div_euclid(1000));
            if outcome.count(replayable, allow_double_count) {
                // The operator allowed a second count, so the age of the browser's copy must not
                // stop the event again.
                self.db
                    .prepare_cached(
                        sql!("UPDATE events SET state = {PENDING}, due_ms = ?2, finished_ms = NULL, replayed_at = attempts,
                                fired_s = CASE ?3 WHEN 1 THEN NULL ELSE fired_s END
                         WHERE seq = ?1"),
                    )?
                    .execute((seq, now_ms, allow_double_count))?;
                self.counts.moved(pixel, State::DeadLetter, State::Pending);
                self.changed(*seq);
            }
        }
        Ok(outcome)
    }

    /// Deletes the dead letters among the events at these positions, with their attempts. The
    /// orders of deleted Purchases stay, so that they cause no second Purchase.
    pub(super) fn purge(&mut self, seqs: &[u64]) -> rusqlite::Result<u64> {
        let mut purged = 0;
        for seq in seqs {
            let pixel: Option<i64> = self
                .db
                .prepare_cached(sql!(
                    "DELETE FROM events WHERE seq = ?1 AND state = {DEAD_LETTER} RETURNING pixel"
                ))?
                .query_row([seq], |row| row.get(0))
                .optional()?;
            let Some(pixel) = pixel else { continue };
            self.db.prepare_cached("DELETE FROM attempts WHERE seq = ?1")?.execute([seq])?;
            self.counts.state(pixel, State::DeadLetter, -1);
            purged += 1;
        }
        Ok(purged)
    }

    /// Removes webhooks from the list of dead letters. Each webhook stays known, so that a late
    /// copy does not act.
    pub(super) fn purge_webhooks(&mut self, seqs: &[u64]) -> rusqlite::Result<u64> {
        let mut purged = 0;
        for seq in seqs {
            purged += self
                .db
                .prepare_cached(
                    "UPDATE webhooks SET dead_letter = NULL, extract = '{}' WHERE seq = ?1 AND dead_letter IS NOT NULL",
                )?
                .execute([seq])? as u64;
        }
        Ok(purged)
    }

    /// Pauses or resumes a pixel's delivery. The next start keeps the setting.
    pub(super) fn set_paused(&mut self, pixel: &PixelId, paused: bool) -> rusqlite::Result<()> {
        let no = self.pixel(pixel)?;
        self.db.prepare_cached("UPDATE pixels SET paused = ?2 WHERE no = ?1")?.execute((no, paused))?;
        Ok(())
    }

    /// Moves the events and orders without a pixel to a configured pixel.
    pub(super) fn adopt_unassigned(&mut self, pixel: &PixelId) -> rusqlite::Result<u64> {
        let from = self.pixel(&PixelId::unassigned())?;
        let to = self.pixel(pixel)?;
        // Where the pixel has the key already, the event is not moved: the first payload wins.
        let moved: Vec<i64> = self
            .db
            .prepare_cached("UPDATE OR IGNORE events SET pixel = ?2 WHERE pixel = ?1 RETURNING state")?
            .query_map((from, to), |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        for was in &moved {
            self.counts.state(from, state(*was), -1);
            self.counts.state(to, state(*was), 1);
        }
        let waiting: Vec<(i64, String)> = self
            .db
            .prepare_cached("SELECT rowid, state FROM orders WHERE pixel = ?1")?
            .query_map([from], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<rusqlite::Result<_>>()?;
        for (row, json) in waiting {
            if let Ok(mut order) = serde_json::from_str::<Order>(&json) {
                order.assign(pixel.clone());
                let json = serde_json::to_string(&order).unwrap_or(json);
                self.db
                    .prepare_cached("UPDATE orders SET pixel = ?2, state = ?3 WHERE rowid = ?1")?
                    .execute((row, to, json))?;
            }
        }
        Ok(moved.len() as u64)
    }

    /// Writes to the disk, so that a full disk shows.
    pub(super) fn probe(&self, now_ms: i64) -> rusqlite::Result<()> {
        self.db.pragma_update(None, "application_id", now_ms.rem_euclid(1_000_000_007))
    }
}
