//! The store's running time, and what it remembers of the wall's.
//!
//! What is deleted is deleted by running time: it is the machine's steady time, added up over all
//! starts. No wall clock can make it jump. While the server is off it stands, so that everything
//! is kept at least as long as it should be, and what was given up can be seen for eight days in
//! which somebody could look.

use rusqlite::{Connection, OptionalExtension as _};

use crate::clock::{Clock, Reading, TrustRecord, TrustedTime};

/// Running time is written with a commit, but no more often than this, milliseconds. Rows are
/// stamped with what is written: a crash cannot take it back.
pub(super) const STEP_MS: i64 = 1_000;

/// The time of one transaction.
#[derive(Debug, Clone, Copy)]
pub(super) struct CommitTime {
    /// Running time, milliseconds; up to [`STEP_MS`] late.
    pub(super) run_ms: i64,
    /// The wall's time, as far as it may destroy or give up.
    pub(super) trusted: Option<TrustedTime>,
}

/// Counts the running time.
#[derive(Debug)]
pub(super) struct RunTime {
    clock: Clock,
    /// What was counted before this start, and the steady time at it.
    before_ms: i64,
    start_ms: i64,
    /// What is on disk.
    written_ms: i64,
}

impl RunTime {
    /// Goes on where the last start ended, and tells the clock what the store remembers.
    pub(super) fn recall(db: &Connection, clock: Clock) -> rusqlite::Result<Self> {
        let found: Option<(i64, TrustRecord)> = db
            .query_row(
                "SELECT run_ms, wall_ms, believed_ms, meta_ahead_s, steady_for_ms, confirmed, slack_ms FROM clock",
                [],
                |row| {
                    let record = TrustRecord {
                        wall_ms: row.get(1)?,
                        believed_ms: row.get(2)?,
                        meta_ahead_s: row.get(3)?,
                        steady_for_ms: row.get(4)?,
                        is_confirmed: row.get(5)?,
                        slack_ms: row.get(6)?,
                    };
                    Ok((row.get(0)?, record))
                },
            )
            .optional()?;
        let before_ms = found.map_or(0, |(run_ms, _)| run_ms);
        match found {
            Some((_, record)) => clock.recall(record),
            // A new store believes what the wall shows now, and will notice what changes.
            None => drop(clock.trusted()),
        }
        let start_ms = clock.reading().steady_ms;
        Ok(Self { clock, before_ms, start_ms, written_ms: before_ms })
    }

    fn at(&self, reading: Reading) -> i64 {
        let since_ms = reading.steady_ms.saturating_sub(self.start_ms).max(0);
        self.before_ms.saturating_add(since_ms).max(self.written_ms)
    }

    /// Begins a transaction: writes the running time if it is due. To be followed by [`Self::end`]
    /// once the transaction is on disk.
    pub(super) fn begin(&self, db: &Connection) -> rusqlite::Result<CommitTime> {
        let trusted = self.clock.trusted();
        let run_ms = self.at(self.clock.reading());
        if run_ms - self.written_ms < STEP_MS {
            return Ok(CommitTime { run_ms: self.written_ms, trusted });
        }
        self.write(db, run_ms)?;
        Ok(CommitTime { run_ms, trusted })
    }

    /// Ends a transaction that is on disk.
    pub(super) fn end(&mut self, time: CommitTime) {
        self.written_ms = time.run_ms;
    }

    fn write(&self, db: &Connection, run_ms: i64) -> rusqlite::Result<()> {
        let record = self.clock.trust_record();
        db.prepare_cached(
            "INSERT INTO clock (one, run_ms, wall_ms, believed_ms, meta_ahead_s, steady_for_ms, confirmed,
                                slack_ms)
             VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT (one) DO UPDATE SET run_ms = excluded.run_ms, wall_ms = excluded.wall_ms,
                believed_ms = excluded.believed_ms, meta_ahead_s = excluded.meta_ahead_s,
                steady_for_ms = excluded.steady_for_ms, confirmed = excluded.confirmed,
                slack_ms = excluded.slack_ms",
        )?
        .execute((
            run_ms,
            record.wall_ms,
            record.believed_ms,
            record.meta_ahead_s,
            record.steady_for_ms,
            record.is_confirmed,
            record.slack_ms,
        ))?;
        Ok(())
    }

    /// Writes the time at the end of the store's life.
    pub(super) fn finish(&self, db: &Connection) -> rusqlite::Result<()> {
        self.write(db, self.at(self.clock.reading()))
    }
}

/// The running time on disk, milliseconds.
pub(super) fn written(db: &Connection) -> rusqlite::Result<i64> {
    let found = db.query_row("SELECT run_ms FROM clock", [], |row| row.get(0)).optional()?;
    Ok(found.unwrap_or_default())
}
