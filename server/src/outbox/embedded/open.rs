//! Opens the database: the lock, the schema, and the leases that a crash left.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::committer::BUSY_WAIT_MAX;
use super::migrate::{MigrateError, SCHEMA_VERSION, migrate};
use super::sql::*;
use crate::private;

/// Longest wait of any schedule, milliseconds. A later due time was written while the machine's
/// clock was ahead.
const WAIT_MS_MAX: i64 = 26 * 3600 * 1000;

/// Longest wait of a question to the payment provider, milliseconds: its schedule ends within 7 days.
const ASK_MS_MAX: i64 = 7 * 24 * 3600 * 1000;

/// Why the store cannot be opened. The text says what to do next.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The directory cannot be created or written.
    #[error(
        "the data directory {0} cannot be used: {1}; check that it exists and is writable (TANDEM_DATA_DIR)"
    )]
    Directory(PathBuf, std::io::Error),
    /// Another server uses the directory.
    #[error("another tandem-server is using the data directory {0}; stop it or set another TANDEM_DATA_DIR")]
    InUse(PathBuf),
    /// A newer version wrote the database.
    #[error(
        "the database in {0} has schema version {1}, newer than this program's {SCHEMA_VERSION}; use the newer tandem-server"
    )]
    FromTheFuture(PathBuf, i64),
    /// SQLite cannot open the database.
    #[error("the database in {0} cannot be opened: {1}")]
    Database(PathBuf, rusqlite::Error),
}

/// An opened database with its lock. The lock lives as long as this value.
pub(super) struct Opened {
    pub(super) writer: Connection,
    pub(super) path: PathBuf,
    pub(super) lock: File,
    /// The database file, to look into. On Unix, closing any handle of a file ends all locks that this process holds
    /// on it, SQLite's too (SQLite, "How To Corrupt An SQLite Database File", 2.2). Another program would then take
    /// itself for the last user and remove the log from under the server. So this handle was opened before the first
    /// connection, is the only one, and is closed after the last.
    pub(super) file: File,
}

/// Opens or creates the database in `dir` and gives all leases back.
pub(super) fn open(dir: &Path, now_ms: i64) -> Result<Opened, OpenError> {
    private::make_private(dir).map_err(|e| OpenError::Directory(dir.into(), e))?;
    let file =
        |name| private::file(&dir.join(name), false).map_err(|error| OpenError::Directory(dir.into(), error));
    let lock = file(private::LOCK)?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(OpenError::InUse(dir.into())),
        Err(TryLockError::Error(e)) => return Err(OpenError::Directory(dir.into(), e)),
    }
    // SQLite would make it readable for all. An empty file is an empty database.
    let searched = file(private::DATABASE)?;
    let path = dir.join(private::DATABASE);
    let fail = |e| OpenError::Database(dir.into(), e);
    let writer = Connection::open(&path).map_err(fail)?;
    configure(&writer).map_err(fail)?;
    migrate(&writer).map_err(|error| match error {
        MigrateError::FromTheFuture(version) => OpenError::FromTheFuture(dir.into(), version),
        MigrateError::Database(error) => fail(error),
    })?;
    // The last process no longer holds its leases. An event that was being sent goes out again
    // under its first ID.
    writer
        .execute_batch(&format!(
            "BEGIN;
             INSERT INTO totals (pixel, state, n)
               SELECT pixel, {PENDING}, count(*) FROM events WHERE due_ms IS NOT NULL AND state = {IN_FLIGHT} GROUP BY pixel
               ON CONFLICT (pixel, state) DO UPDATE SET n = n + excluded.n;
             UPDATE totals SET n = 0 WHERE state = {IN_FLIGHT};
             UPDATE events SET state = {PENDING}, due_ms = {now_ms} WHERE due_ms IS NOT NULL AND state = {IN_FLIGHT};
             UPDATE events SET due_ms = {now_ms} WHERE due_ms > {now_ms} + {WAIT_MS_MAX};
             UPDATE orders SET ask_at_ms = {now_ms} WHERE ask_at_ms > {now_ms} + {ASK_MS_MAX};
             COMMIT;"
        ))
        .map_err(fail)?;
    Ok(Opened { writer, path, lock, file: searched })
}

fn configure(db: &Connection) -> rusqlite::Result<()> {
    db.busy_timeout(BUSY_WAIT_MAX)?;
    db.pragma_update(None, "journal_mode", "WAL")?;
    // Every commit reaches the disk before its callers get an answer.
    db.pragma_update(None, "synchronous", "FULL")?;
    // Checkpoints run on their own thread, off the commit path.
    db.pragma_update(None, "wal_autocheckpoint", 0)?;
    db.pragma_update(None, "cache_size", -65536)?;
    db.pragma_update(None, "foreign_keys", false)?;
    // What is deleted is overwritten: match keys would stay in free pages otherwise. Measured with 20,000 events stored,
    // delivered and deleted: the same time within a tenth, half as many bytes again (FAST keeps free pages).
    db.pragma_update(None, "secure_delete", true)?;
    db.set_prepared_statement_cache_capacity(64);
    Ok(())
}

/// Opens a read-only connection.
pub(super) fn open_reader(path: &Path) -> rusqlite::Result<Connection> {
    let db = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    db.busy_timeout(Duration::from_secs(5))?;
    db.pragma_update(None, "cache_size", -16384)?;
    Ok(db)
}
