//! The one thread that writes. It takes everything that waits, writes one transaction,
//! syncs once and answers all (group commit). No timer: an idle server answers after one
//! sync, a busy one shares syncs.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use rusqlite::{Connection, ErrorCode};
use tandem_core::id::PixelId;
use tokio::sync::{broadcast, mpsc, oneshot};

use super::counts::{CountDeltas, NewOrders};
use super::early::Early;
use super::run_time::{CommitTime, RunTime};
use super::sql::pixel_no;
use crate::clock::Clock;
use crate::outbox::StoreError;

/// Most commands of one transaction: bounds the wait of the first.
const COMMANDS_PER_COMMIT_MAX: usize = 2048;
/// Smallest jump of the wall's clock for which schedules are moved, milliseconds. A smaller one
/// is the noise of two readings.
pub(super) const JUMP_MS_MIN: i64 = 2_000;

/// Something for the writer to do.
pub(super) enum Command {
    /// Something to write, and whom to answer once it is on disk.
    Write(Box<dyn Work>),
    /// Empties the write-ahead log into the database and shrinks it.
    Truncate,
}

/// A change, and whom to answer.
pub(super) trait Work: Send {
    /// Makes the change, inside the transaction. May run again after a rollback.
    fn run(&mut self, writer: &mut Writer, now_ms: i64) -> rusqlite::Result<()>;

    /// Answers. The caller may have disconnected.
    fn answer(self: Box<Self>, committed: Committed);
}

struct Job<T, F> {
    change: F,
    outcome: Option<T>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, F> Work for Job<T, F>
where
    T: Send,
    F: FnMut(&mut Writer, i64) -> rusqlite::Result<T> + Send,
{
    fn run(&mut self, writer: &mut Writer, now_ms: i64) -> rusqlite::Result<()> {
        self.outcome = Some((self.change)(writer, now_ms)?);
        Ok(())
    }

    fn answer(self: Box<Self>, committed: Committed) {
        let Self { outcome, reply, .. } = *self;
        // The caller may have disconnected.
        drop(reply.send(committed.and_then(|()| outcome.ok_or(StoreError::Stopped))));
    }
}

impl Command {
    /// A command and where its answer comes. `change` gets Unix milliseconds, and depends
    /// on its input alone: it may run again.
    pub(super) fn write<T: Send + 'static>(
        change: impl FnMut(&mut Writer, i64) -> rusqlite::Result<T> + Send + 'static,
    ) -> (Self, oneshot::Receiver<Result<T, StoreError>>) {
        let (reply, answer) = oneshot::channel();
        (Self::Write(Box::new(Job { change, outcome: None, reply })), answer)
    }
}

/// Whether one command was written.
type Committed = Result<(), StoreError>;

/// A copy of the writer's counters, to restore them after a rollback.
#[derive(Clone, Copy)]
struct Mark {
    changed: usize,
    early: usize,
    new_orders: NewOrders,
}

/// The writing side of the database. Its methods run inside a transaction.
pub(super) struct Writer {
    pub(super) db: Connection,
    pub(super) counts: CountDeltas,
    pub(super) early: Early,
    pub(super) new_orders: NewOrders,
    /// The time of the transaction that is open.
    pub(super) time: CommitTime,
    run_time: RunTime,
    clock: Clock,
    /// Offset of the clock that the stored schedules follow.
    follows_ms: Arc<AtomicI64>,
    pixels: HashMap<PixelId, i64>,
    changes: broadcast::Sender<Arc<[u64]>>,
    changed: Vec<u64>,
}

impl Writer {
    /// `follows_ms`: shows the clock's offset that the stored schedules follow.
    pub(super) fn new(
        db: Connection,
        run_time: RunTime,
        clock: Clock,
        follows_ms: Arc<AtomicI64>,
        changes: broadcast::Sender<Arc<[u64]>>,
    ) -> Self {
        Self {
            db,
            counts: CountDeltas::default(),
            early: Early::default(),
            new_orders: NewOrders::default(),
            time: CommitTime { run_ms: 0, trusted: None },
            run_time,
            clock,
            follows_ms,
            pixels: HashMap::new(),
            changes,
            changed: Vec::new(),
        }
    }

