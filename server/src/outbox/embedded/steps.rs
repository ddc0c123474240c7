//! Searches that no index can serve go through a table in steps, newest rows first. Each step is a
//! read transaction of its own: one that stays open for long would keep the log from being
//! emptied, and hold a reader that others wait for.

use std::ops::Range;

use rusqlite::Connection;

use super::store::Embedded;
use crate::outbox::{Page, StoreError};

/// Positions that one step goes through.
const STEP: u64 = 20_000;

/// What one step found, and where the next one begins.
#[derive(Debug)]
pub(super) struct Step<T> {
    pub(super) found: Vec<T>,
    /// Only positions below this one are left. `None`: it was the last step.
    pub(super) below_seq: Option<u64>,
}

impl<T> Step<T> {
    /// Searches the next positions of a table below `below_seq`.
    pub(super) fn through(
        db: &Connection,
        table: &'static str,
        below_seq: Option<u64>,
        search: impl FnOnce(Range<u64>) -> rusqlite::Result<Vec<T>>,
    ) -> rusqlite::Result<Self> {
        // Two queries, because SQLite finds only a single minimum or maximum by the index.
        let (first, last): (Option<u64>, Option<u64>) = db
            .prepare_cached(&format!(
                "SELECT (SELECT min(rowid) FROM {table}), (SELECT max(rowid) FROM {table})"
            ))?
            .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let (Some(first), Some(last)) = (first, last) else {
            return Ok(Self { found: Vec::new(), below_seq: None });
        };
        let end = last.saturating_add(1).min(below_seq.unwrap_or(u64::MAX));
        let start = end.saturating_sub(STEP);
        let found = search(start..end)?;
        Ok(Self { found, below_seq: (start > first).then_some(start) })
    }
}

impl Embedded {
    /// Reads a page in steps, until it is full or nothing is left.
    pub(super) async fn read_page<T: Send + 'static>(
        &self,
        page: Page,
        step: impl Fn(&Connection, Page) -> rusqlite::Result<Step<T>> + Clone + Send + 'static,
    ) -> Result<Vec<T>, StoreError> {
        let mut rows = Vec::new();
        let mut below_seq = page.below_seq;
        loop {
            let (step, rest) = (step.clone(), Page { below_seq, size: page.size - rows.len() });
            let next = self.read(move |db| step(db, rest)).await?;
            rows.extend(next.found);
            below_seq = next.below_seq;
            if below_seq.is_none() || rows.len() >= page.size {
                return Ok(rows);
            }
        }
    }
}
