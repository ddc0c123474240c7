//! The embedded store as its callers see it: a writer behind a bounded queue, and readers.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use rusqlite::Connection;
use tokio::sync::{Semaphore, broadcast, oneshot};

use super::checkpoint::Checkpointer;
use super::committer::{Command, JUMP_MS_MIN, Writer};
use super::lanes::Lanes;
use super::open::{self, OpenError};
use super::run_time::RunTime;
use crate::clock::Clock;
use crate::outbox::{Lane, StoreError};
use crate::vital;

/// Most events that delivery changes in one step. Callers whose events wait for the same commit
/// wait for these events too.
pub(super) const EVENTS_PER_WRITE: usize = 250;
/// Most commits by which a watcher may lag behind.
const CHANGES_MAX: usize = 256;
/// Reading connections, and so the most that are idle.
pub(super) const READERS: usize = 2;

#[derive(Debug)]
pub struct Embedded {
    commands: Lanes<Command>,
    readers: Arc<Readers>,
    pub(super) changes: broadcast::Sender<Arc<[u64]>>,
    pub(super) clock: Clock,
    /// Clock offset that the stored schedules follow, milliseconds.
    follows_ms: Arc<AtomicI64>,
    _checkpointer: Checkpointer,
    writer: Mutex<Option<JoinHandle<()>>>,
    /// See [`open::Opened::file`]; closed after the connections above.
    pub(super) file: Arc<Mutex<File>>,
    _lock: File,
}

#[derive(Debug)]
struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
    turns: Arc<Semaphore>,
    /// Steps of SQLite's machine that the longest query took.
    #[cfg(test)]
    longest: std::sync::atomic::AtomicU64,
}

impl Embedded {
    /// Opens or creates the store in a directory of its own.
    pub fn open(dir: &Path, clock: Clock) -> Result<Self, OpenError> {
        let opened = open::open(dir, clock.now_ms())?;
        let (commands, waiting) = Lanes::new();
        let (changes, _) = broadcast::channel(CHANGES_MAX);
        let follows_ms = Arc::new(AtomicI64::new(clock.offset_ms()));
        let run_time = RunTime::recall(&opened.writer, clock.clone())
            .map_err(|error| OpenError::Database(dir.into(), error))?;
        let writer =
            Writer::new(opened.writer, run_time, clock.clone(), Arc::clone(&follows_ms), changes.clone());
        let thread = vital::thread("committer", move || writer.run(waiting))
            .map_err(|e| OpenError::Directory(dir.into(), e))?;
        let readers = Readers {
            path: opened.path.clone(),
            idle: Mutex::default(),
            turns: Arc::new(Semaphore::new(READERS)),
            #[cfg(test)]
            longest: Default::default(),
        };
        let checkpoints = Connection::open(&opened.path).map_err(|e| OpenError::Database(dir.into(), e))?;
        let checkpointer = Checkpointer::start(checkpoints, &opened.path, commands.downgrade())
            .map_err(|e| OpenError::Directory(dir.into(), e))?;
        Ok(Self {
            commands,
            readers: Arc::new(readers),
            changes,
            clock,
            follows_ms,
            _checkpointer: checkpointer,
            writer: Mutex::new(Some(thread)),
            file: Arc::new(Mutex::new(opened.file)),
            _lock: opened.lock,
        })
    }

    /// Queues a change and waits for its commit. Fails with `Busy` when its lane is full.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        lane: Lane,
        change: impl FnMut(&mut Writer, i64) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (command, answer) = Command::write(change);
        self.commands.put(lane, command)?;
        answer.await.unwrap_or(Err(StoreError::Stopped))
    }

    /// Like [`Self::write`] in the shop's lane, but waits for a place in it. Delivery and operators use it.
    pub(super) async fn write_patiently<T: Send + 'static>(
        &self,
        change: impl FnMut(&mut Writer, i64) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (command, answer) = Command::write(change);
        self.commands.put_patiently(command).await?;
        answer.await.unwrap_or(Err(StoreError::Stopped))
    }

    /// Has the writer do something outside of its transactions. Returns whether it was done.
    pub(super) async fn ask_writer(
        &self,
        command: impl FnOnce(oneshot::Sender<bool>) -> Command,
    ) -> Result<bool, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.commands.put_patiently(command(reply)).await?;
        answer.await.map_err(|_| StoreError::Stopped)
    }

    /// The database's file.
    pub(super) fn path(&self) -> &Path {
        &self.readers.path
    }

    /// Runs a query on a reader's connection. It counts as a reader until it has ended, whether or
    /// not its caller still waits for it.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let readers = Arc::clone(&self.readers);
        let turn = Arc::clone(&readers.turns).acquire_owned().await.map_err(|_| StoreError::Stopped)?;
        let unavailable = |e: rusqlite::Error| StoreError::Unavailable(e.to_string());
        tokio::task::spawn_blocking(move || {
            let idle = readers.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let db = match idle {
                Some(db) => db,
                None => {
                    let db = open::open_reader(&readers.path).map_err(unavailable)?;
                    #[cfg(test)]
                    let db = super::bounded_tests::counted(db);
                    db
                }
            };
            let answer = query(&db).map_err(unavailable);
            #[cfg(test)]
            readers.longest.fetch_max(super::bounded_tests::steps_taken(), Ordering::Relaxed);
            readers.idle.lock().unwrap_or_else(PoisonError::into_inner).push(db);
            drop(turn);
            answer
        })
        .await
        .unwrap_or_else(|error| {
            Err(match error.is_panic() {
                true => StoreError::Unavailable("a query ended abnormally".into()),
                false => StoreError::Stopped,
            })
        })
    }
}

impl Embedded {
    /// Steps of SQLite's machine that the longest query took since the last call.
    #[cfg(test)]
    pub(super) fn longest_query(&self) -> u64 {
        self.readers.longest.swap(0, Ordering::Relaxed)
    }

    /// Has the writer move schedules along if the wall's time was set since it last wrote:
    /// what is due is read by the wall's time.
    pub(super) async fn follow_clock(&self) -> Result<(), StoreError> {
        let by_ms = self.clock.offset_ms() - self.follows_ms.load(Ordering::Relaxed);
        if by_ms.abs() < JUMP_MS_MIN {
            return Ok(());
        }
        self.write_patiently(|_, _| Ok(())).await
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        // The writer ends once the last sender is gone. It writes all queued commands first.
        self.commands = Lanes::new().0;
        if let Some(thread) = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // A panic has ended the process already.
            drop(thread.join());
        }
    }
}
