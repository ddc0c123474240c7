//! The only thread that writes. It takes all waiting commands, writes one transaction, syncs once
//! and answers them all (group commit). There is no timer: an idle server answers after one sync,
//! and on a busy server commands share syncs.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode};
use tandem_core::id::PixelId;
use tokio::sync::{broadcast, oneshot};

use super::counts::{CountDeltas, NewOrders};
use super::early::Early;
use super::given_up::GivenUp;
use super::lanes::{PER_COMMIT_MAX, Waiting};
use super::run_time::{CommitTime, RunTime};
use super::sql::pixel_no;
use crate::clock::Clock;
use crate::outbox::{HandedEvent, LeaseHolder, NewEvent, StoreError};

/// Smallest jump of the wall clock that moves the schedules, milliseconds. A smaller difference is
/// noise between two readings.
pub(super) const JUMP_MS_MIN: i64 = 2_000;

/// Longest wait for another program that writes to the database, such as an operator's shell.
pub(super) const BUSY_WAIT_MAX: Duration = Duration::from_secs(10);

/// Something for the writer to do.
pub(super) enum Command {
    /// A change to write. Its caller gets an answer once the change is on disk.
    Write(Box<dyn Work>),
    /// Empties the write-ahead log into the database and shrinks it, if no reader needs it. Answers whether it did.
    Truncate(Option<oneshot::Sender<bool>>),
    /// Writes the whole database anew, without what rows left in the gaps of pages. Answers whether it did.
    Rewrite(oneshot::Sender<bool>),
}

/// A change, and the caller to answer.
pub(super) trait Work: Send {
    /// Makes the change, inside the transaction. May run again after a rollback.
    fn run(&mut self, writer: &mut Writer, now_ms: i64) -> rusqlite::Result<()>;

    /// Answers the caller, who may have disconnected.
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
    /// Makes a command and the channel for its answer. `change` gets Unix milliseconds. It may run
    /// again, so it must depend on its input alone.
    pub(super) fn write<T: Send + 'static>(
        change: impl FnMut(&mut Writer, i64) -> rusqlite::Result<T> + Send + 'static,
    ) -> (Self, oneshot::Receiver<Result<T, StoreError>>) {
        let (reply, answer) = oneshot::channel();
        (Self::Write(Box::new(Job { change, outcome: None, reply })), answer)
    }
}

/// Whether one command was written, and the error if not.
type Committed = Result<(), StoreError>;

/// A copy of the writer's counters, to restore them after a rollback.
#[derive(Clone, Copy)]
struct Mark {
    changed: usize,
    handed: usize,
    given_up: usize,
    early: usize,
    new_orders: NewOrders,
}

/// An event that is stored already leased, and who sends it.
struct Handover {
    holder: Arc<dyn LeaseHolder>,
    seq: u64,
    event: HandedEvent,
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
    /// Clock offset that the stored schedules follow, milliseconds.
    follows_ms: Arc<AtomicI64>,
    pixels: HashMap<PixelId, i64>,
    changes: broadcast::Sender<Arc<[u64]>>,
    changed: Vec<u64>,
    handed: Vec<Handover>,
    pub(super) given_up: Vec<GivenUp>,
}

