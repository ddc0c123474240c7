//! Purging: dead letters are deleted because an operator says so.

use rusqlite::OptionalExtension as _;

use super::committer::Writer;
use crate::outbox::State;

impl Writer {
    /// Deletes the dead letters among the events at these positions, with their attempts.
    /// The orders of Purchases stay: they make no second one.
    pub(super) fn purge(&mut self, seqs: &[u64]) -> rusqlite::Result<u64> {
        let mut purged = 0;
        for seq in seqs {
            let pixel: Option<i64> = self
                .db
                .prepare_cached("DELETE FROM events WHERE seq = ?1 AND state = 5 RETURNING pixel")?
                .query_row([seq], |row| row.get(0))
                .optional()?;
            let Some(pixel) = pixel else { continue };
            self.db.prepare_cached("DELETE FROM attempts WHERE seq = ?1")?.execute([seq])?;
            self.counts.state(pixel, State::DeadLetter, -1);
            purged += 1;
        }
        Ok(purged)
    }

    /// Takes webhooks off the list of dead letters. The webhook stays known: a late copy of
    /// it must not act.
    pub(super) fn purge_webhooks(&mut self, seqs: &[u64]) -> rusqlite::Result<u64> {
        let mut purged = 0;
        for seq in seqs {
            purged += self
                .db
                .prepare_cached(
                    "UPDATE webhooks SET dead_letter = NULL, extract = '{}' WHERE seq = ?1 AND dead_letter IS NOT NULL",
                )?
                .execute([seq])? as u64;
        }
        Ok(purged)
    }
}
