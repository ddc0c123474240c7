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
mod followers;
mod ledger;
mod open;
mod order_list;
mod orders;
mod read;
mod replay;

pub use open::OpenError;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use rusqlite::Connection;
use tandem_core::hash::Sha256Hex;
use tandem_core::id::{OrderId, PixelId};
use tandem_core::order::Order;
use tokio::sync::{broadcast, mpsc, oneshot};

use super::{
    Appended, AttemptResult, AttemptView, CallRecord, ClaimedEvent, Confirmation, Confirmed, Erased,
    EventFilter, EventKey, EventView, Figures, NewEvent, OrderFilter, OrderStep, OrderUpdated, OrderView,
    Outbox, Page, Replayed, StoreError, WebhookRecord,
};
use crate::clock::Clock;
use committer::{Command, Reply, Writer};

/// Most commands that may wait for the writer.
const QUEUE_MAX: usize = 16_384;
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
        let writer = Writer::new(opened.writer, clock, changes.clone());
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
            _checkpointer: checkpointer,
            writer: Mutex::new(Some(thread)),
            _lock: opened.lock,
        })
    }

    /// Queues a command and waits for the commit it is part of.
    async fn write<T>(&self, make: impl FnOnce(Reply<T>) -> Command) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.commands.try_send(make(reply)).map_err(|e| match e {
            mpsc::error::TrySendError::Full(_) => StoreError::Busy,
            mpsc::error::TrySendError::Closed(_) => StoreError::Stopped,
        })?;
        answer.await.unwrap_or(Err(StoreError::Stopped))
    }

    /// The same, for delivery: its results wait for room instead of being shed.
    async fn write_patiently<T>(&self, make: impl FnOnce(Reply<T>) -> Command) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.commands.send(make(reply)).await.map_err(|_| StoreError::Stopped)?;
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
        let event = Box::new(event);
        self.write(|reply| Command::Append(event, reply)).await
    }

    async fn update_order(
        &self,
        id: OrderId,
        pixel: PixelId,
        webhook: Option<WebhookRecord>,
        step: OrderStep,
    ) -> Result<OrderUpdated, StoreError> {
        self.write(|reply| Command::Order { id, pixel, webhook, step, reply }).await
    }

    async fn record_webhook(&self, webhook: WebhookRecord) -> Result<bool, StoreError> {
        self.write(|reply| Command::Webhook(webhook, reply)).await
    }

    async fn confirm(
        &self,
        pixel: PixelId,
        confirmations: Vec<Confirmation>,
    ) -> Result<Confirmed, StoreError> {
        self.write(|reply| Command::Confirm(pixel, confirmations, reply)).await
    }

    async fn claim(
        &self,
        pixel: PixelId,
        max: usize,
        now_ms: i64,
        lease_until_ms: i64,
    ) -> Result<Vec<ClaimedEvent>, StoreError> {
        self.write_patiently(|reply| Command::Claim { pixel, max, now_ms, lease_until_ms, reply }).await
    }

    async fn record(&self, call: CallRecord, results: Vec<AttemptResult>) -> Result<(), StoreError> {
        self.write_patiently(|reply| Command::Record(call, results, reply)).await
    }

    async fn release(&self, leases: Vec<(u64, u32)>, due_ms: i64) -> Result<(), StoreError> {
        self.write_patiently(|reply| Command::Release(leases, due_ms, reply)).await
    }

    async fn release_held(&self, code: &str, now_ms: i64) -> Result<u64, StoreError> {
        let code = code.to_owned();
        self.write_patiently(|reply| Command::ReleaseHeld(code, now_ms, reply)).await
    }

    async fn adopt_unassigned(&self, pixel: PixelId) -> Result<u64, StoreError> {
        self.write_patiently(|reply| Command::Adopt(pixel, reply)).await
    }

    async fn replay(&self, seqs: Vec<u64>, allow_double_count: bool) -> Result<Replayed, StoreError> {
        self.write_patiently(|reply| Command::Replay { seqs, allow_double_count, reply }).await
    }

    async fn erase(&self, digests: Vec<Sha256Hex>) -> Result<Erased, StoreError> {
        self.write_patiently(|reply| Command::Erase(digests, reply)).await
    }

    async fn set_paused(&self, pixel: PixelId, paused: bool) -> Result<(), StoreError> {
        self.write_patiently(|reply| Command::Pause(pixel, paused, reply)).await
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

    async fn sweep(&self, now_ms: i64, retention_ms: i64, max: usize) -> Result<usize, StoreError> {
        self.write_patiently(|reply| Command::Sweep { now_ms, retention_ms, max, reply }).await
    }

    async fn orders_to_ask(&self, now_ms: i64, max: usize) -> Result<Vec<(OrderId, PixelId)>, StoreError> {
        self.read(move |db| read::orders_to_ask(db, now_ms, max)).await
    }

    async fn next_due(&self, pixel: PixelId) -> Result<Option<i64>, StoreError> {
        self.read(move |db| read::next_due(db, &pixel)).await
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

    async fn find(&self, key: EventKey) -> Result<Vec<(EventView, Vec<AttemptView>)>, StoreError> {
        self.read(move |db| read::find(db, &key)).await
    }

    async fn figures(&self, now_ms: i64) -> Result<Figures, StoreError> {
        self.read(move |db| read::figures(db, now_ms)).await
    }

    async fn probe(&self) -> Result<(), StoreError> {
        self.write(Command::Probe).await
    }
}

#[cfg(test)]
mod tests;
