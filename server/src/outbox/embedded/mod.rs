//! The embedded store: SQLite in write-ahead mode, every commit synced.
//!
//! One writer thread ([`committer`]) and readers on connections of their own. Checkpoints
//! run on a third thread, off the commit path, and the log's size has a bound.

mod checkpoint;
mod committer;
mod delivery;
mod early;
mod erase;
mod events;
mod expire;
mod figures;
mod followers;
mod ledger;
mod migrate;
mod open;
mod order_list;
mod orders;
mod purge;
mod read;
mod replay;
mod sweep;
mod unproven;

pub use open::OpenError;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::Connection;
use tandem_core::event::oldest_time_s;
use tandem_core::hash::Sha256Hex;
use tandem_core::id::{OrderId, PixelId};
use tandem_core::order::Order;
use tokio::sync::{broadcast, mpsc};

use super::{
    Appended, AttemptResult, AttemptView, CallRecord, ClaimedEvent, Confirmation, Confirmed, DeadWebhook,
    DeadWebhookFilter, DueOrder, Erased, EventFilter, EventKey, EventView, Figures, NewEvent, OrderFilter,
    OrderStep, OrderUpdated, OrderView, Outbox, Page, Replayed, StoreError, WebhookRecord,
};
use crate::clock::{Clock, millis};
use committer::{Command, Writer};

/// Most commands that may wait for the writer.
const QUEUE_MAX: usize = 16_384;
/// Events that delivery changes in one step: callers whose events wait for the same commit
/// wait for these as well.
const EVENTS_PER_WRITE: usize = 250;
/// Commits whose changes a watcher may lag behind.
const CHANGES_MAX: usize = 256;
/// Reading connections.
const READERS: usize = 2;

/// The embedded store.
#[derive(Debug)]
pub struct Embedded {
    commands: mpsc::Sender<Command>,
    readers: Arc<Readers>,
    changes: broadcast::Sender<Arc<[u64]>>,
    clock: Clock,
    /// Offset of the clock that the stored schedules follow.
    follows_ms: Arc<AtomicI64>,
    _checkpointer: checkpoint::Checkpointer,
    writer: Mutex<Option<JoinHandle<()>>>,
    _lock: File,
}

#[derive(Debug)]
struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
    turns: tokio::sync::Semaphore,
}

impl Embedded {
    /// Opens or makes the store in a directory of its own.
    pub fn open(dir: &Path, clock: Clock) -> Result<Self, OpenError> {
        let opened = open::open(dir, clock.now_ms())?;
        let (commands, receiver) = mpsc::channel(QUEUE_MAX);
        let (changes, _) = broadcast::channel(CHANGES_MAX);
        let follows_ms = Arc::new(AtomicI64::new(clock.offset_ms()));
        let writer = Writer::new(opened.writer, clock.clone(), Arc::clone(&follows_ms), changes.clone());
        let thread = std::thread::Builder::new()
            .name("committer".into())
            .spawn(move || writer.run(receiver))
            .map_err(|e| OpenError::Directory(dir.into(), e))?;
        let readers = Readers {
            path: opened.path.clone(),
            idle: Mutex::default(),
            turns: tokio::sync::Semaphore::new(READERS),
        };
        let checkpointer = checkpoint::Checkpointer::start(&opened.path, commands.downgrade())
            .map_err(|e| OpenError::Directory(dir.into(), e))?;
        Ok(Self {
            commands,
            readers: Arc::new(readers),
            changes,
            clock,
            follows_ms,
            _checkpointer: checkpointer,
            writer: Mutex::new(Some(thread)),
            _lock: opened.lock,
        })
    }

