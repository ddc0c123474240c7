//! Checkpoints move the write-ahead log into the database, off the commit path.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::mpsc::WeakSender;

use super::committer::{BUSY_WAIT_MAX, Command, Writer, describe};
use crate::vital;

/// How often the log's size is checked.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// From this log size on, pages are moved in the background: about 10,000 pages.
const PASSIVE_BYTES: u64 = 40 << 20;
/// Log size at which the writer itself empties the log, unless a reader needs it. A steady load
/// can keep passive checkpoints from ever starting over.
const TRUNCATE_BYTES: u64 = 160 << 20;
/// A log of any size is emptied after this many checks without growth.
const QUIET_LOOKS: u32 = 20;
/// Looks between two warnings that the log cannot be emptied: a minute.
const WARNING_LOOKS: u32 = 240;

/// The checkpointing thread. It ends when this value is dropped.
#[derive(Debug)]
pub(super) struct Checkpointer {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Checkpointer {
    /// `db`: a connection of its own to the database at `path`.
    pub(super) fn start(db: Connection, path: &Path, commands: WeakSender<Command>) -> std::io::Result<Self> {
        let (stop, stopped) = channel();
        let wal = PathBuf::from(format!("{}-wal", path.display()));
        let thread = vital::thread("checkpoint", move || {
            let (mut last, mut quiet, mut held) = (0, 0, 0_u32);
            while stopped.recv_timeout(LOOK_EVERY) == Err(RecvTimeoutError::Timeout) {
                let size = std::fs::metadata(&wal).map_or(0, |meta| meta.len());
                quiet = if size == last { quiet + 1 } else { 0 };
                last = size;
                let is_due = size >= TRUNCATE_BYTES || (size > 0 && quiet % QUIET_LOOKS == QUIET_LOOKS - 1);
                if !is_due && (size < PASSIVE_BYTES || quiet > 0) {
                    continue;
                }
                match move_pages(&db) {
                    // If the writer's queue is full, the next look tries again.
                    Ok(true) if is_due => {
                        if let Some(commands) = commands.upgrade() {
                            drop(commands.try_send(Command::Truncate(None)));
                        }
                    }
                    Ok(false) if size >= TRUNCATE_BYTES => {
                        if held.is_multiple_of(WARNING_LOOKS) {
                            tracing::warn!(
                                bytes = size,
                                "a reader keeps the write-ahead log from being emptied"
                            );
                        }
                        held += 1;
                    }
                    Ok(_) => held = 0,
                    Err(error) => tracing::warn!(%error, "checkpoint failed"),
                }
            }
        })?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

/// Moves what no reader holds back, beside the writer. Says whether that was all: then the writer
/// has little to do to empty the log.
fn move_pages(db: &Connection) -> rusqlite::Result<bool> {
    db.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| {
        let (busy, pages, moved): (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        Ok(busy == 0 && pages == moved)
    })
}

impl Writer {
    /// Gives up at once where a reader still needs the log: callers wait for this thread. The
    /// checkpointer asks again.
    pub(super) fn truncate(&self) -> bool {
        let truncated = self.db.busy_timeout(Duration::ZERO).and_then(|()| {
            self.db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0))
        });
        let restored = self.db.busy_timeout(BUSY_WAIT_MAX);
        let emptied = truncated.and_then(|busy| restored.map(|()| busy == 0));
        emptied.unwrap_or_else(|error| {
            tracing::warn!(error = %describe(&error), "the write-ahead log could not be emptied");
            false
        })
    }

    /// Writes the whole database anew. Everything waits meanwhile.
    pub(super) fn rewrite(&self) -> bool {
        // Its copy is made in memory: no other directory gets to see it.
        let rewritten = self.db.execute_batch("PRAGMA temp_store = MEMORY; VACUUM");
        let restored = self.db.execute_batch("PRAGMA temp_store = DEFAULT");
        let rewritten = rewritten.and(restored);
        if let Err(error) = &rewritten {
            tracing::warn!(error = %describe(error), "the database could not be rewritten");
        }
        rewritten.is_ok()
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic has ended the process already.
            drop(thread.join());
        }
    }
}
