//! Checkpoints move the write-ahead log into the database, off the commit path.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::mpsc::WeakSender;

use super::committer::Command;

/// How often the log's size is checked.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// From this log size on, pages are moved in the background: about 10,000 pages.
const PASSIVE_BYTES: u64 = 40 << 20;
/// From this log size on, the writer itself empties the log. Readers and a steady load can keep
/// passive checkpoints from ever starting over, so this bounds the log.
const TRUNCATE_BYTES: u64 = 160 << 20;
/// A log of any size is emptied after this many checks without growth.
const QUIET_LOOKS: u32 = 20;

/// The checkpointing thread. It ends when this value is dropped.
#[derive(Debug)]
pub(super) struct Checkpointer {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Checkpointer {
    pub(super) fn start(path: &Path, commands: WeakSender<Command>) -> std::io::Result<Self> {
        let (stop, stopped) = channel();
        let path = path.to_owned();
        let thread = std::thread::Builder::new().name("checkpoint".into()).spawn(move || {
            let wal = PathBuf::from(format!("{}-wal", path.display()));
            let Ok(db) = Connection::open(&path) else { return };
            let (mut last, mut quiet) = (0, 0);
            while stopped.recv_timeout(LOOK_EVERY) == Err(RecvTimeoutError::Timeout) {
                let size = std::fs::metadata(&wal).map_or(0, |meta| meta.len());
                quiet = if size == last { quiet + 1 } else { 0 };
                last = size;
                if size >= TRUNCATE_BYTES || (size > 0 && quiet == QUIET_LOOKS) {
                    // If the writer's queue is full, the next check tries again.
                    if let Some(commands) = commands.upgrade() {
                        drop(commands.try_send(Command::Truncate));
                    }
                } else if size >= PASSIVE_BYTES && quiet == 0 {
                    let moved =
                        db.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| row.get::<_, i64>(0));
                    if let Err(error) = moved {
                        tracing::warn!(%error, "checkpoint failed");
                    }
                }
            }
        })?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the checkpointer ended abnormally");
        }
    }
}