    /// Notes that an event changed, for those who watch.
    pub(super) fn changed(&mut self, seq: u64) {
        if self.changes.receiver_count() > 0 {
            self.changed.push(seq);
        }
    }

    /// The number under which a pixel is stored.
    pub(super) fn pixel(&mut self, id: &PixelId) -> rusqlite::Result<i64> {
        if let Some(no) = self.pixels.get(id) {
            return Ok(*no);
        }
        let no = pixel_no(&self.db, id.as_str())?;
        self.pixels.insert(id.clone(), no);
        Ok(no)
    }

    /// Writes until every sender is gone.
    pub(super) fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        self.work_off(&mut commands);
        if let Err(error) = self.run_time.finish(&self.db) {
            tracing::warn!(error = %describe(&error), "the running time could not be written");
        }
        self.truncate();
    }

    /// Writes until every sender is gone, and leaves the log as it is.
    pub(super) fn work_off(&mut self, commands: &mut mpsc::Receiver<Command>) {
        let mut batch = Vec::with_capacity(COMMANDS_PER_COMMIT_MAX);
        while commands.blocking_recv_many(&mut batch, COMMANDS_PER_COMMIT_MAX) > 0 {
            let mut truncate = false;
            let mut works = Vec::with_capacity(batch.len());
            for command in batch.drain(..) {
                match command {
                    Command::Write(work) => works.push(work),
                    Command::Truncate => truncate = true,
                }
            }
            if !works.is_empty() {
                self.commit(works);
            }
            if truncate {
                self.truncate();
            }
        }
    }

    fn commit(&mut self, mut batch: Vec<Box<dyn Work>>) {
        let mut written = self.transact(|writer, now_ms| writer.run_together(&mut batch, now_ms));
        if let Err(error) = &written
            && batch.len() > 1
            && !is_systemic(error)
        {
            // One command may be the cause. The others must not fail with it.
            written = self.transact(|writer, now_ms| writer.run_apart(&mut batch, now_ms));
        }
        match written {
            Ok(results) => {
                batch.into_iter().zip(results).for_each(|(work, result)| work.answer(result));
                if !self.changed.is_empty() {
                    // The last watcher may have gone.
                    drop(self.changes.send(std::mem::take(&mut self.changed).into()));
                }
            }
            Err(error) => {
                let commands = batch.len();
                tracing::error!(error = %describe(&error), commands, "the store refused a commit");
                batch.into_iter().for_each(|work| work.answer(Err(unavailable(&error))));
            }
        }
    }

    /// Runs commands in one transaction and commits it. On an error nothing is written, and the
    /// writer's counters are restored.
    fn transact<T>(
        &mut self,
        commands: impl FnOnce(&mut Self, i64) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        let mark = self.mark();
        let written = self.write(commands);
        if written.is_err() {
            self.undo(mark);
            if !self.db.is_autocommit()
                && let Err(error) = self.db.execute_batch("ROLLBACK")
            {
                tracing::error!(error = %describe(&error), "rollback failed");
            }
        }
        self.early.settle();
        written
    }

    fn write<T>(
        &mut self,
        commands: impl FnOnce(&mut Self, i64) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        let (now_ms, offset_ms) = (self.clock.now_ms(), self.clock.offset_ms());
        self.execute("BEGIN IMMEDIATE")?;
        let followed = self.follow_clock(offset_ms)?;
        self.time = self.run_time.begin(&self.db)?;
        let result = commands(self, now_ms)?;
        self.execute("COMMIT")?;
        self.run_time.end(self.time);
        if followed {
            self.follows_ms.store(offset_ms, Ordering::Relaxed);
        }
        Ok(result)
    }

    /// The usual way: the first error fails the whole batch.
    fn run_together(&mut self, batch: &mut [Box<dyn Work>], now_ms: i64) -> rusqlite::Result<Vec<Committed>> {
        batch.iter_mut().try_for_each(|work| work.run(self, now_ms))?;
        self.write_counts()?;
        Ok(vec![Ok(()); batch.len()])
    }

    /// After an error: each command has a savepoint, so that only the failing one is undone.
    fn run_apart(&mut self, batch: &mut [Box<dyn Work>], now_ms: i64) -> rusqlite::Result<Vec<Committed>> {
        let mut results = Vec::with_capacity(batch.len());
        for work in batch {
            let mark = self.mark();
            self.execute("SAVEPOINT command")?;
            results.push(match work.run(self, now_ms).and_then(|()| self.write_counts()) {
                Ok(()) => Ok(()),
                Err(error) if is_systemic(&error) => return Err(error),
                Err(error) => {
                    tracing::error!(error = %describe(&error), "the store refused a write");
                    self.undo(mark);
                    self.execute("ROLLBACK TO command")?;
                    Err(unavailable(&error))
                }
            });
            self.execute("RELEASE command")?;
        }
        Ok(results)
    }

    fn execute(&self, sql: &str) -> rusqlite::Result<()> {
        self.db.prepare_cached(sql)?.execute([]).map(drop)
    }

    fn write_counts(&mut self) -> rusqlite::Result<()> {
        self.counts.write(&self.db)
    }

    fn mark(&self) -> Mark {
        Mark { changed: self.changed.len(), early: self.early.mark(), new_orders: self.new_orders }
    }

    /// Brings the writer's memory back to what it was at a mark. Nothing was counted before
    /// it that is not written yet.
    fn undo(&mut self, mark: Mark) {
        self.counts.clear();
        self.pixels.clear();
        self.changed.truncate(mark.changed);
        self.early.undo(mark.early);
        self.new_orders = mark.new_orders;
    }

    /// Moves every schedule along when the wall's time was set: leases must not end early,
    /// and a retry due in a minute must not wait for a day. Says whether it did.
    fn follow_clock(&self, offset_ms: i64) -> rusqlite::Result<bool> {
        let by_ms = offset_ms - self.follows_ms.load(Ordering::Relaxed);
        if by_ms.abs() < JUMP_MS_MIN {
            return Ok(false);
        }
        tracing::warn!(by_ms, "the machine's clock was set; schedules move along");
        for sql in [
            "UPDATE events SET due_ms = due_ms + ?1 WHERE due_ms IS NOT NULL",
            "UPDATE orders SET ask_at_ms = ask_at_ms + ?1 WHERE ask_at_ms IS NOT NULL",
        ] {
            self.db.prepare_cached(sql)?.execute([by_ms])?;
        }
        Ok(true)
    }

    fn truncate(&self) {
        let result = self.db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0));
        if let Err(error) = result {
            tracing::warn!(error = %describe(&error), "the write-ahead log could not be emptied");
        }
    }
}

/// Whether the next command would fail the same way.
fn is_systemic(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(
            ErrorCode::DiskFull
                | ErrorCode::SystemIoFailure
                | ErrorCode::ReadOnly
                | ErrorCode::CannotOpen
                | ErrorCode::DatabaseCorrupt
                | ErrorCode::NotADatabase
                | ErrorCode::PermissionDenied
                | ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::OutOfMemory
        )
    )
}

fn unavailable(error: &rusqlite::Error) -> StoreError {
    StoreError::Unavailable(describe(error))
}

/// SQLite's name for the error, without any value of the row.
fn describe(error: &rusqlite::Error) -> String {
    match error {
        rusqlite::Error::SqliteFailure(error, _) => error.to_string(),
        rusqlite::Error::ToSqlConversionFailure(_) => "a stored order cannot be read".into(),
        other => {
            other.sqlite_error_code().map_or_else(|| "unexpected error".into(), |code| format!("{code:?}"))
        }
    }
}
