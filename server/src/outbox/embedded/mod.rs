//! The embedded store: SQLite in write-ahead mode, every commit synced.
//!
//! One writer thread ([`committer`]) takes everything that waits, writes one transaction, syncs
//! once and answers all. Readers have connections of their own. Checkpoints run on a third
//! thread, off the commit path; at 160 MB the writer empties the log itself.
//!
//! *Indexes.* Every event is in three: the dedup key (ID first: version 7 IDs grow at its right
//! edge), the due queue and what is open by age. The last two are partial and shrink with the
//! backlog. The others are partial on rare states. Frequent queries read only the rows they
//! return: totals are kept on write, ages come from the first entry of an index, retention reads
//! the oldest rows only, erasure searches on a reader's connection. Delivery's leases and
//! results go in steps of 250 events, so that callers never wait behind a thousand of them.
//!
//! *Payloads.* An event is kept as two JSON fragments, one without personal data and one with
//! it. A batch is put together from them without parsing, and the second is deleted at delivery.
//!
//! *Leases* carry a number that grows with each lease; a result under an older number is
//! ignored. At the start everything leased is given back: the lock on the data directory says
//! that no other process has it.
//!
//! *Time.* Schedules on disk follow the wall's clock. The writer compares it with a steady one
//! before each transaction, and moves every due time and lease along when it was set. So a clock
//! set forward ends no lease, and one set back stops no retry.

mod checkpoint;
mod committer;
mod counts;
mod early;
mod erase;
mod events;
mod figures;
mod migrate;
mod open;
mod operators;
mod orders;
mod purchases;
mod queue;
mod read;
mod sql;
mod sweep;
mod unproven;

pub use open::OpenError;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use rusqlite::Connection;
use tokio::sync::{broadcast, mpsc};

use super::StoreError;
use crate::clock::Clock;
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

#[cfg(test)]
mod tests;