    /// Queues a change and waits for the commit it is part of.
    async fn write<T: Send + 'static>(
        &self,
        change: impl FnMut(&mut Writer, i64) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (command, answer) = Command::write(change);
        self.commands.try_send(command).map_err(|e| match e {
            mpsc::error::TrySendError::Full(_) => StoreError::Busy,
            mpsc::error::TrySendError::Closed(_) => StoreError::Stopped,
        })?;
        answer.await.unwrap_or(Err(StoreError::Stopped))
    }

    /// The same, for delivery and operators: they wait for room instead of being shed.
    async fn write_patiently<T: Send + 'static>(
        &self,
        change: impl FnMut(&mut Writer, i64) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (command, answer) = Command::write(change);
        self.commands.send(command).await.map_err(|_| StoreError::Stopped)?;
        answer.await.unwrap_or(Err(StoreError::Stopped))
    }

    async fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let readers = Arc::clone(&self.readers);
        let _turn = self.readers.turns.acquire().await.map_err(|_| StoreError::Stopped)?;
        let unavailable = |e: rusqlite::Error| StoreError::Unavailable(e.to_string());
        tokio::task::spawn_blocking(move || {
            let idle = readers.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let db = match idle {
                Some(db) => db,
                None => open::open_reader(&readers.path).map_err(unavailable)?,
            };
            let answer = query(&db).map_err(unavailable);
            readers.idle.lock().unwrap_or_else(PoisonError::into_inner).push(db);
            answer
        })
        .await
        .unwrap_or(Err(StoreError::Stopped))
    }
}

impl Embedded {
    /// Has the writer move schedules along if the wall's time was set since it last wrote:
    /// what is due is read by the wall's time.
    async fn follow_clock(&self) -> Result<(), StoreError> {
        let by_ms = self.clock.offset_ms() - self.follows_ms.load(Ordering::Relaxed);
        if by_ms.abs() < committer::JUMP_MS_MIN {
            return Ok(());
        }
        self.write_patiently(|_, _| Ok(())).await
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        // The writer ends once the last sender is gone; what it was told is written.
        let (dead, _) = mpsc::channel(1);
        self.commands = dead;
        if let Some(thread) = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take()
            && thread.join().is_err()
        {
            tracing::error!("the writer ended abnormally");
        }
    }
}

#[tonic::async_trait]
impl Outbox for Embedded {
    async fn append(&self, event: NewEvent) -> Result<Appended, StoreError> {
        self.write(move |writer, now_ms| writer.append(&event, now_ms)).await
    }

    async fn update_order(
        &self,
        id: OrderId,
        pixel: PixelId,
        webhook: Option<WebhookRecord>,
        mut step: OrderStep,
    ) -> Result<OrderUpdated, StoreError> {
        self.write(move |writer, now_ms| {
            writer.update_order(&id, &pixel, webhook.as_ref(), &mut step, now_ms)
        })
        .await
    }

    async fn record_webhook(&self, webhook: WebhookRecord) -> Result<bool, StoreError> {
        self.write(move |writer, _| writer.record_webhook(&webhook)).await
    }

    async fn confirm(
        &self,
        pixel: PixelId,
        confirmations: Vec<Confirmation>,
    ) -> Result<Confirmed, StoreError> {
        self.write(move |writer, now_ms| writer.confirm(&pixel, &confirmations, now_ms)).await
    }

