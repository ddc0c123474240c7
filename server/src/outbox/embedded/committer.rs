//! The one thread that writes. It takes everything that waits, writes one transaction,
//! syncs once and answers all (group commit). No timer: an idle server answers after one
//! sync, a busy one shares syncs.

use std::collections::HashMap;
use std::sync::Arc;

use rusqlite::{Connection, ErrorCode};
use tandem_core::hash::Sha256Hex;
use tandem_core::id::{OrderId, PixelId};
use tokio::sync::{broadcast, mpsc, oneshot};

use super::early::Early;
use super::events::pixel_no;
use super::ledger::Ledger;
use crate::clock::Clock;
use crate::outbox::{
    Appended, AttemptResult, CallRecord, ClaimedEvent, Confirmation, Confirmed, Erased, NewEvent, OrderStep,
    OrderUpdated, Replayed, StoreError, WebhookRecord,
};

/// Most commands of one transaction: bounds the wait of the first.
const COMMANDS_PER_COMMIT_MAX: usize = 2048;

/// Where an answer goes. The caller may have left.
pub(super) type Reply<T> = oneshot::Sender<Result<T, StoreError>>;

/// Something to write.
pub(super) enum Command {
    Append(Box<NewEvent>, Reply<Appended>),
    Order {
        id: OrderId,
        pixel: PixelId,
        webhook: Option<WebhookRecord>,
        step: OrderStep,
        reply: Reply<OrderUpdated>,
    },
    Webhook(WebhookRecord, Reply<bool>),
    Confirm(PixelId, Vec<Confirmation>, Reply<Confirmed>),
    Claim {
        pixel: PixelId,
        max: usize,
        now_ms: i64,
        lease_until_ms: i64,
        reply: Reply<Vec<ClaimedEvent>>,
    },
    Record(CallRecord, Vec<AttemptResult>, Reply<()>),
    Release(Vec<(u64, u32)>, i64, Reply<()>),
    ReleaseHeld(String, i64, Reply<u64>),
    Adopt(PixelId, Reply<u64>),
    Replay {
        seqs: Vec<u64>,
        allow_double_count: bool,
        reply: Reply<Replayed>,
    },
    Erase(Vec<Sha256Hex>, Reply<Erased>),
    Pause(PixelId, bool, Reply<()>),
    Sweep {
        now_ms: i64,
        retention_ms: i64,
        max: usize,
        reply: Reply<usize>,
    },
    Probe(Reply<()>),
    /// Empties the write-ahead log into the database and shrinks it.
    Truncate,
}

/// A command that was carried out and waits for the commit.
enum Done {
    Append(Appended, Reply<Appended>),
    Order(OrderUpdated, Reply<OrderUpdated>),
    Bool(bool, Reply<bool>),
    Confirm(Confirmed, Reply<Confirmed>),
    Claim(Vec<ClaimedEvent>, Reply<Vec<ClaimedEvent>>),
    Unit(Reply<()>),
    Count(u64, Reply<u64>),
    Rows(usize, Reply<usize>),
    Replay(Replayed, Reply<Replayed>),
    Erase(Erased, Reply<Erased>),
    Nothing,
}

impl Done {
    fn answer(self) {
        // A caller who has left does not need the answer.
        match self {
            Self::Append(value, reply) => drop(reply.send(Ok(value))),
            Self::Order(value, reply) => drop(reply.send(Ok(value))),
            Self::Bool(value, reply) => drop(reply.send(Ok(value))),
            Self::Confirm(value, reply) => drop(reply.send(Ok(value))),
            Self::Claim(value, reply) => drop(reply.send(Ok(value))),
            Self::Unit(reply) => drop(reply.send(Ok(()))),
            Self::Count(value, reply) => drop(reply.send(Ok(value))),
            Self::Rows(value, reply) => drop(reply.send(Ok(value))),
            Self::Replay(value, reply) => drop(reply.send(Ok(value))),
            Self::Erase(value, reply) => drop(reply.send(Ok(value))),
            Self::Nothing => {}
        }
    }
}