impl Writer {
    /// `follows_ms`: the writer stores here the clock offset that the stored schedules follow.
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
            handed: Vec::new(),
            given_up: Vec::new(),
        }
    }

    /// Remembers that an event changed, for the watchers.
    pub(super) fn changed(&mut self, seq: u64) {
        if self.changes.receiver_count() > 0 {
            self.changed.push(seq);
        }
    }

    /// Has an event handed to its holder once it is on disk.
    pub(super) fn leased(&mut self, holder: &Arc<dyn LeaseHolder>, seq: u64, event: &NewEvent) {
        let (time_s, environment) = (event.time_s, event.environment);
        let handed = HandedEvent { time_s, environment, payload: Arc::clone(&event.payload) };
        self.handed.push(Handover { holder: Arc::clone(holder), seq, event: handed });
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

    /// Writes until every sender is gone, then empties the log.
    pub(super) fn run(mut self, mut commands: Waiting<Command>) {
        self.work_off(&mut commands);
        if let Err(error) = self.run_time.finish(&self.db) {
            tracing::warn!(error = %describe(&error), "the running time could not be written");
        }
        self.truncate();
    }

    /// Writes until every sender is gone, and leaves the log as it is.
    pub(super) fn work_off(&mut self, commands: &mut Waiting<Command>) {
        let mut batch = Vec::with_capacity(2 * PER_COMMIT_MAX);
        while commands.take(&mut batch) {
            let (mut truncate, mut rewrite, mut answers) = (false, false, Vec::new());
            let mut works = Vec::with_capacity(batch.len());
            for command in batch.drain(..) {
                match command {
                    Command::Write(work) => works.push(work),
                    Command::Truncate(answer) => {
                        truncate = true;
                        answers.extend(answer);
                    }
                    Command::Rewrite(answer) => {
                        rewrite = true;
                        answers.push(answer);
                    }
                }
            }
            if !works.is_empty() {
                self.commit(works);
            }
            let mut is_done = true;
            if rewrite {
                is_done &= self.rewrite();
            }
            if truncate {
                is_done &= self.truncate();
            }
            for answer in answers {
                // The caller may have gone.
                let _ = answer.send(is_done);
            }
        }
    }

    fn commit(&mut self, mut batch: Vec<Box<dyn Work>>) {
        let mut written = self.transact(|writer, now_ms| writer.run_together(&mut batch, now_ms));
        if let Err(error) = &written
            && batch.len() > 1
            && !is_systemic(error)
        {
            // One command may be the cause. The others must not fail because of it.
            written = self.transact(|writer, now_ms| writer.run_apart(&mut batch, now_ms));
        }
        match written {
            Ok(results) => {
                for Handover { holder, seq, event } in self.handed.drain(..) {
                    holder.take(seq, event);
                }
                batch.into_iter().zip(results).for_each(|(work, result)| work.answer(result));
                GivenUp::tell(std::mem::take(&mut self.given_up));
                if !self.changed.is_empty() {
                    // The last watcher may be gone.
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

    /// The way after an error: each command has a savepoint, so only the failing command is undone.
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
        Mark {
            changed: self.changed.len(),
            handed: self.handed.len(),
            given_up: self.given_up.len(),
            early: self.early.mark(),
            new_orders: self.new_orders,
        }
    }

    /// Restores the writer's memory to a mark. At a mark no counts are waiting to be written, so
    /// all counts are cleared.
    fn undo(&mut self, mark: Mark) {
        self.counts.clear();
        self.pixels.clear();
        self.changed.truncate(mark.changed);
        self.handed.truncate(mark.handed);
        self.given_up.truncate(mark.given_up);
        self.early.undo(mark.early);
        self.new_orders = mark.new_orders;
    }

    /// Moves every schedule when the wall clock was set: a lease must not end early, and a retry
    /// due in a minute must not wait for a day. Returns whether it moved them.
    fn follow_clock(&self, offset_ms: i64) -> rusqlite::Result<bool> {
        let by_ms = offset_ms - self.follows_ms.load(Ordering::Relaxed);
        if by_ms.abs() < JUMP_MS_MIN {
            return Ok(false);
        }
        tracing::warn!(by_ms, "the machine's clock was set; all schedules were moved by as much");
        for sql in [
            "UPDATE events SET due_ms = due_ms + ?1 WHERE due_ms IS NOT NULL",
            "UPDATE orders SET ask_at_ms = ask_at_ms + ?1 WHERE ask_at_ms IS NOT NULL",
        ] {
            self.db.prepare_cached(sql)?.execute([by_ms])?;
        }
        Ok(true)
    }
}

/// Whether the following commands would fail in the same way.
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

/// SQLite's name for the error, without any value from the row.
pub(super) fn describe(error: &rusqlite::Error) -> String {
    match error {
        rusqlite::Error::SqliteFailure(error, _) => error.to_string(),
        rusqlite::Error::ToSqlConversionFailure(_) => "an order cannot be written".into(),
        other => {
            other.sqlite_error_code().map_or_else(|| "unexpected error".into(), |code| format!("{code:?}"))
        }
    }
}
