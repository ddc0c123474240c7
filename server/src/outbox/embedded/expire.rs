//! Events that Meta would no longer take become dead letters on their own, wherever they
//! wait: behind a held pixel, for a retry, or held one by one.

use rusqlite::{Connection, OptionalExtension as _};
use tandem_core::code;

use super::committer::Writer;
use super::events::state;
use crate::outbox::{Metric, State};

/// Positions of at most `max` waiting events from before `limit_s` (Unix seconds). Read from
/// two indexes that hold what waits and nothing else.
pub(super) fn too_old(db: &Connection, limit_s: i64, max: usize) -> rusqlite::Result<Vec<u64>> {
    let mut seqs = Vec::new();
    for sql in [
        "SELECT seq FROM events INDEXED BY events_open WHERE due_ms IS NOT NULL AND time_s < ?1 LIMIT ?2",
        "SELECT seq FROM events INDEXED BY events_held WHERE state = 4 AND time_s < ?1 LIMIT ?2",
    ] {
        let rest = max - seqs.len();
        let mut found = db.prepare_cached(sql)?;
        for seq in found.query_map((limit_s, rest), |row| row.get(0))? {
            seqs.push(seq?);
        }
    }
    Ok(seqs)
}

impl Writer {
    /// Gives up what is still waiting among the events at these positions. What is on its
    /// way ends as it ends.
    pub(super) fn expire(&mut self, seqs: &[u64], now_ms: i64) -> rusqlite::Result<usize> {
        let mut expired = 0;
        for seq in seqs {
            let found: Option<(i64, i64, String)> = self
                .db
                .prepare_cached(
                    "SELECT pixel, state, name FROM events WHERE seq = ?1 AND state IN (1, 4, 7)",
                )?
                .query_row([seq], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
                .optional()?;
            let Some((pixel, was, name)) = found else { continue };
            self.db
                .prepare_cached(
                    "UPDATE events SET state = 5, due_ms = NULL, finished_ms = ?2, code = ?3 WHERE seq = ?1",
                )?
                .execute((seq, now_ms, code::TOO_OLD))?;
            self.counts.moved(pixel, state(was), State::DeadLetter);
            self.counts.count(now_ms, pixel, &name, Metric::DeadLetter, 1);
            self.changed(*seq);
            expired += 1;
        }
        Ok(expired)
    }
}