    async fn claim(
        &self,
        pixel: PixelId,
        max: usize,
        lease: Duration,
    ) -> Result<Vec<ClaimedEvent>, StoreError> {
        let mut claimed = Vec::new();
        while claimed.len() < max {
            let (pixel, part) = (pixel.clone(), (max - claimed.len()).min(EVENTS_PER_WRITE));
            let more =
                self.write_patiently(move |writer, now_ms| writer.claim(&pixel, part, lease, now_ms)).await;
            match more {
                Ok(more) => {
                    let is_last = more.len() < part;
                    claimed.extend(more);
                    if is_last {
                        break;
                    }
                }
                // What is leased already is sent.
                Err(_) if !claimed.is_empty() => break,
                Err(fault) => return Err(fault),
            }
        }
        Ok(claimed)
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

    async fn release_held(&self, code: &str) -> Result<u64, StoreError> {
        let code = code.to_owned();
        self.write_patiently(move |writer, now_ms| writer.release_held(&code, now_ms)).await
    }

    async fn adopt_unassigned(&self, pixel: PixelId) -> Result<u64, StoreError> {
        self.write_patiently(move |writer, _| writer.adopt_unassigned(&pixel)).await
    }

    async fn expire(&self, max: usize) -> Result<usize, StoreError> {
        let limit_s = oldest_time_s(self.clock.now_s());
        let seqs = self.read(move |db| expire::too_old(db, limit_s, max)).await?;
        if seqs.is_empty() {
            return Ok(0);
        }
        self.write_patiently(move |writer, now_ms| writer.expire(&seqs, now_ms)).await
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

    async fn erase(&self, digests: Vec<Sha256Hex>) -> Result<Erased, StoreError> {
        // Looking through everything is a reader's work, so that ingest goes on meanwhile.
        let needles = Arc::new(digests);
        let looked_for = Arc::clone(&needles);
        let mut found = self.read(move |db| erase::find(db, &looked_for)).await?;
        let mut erased = Erased::default();
        while let Some(part) = found.split_off_part() {
            let needles = Arc::clone(&needles);
            erased +=
                self.write_patiently(move |writer, now_ms| writer.erase(&needles, &part, now_ms)).await?;
        }
        Ok(erased)
    }

    async fn set_paused(&self, pixel: PixelId, paused: bool) -> Result<(), StoreError> {
        self.write_patiently(move |writer, _| writer.set_paused(&pixel, paused)).await
    }

    async fn paused(&self) -> Result<Vec<PixelId>, StoreError> {
        self.read(read::paused).await
    }

    fn watch(&self) -> broadcast::Receiver<Arc<[u64]>> {
        self.changes.subscribe()
    }

    async fn at(&self, seqs: Arc<[u64]>) -> Result<Vec<EventView>, StoreError> {
        self.read(move |db| read::at(db, &seqs)).await
    }

    async fn sweep(&self, retention: Duration, max: usize) -> Result<usize, StoreError> {
        self.write_patiently(move |writer, now_ms| writer.sweep(now_ms, millis(retention), max)).await
    }

    async fn orders_to_ask(&self, max: usize) -> Result<Vec<DueOrder>, StoreError> {
        self.follow_clock().await?;
        let now_ms = self.clock.now_ms();
        self.read(move |db| unproven::orders_to_ask(db, now_ms, max)).await
    }

    async fn has_due(&self, pixel: PixelId) -> Result<bool, StoreError> {
        self.follow_clock().await?;
        let now_ms = self.clock.now_ms();
        self.read(move |db| read::has_due(db, &pixel, now_ms)).await
    }

    async fn list_orders(&self, filter: OrderFilter, page: Page) -> Result<Vec<OrderView>, StoreError> {
        self.read(move |db| order_list::list_orders(db, &filter, page)).await
    }

    async fn order(&self, id: OrderId) -> Result<Option<Order>, StoreError> {
        self.read(move |db| read::order(db, &id)).await
    }

    async fn list(&self, filter: EventFilter, page: Page) -> Result<Vec<EventView>, StoreError> {
        self.read(move |db| read::list(db, &filter, page)).await
    }

    async fn dead_webhooks(
        &self,
        filter: DeadWebhookFilter,
        page: Page,
    ) -> Result<Vec<DeadWebhook>, StoreError> {
        self.read(move |db| read::dead_webhooks(db, &filter, page)).await
    }

    async fn find(&self, key: EventKey) -> Result<Vec<(EventView, Vec<AttemptView>)>, StoreError> {
        self.read(move |db| read::find(db, &key)).await
    }

    async fn figures(&self, now_ms: i64) -> Result<Figures, StoreError> {
        self.read(move |db| figures::figures(db, now_ms)).await
    }

    async fn probe(&self) -> Result<(), StoreError> {
        self.write(|writer, now_ms| writer.probe(now_ms)).await
    }
}

#[cfg(test)]
mod tests;
