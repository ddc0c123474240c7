//! Replay: dead letters go back to pending under the same event ID.

use rusqlite::OptionalExtension as _;

use super::committer::Writer;
use crate::outbox::{Replayable, Replayed, State};

impl Writer {
    pub(super) fn replay(
        &mut self,
        seqs: &[u64],
        allow_double_count: bool,
        now_ms: i64,
    ) -> rusqlite::Result<Replayed> {
        let mut outcome = Replayed::default();
        for seq in seqs {
            let found: Option<(i64, i64, bool, Option<String>)> = self
                .db
                .prepare_cached(
                    "SELECT pixel, time_s, person IS NOT NULL, code FROM events WHERE seq = ?1 AND state = 5",
                )?
                .query_row([seq], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))
                .optional()?;
            let Some((pixel, time_s, has_person, why)) = found else { continue };
            let replayable = Replayable::judge(has_person, time_s, why.as_deref(), now_ms.div_euclid(1000));
            if outcome.count(replayable, allow_double_count) {
                // Sent although its twin is old: the twin's age must not stop it again.
                self.db
                    .prepare_cached(
                        "UPDATE events SET state = 1, due_ms = ?2, finished_ms = NULL, replayed_at = attempts,
                                fired_s = CASE ?3 WHEN 1 THEN NULL ELSE fired_s END
                         WHERE seq = ?1",
                    )?
                    .execute((seq, now_ms, allow_double_count))?;
                self.counts.moved(pixel, State::DeadLetter, State::Pending);
                self.changed(*seq);
            }
        }
        Ok(outcome)
    }
}