impl Command {
    fn refuse(self, error: StoreError) {
        match self {
            Self::Append(_, reply) => drop(reply.send(Err(error))),
            Self::Order { reply, .. } => drop(reply.send(Err(error))),
            Self::Webhook(_, reply) => drop(reply.send(Err(error))),
            Self::Confirm(_, _, reply) => drop(reply.send(Err(error))),
            Self::Claim { reply, .. } => drop(reply.send(Err(error))),
            Self::Replay { reply, .. } => drop(reply.send(Err(error))),
            Self::Erase(_, reply) => drop(reply.send(Err(error))),
            Self::Record(_, _, reply)
            | Self::Release(_, _, reply)
            | Self::Pause(_, _, reply)
            | Self::Probe(reply) => {
                drop(reply.send(Err(error)));
            }
            Self::ReleaseHeld(_, _, reply) | Self::Adopt(_, reply) => drop(reply.send(Err(error))),
            Self::Sweep { reply, .. } => drop(reply.send(Err(error))),
            Self::Truncate => {}
        }
    }

    fn accept(self, result: Outcome) -> Done {
        match (self, result) {
            (Self::Append(_, reply), Outcome::Append(value)) => Done::Append(value, reply),
            (Self::Order { reply, .. }, Outcome::Order(value)) => Done::Order(value, reply),
            (Self::Webhook(_, reply), Outcome::Bool(value)) => Done::Bool(value, reply),
            (Self::Confirm(_, _, reply), Outcome::Confirm(value)) => Done::Confirm(value, reply),
            (Self::Claim { reply, .. }, Outcome::Claim(value)) => Done::Claim(value, reply),
            (
                Self::Record(_, _, reply)
                | Self::Release(_, _, reply)
                | Self::Pause(_, _, reply)
                | Self::Probe(reply),
                Outcome::Unit,
            ) => Done::Unit(reply),
            (Self::Replay { reply, .. }, Outcome::Replay(value)) => Done::Replay(value, reply),
            (Self::Erase(_, reply), Outcome::Erase(value)) => Done::Erase(value, reply),
            (Self::ReleaseHeld(_, _, reply) | Self::Adopt(_, reply), Outcome::Count(value)) => {
                Done::Count(value, reply)
            }
            (Self::Sweep { reply, .. }, Outcome::Rows(value)) => Done::Rows(value, reply),
            _ => Done::Nothing,
        }
    }
}

/// Result of carrying out a command, before the commit.
enum Outcome {
    Append(Appended),
    Order(OrderUpdated),
    Bool(bool),
    Confirm(Confirmed),
    Claim(Vec<ClaimedEvent>),
    Unit,
    Count(u64),
    Rows(usize),
    Replay(Replayed),
    Erase(Erased),
}

/// The writing side of the database. Its methods run inside a transaction.
pub(super) struct Writer {
    pub(super) db: Connection,
    pub(super) ledger: Ledger,
    clock: Clock,
    pixels: HashMap<PixelId, i64>,
    probes: u32,
    changes: broadcast::Sender<Arc<[u64]>>,
    changed: Vec<u64>,
    pub(super) early: Early,
}

impl Writer {
    pub(super) fn new(db: Connection, clock: Clock, changes: broadcast::Sender<Arc<[u64]>>) -> Self {
        let (ledger, pixels) = (Ledger::default(), HashMap::new());
        Self { db, ledger, clock, pixels, probes: 0, changes, changed: Vec::new(), early: Early::default() }
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
        let mut batch = Vec::with_capacity(COMMANDS_PER_COMMIT_MAX);
        while commands.blocking_recv_many(&mut batch, COMMANDS_PER_COMMIT_MAX) > 0 {
            let truncate = batch.iter().any(|command| matches!(command, Command::Truncate));
            self.commit(std::mem::take(&mut batch));
            if truncate {
                self.truncate();
            }
        }
        self.truncate();
    }

    fn commit(&mut self, batch: Vec<Command>) {
        match self.transact(batch) {
            Ok(done) => {
                done.into_iter().for_each(Done::answer);
                if !self.changed.is_empty() {
                    // Nobody may be watching any more.
                    drop(self.changes.send(std::mem::take(&mut self.changed).into()));
                }
            }
            Err((fault, batch)) if is_systemic(&fault) || batch.len() <= 1 => {
                let error = StoreError::Unavailable(describe(&fault));
                tracing::error!(store.fault = %describe(&fault), commands = batch.len(), "the store refused a commit");
                for command in batch {
                    command.refuse(error.clone());
                }
            }
            // One command may be at fault: it must not take the others with it.
            Err((_, batch)) => {
                for command in batch {
                    self.commit(vec![command]);
                }
            }
        }
    }

    /// Carries out a batch in one transaction. On a fault nothing is written, and the
    /// commands come back.
    fn transact(&mut self, mut batch: Vec<Command>) -> Result<Vec<Done>, (rusqlite::Error, Vec<Command>)> {
        match self.write(&mut batch) {
            Ok(outcomes) => Ok(batch
                .into_iter()
                .zip(outcomes)
                .map(|(command, outcome)| command.accept(outcome))
                .collect()),
            Err(fault) => {
                self.ledger.clear();
                self.pixels.clear();
                self.changed.clear();
                if !self.db.is_autocommit()
                    && let Err(fault) = self.db.execute_batch("ROLLBACK")
                {
                    tracing::error!(store.fault = %describe(&fault), "rollback failed");
                }
                Err((fault, batch))
            }
        }
    }

    fn write(&mut self, batch: &mut [Command]) -> rusqlite::Result<Vec<Outcome>> {
        let now_ms = self.clock.now_ms();
        self.db.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        let mut outcomes = Vec::with_capacity(batch.len());
        for command in batch.iter_mut() {
            outcomes.push(self.carry_out(command, now_ms)?);
        }
        let mut ledger = std::mem::take(&mut self.ledger);
        ledger.write(&self.db)?;
        self.ledger = ledger;
        self.db.prepare_cached("COMMIT")?.execute([])?;
        Ok(outcomes)
    }

    fn carry_out(&mut self, command: &mut Command, now_ms: i64) -> rusqlite::Result<Outcome> {
        Ok(match command {
            Command::Append(event, _) => Outcome::Append(self.append(event)?),
            Command::Order { id, pixel, webhook, step, .. } => {
                Outcome::Order(self.update_order(id, pixel, webhook.as_ref(), step, now_ms)?)
            }
            Command::Webhook(webhook, _) => Outcome::Bool(self.record_webhook(webhook)?),
            Command::Confirm(pixel, confirmations, _) => {
                Outcome::Confirm(self.confirm(pixel, confirmations, now_ms)?)
            }
            Command::Claim { pixel, max, now_ms, lease_until_ms, .. } => {
                Outcome::Claim(self.claim(pixel, *max, *now_ms, *lease_until_ms)?)
            }
            Command::Record(call, results, _) => {
                self.record(call, results, now_ms)?;
                Outcome::Unit
            }
            Command::Release(leases, due_ms, _) => {
                self.release(leases, *due_ms)?;
                Outcome::Unit
            }
            Command::ReleaseHeld(code, now_ms, _) => Outcome::Count(self.release_held(code, *now_ms)?),
            Command::Adopt(pixel, _) => Outcome::Count(self.adopt_unassigned(pixel)?),
            Command::Sweep { now_ms, retention_ms, max, .. } => {
                Outcome::Rows(self.sweep(*now_ms, *retention_ms, *max)?)
            }
            Command::Replay { seqs, allow_double_count, .. } => {
                Outcome::Replay(self.replay(seqs, *allow_double_count, now_ms)?)
            }
            Command::Erase(digests, _) => Outcome::Erase(self.erase(digests, now_ms)?),
            Command::Pause(pixel, paused, _) => {
                let no = self.pixel(pixel)?;
                self.db
                    .prepare_cached("UPDATE pixels SET paused = ?2 WHERE no = ?1")?
                    .execute((no, *paused))?;
                Outcome::Unit
            }
            Command::Probe(_) => {
                // A write that reaches the disk, so that a full one shows.
                self.probes = self.probes.wrapping_add(1);
                self.db.pragma_update(None, "application_id", self.probes % 1000)?;
                Outcome::Unit
            }
            Command::Truncate => Outcome::Unit,
        })
    }

    fn truncate(&self) {
        let result = self.db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0));
        if let Err(fault) = result {
            tracing::warn!(store.fault = %describe(&fault), "the write-ahead log could not be emptied");
        }
    }
}

/// Whether the next command would fail the same way.
fn is_systemic(fault: &rusqlite::Error) -> bool {
    matches!(
        fault.sqlite_error_code(),
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

/// SQLite's word for the fault, without any value of the row at hand.
fn describe(fault: &rusqlite::Error) -> String {
    match fault {
        rusqlite::Error::SqliteFailure(error, _) => error.to_string(),
        rusqlite::Error::ToSqlConversionFailure(_) => "a stored order cannot be read".into(),
        other => {
            other.sqlite_error_code().map_or_else(|| "unexpected fault".into(), |code| format!("{code:?}"))
        }
    }
}
