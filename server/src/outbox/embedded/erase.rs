//! Erasure of a person: their keys go from every event and order that still holds them, and from the files.
//! Delivered events hold none any more. No index on personal data exists, so that readers look
//! through the tables in steps.
//!
//! Theirs is what carries one of the digests, and what shares its order or its browser (`fbp`) with that: a first visit
//! names no address. It goes no further than that, because a family shares a browser. An event that only names an order
//! leads to no order: any stranger can send one.
//!
//! Rows that are deleted are overwritten (`secure_delete`). Two places hold copies beyond them: the write-ahead log,
//! which is emptied at the end, and gaps that SQLite leaves when it divides a page. So the file is searched, and
//! rewritten as a whole if it still holds a trace.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{Read as _, Seek as _};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _};
use tandem_core::code;
use tandem_core::hash::Sha256Hex;
use tandem_core::order::Order;

use super::committer::{Command, Writer};
use super::sql::*;
use super::steps::Step;
use super::store::Embedded;
use crate::outbox::{Erased, Erasure, Metric, State, StoreError};

/// Rows changed in one transaction.
const PART: usize = 500;
/// Most searches: what was stored while one ran is found by the next.
const ROUNDS_MAX: usize = 3;
/// How often the log is tried to be emptied while readers need it, and how long each waits.
const LOG_TRIES: u32 = 50;
const LOG_WAIT: Duration = Duration::from_millis(100);
/// Largest database that is rewritten for a trace, bytes. Everything waits meanwhile.
const REWRITE_BYTES_MAX: u64 = 256 << 20;
/// Bytes of a file that are searched at once.
const CHUNK: usize = 1 << 20;

/// What may hold a person.
#[derive(Debug, Clone, Copy)]
enum Table {
    Orders,
    Events,
}

/// What tells that a row is the person's. All of it is theirs, so that `Debug` is absent.
#[derive(Clone, Default)]
struct Wanted {
    /// Digests in hex.
    digests: BTreeSet<String>,
    /// `fbp`s as JSON writes them.
    browsers: BTreeSet<String>,
    /// Orders by environment and ID.
    orders: BTreeSet<(u8, String)>,
}

/// The order that a row belongs to, or says so.
struct OfOrder {
    /// Whether the row is the order's own: itself, its Purchase or a refund. Any visitor can send another event that
    /// names an order.
    is_own: bool,
    key: (u8, String),
}

impl OfOrder {
    fn read(id: Option<String>, environment: u8) -> Option<Self> {
        id.map(|id| Self { is_own: environment != NO_MONEY, key: (environment, id) })
    }
}

impl Wanted {
    fn is_theirs(&self, order: Option<&OfOrder>, json: &str) -> bool {
        let is_of = |order: &OfOrder| match order.is_own {
            true => self.orders.contains(&order.key),
            false => self.orders.iter().any(|(_, id)| *id == order.key.1),
        };
        order.is_some_and(is_of)
            || self.digests.iter().chain(&self.browsers).any(|needle| json.contains(needle.as_str()))
    }

    /// Takes the browsers of a row that is theirs, and the order if the row is its own.
    fn follow(&mut self, order: Option<OfOrder>, json: &str) {
        self.orders.extend(order.filter(|order| order.is_own).map(|order| order.key));
        if let Ok(value) = serde_json::from_str(json) {
            browsers(&value, &mut self.browsers);
        }
    }

    /// Whether the database's file holds something of it.
    fn has_traces(&self, file: &mut File) -> std::io::Result<bool> {
        let bytes = self.digests.iter().filter_map(|hex| hex::decode(hex).ok());
        let texts = self.digests.iter().chain(&self.browsers).map(|text| text.as_bytes().to_vec());
        let needles: Vec<Vec<u8>> = bytes.chain(texts).collect();
        let longest = needles.iter().map(Vec::len).max().unwrap_or_default();
        file.rewind()?;
        let mut kept = Vec::with_capacity(CHUNK + longest);
        loop {
            let read = file.by_ref().take(CHUNK as u64).read_to_end(&mut kept)?;
            if read == 0 {
                return Ok(false);
            }
            if needles.iter().any(|needle| kept.windows(needle.len()).any(|window| window == needle)) {
                return Ok(true);
            }
            kept.drain(..kept.len().saturating_sub(longest));
        }
    }
}

/// Finds the `fbp`s in a row's JSON, at any depth.
fn browsers(value: &serde_json::Value, found: &mut BTreeSet<String>) {
    match value {
        serde_json::Value::Object(fields) => {
            let is_given = |fbp: &&serde_json::Value| fbp.as_str().is_some_and(|fbp| !fbp.is_empty());
            found.extend(fields.get("fbp").filter(is_given).map(ToString::to_string));
            fields.values().for_each(|value| browsers(value, found));
        }
        serde_json::Value::Array(values) => values.iter().for_each(|value| browsers(value, found)),
        _ => {}
    }
}

/// The rows of one search, and what they are tied to.
struct Found {
    orders: Vec<u64>,
    events: Vec<u64>,
    wanted: Wanted,
}

/// Looks for the person's rows: one step of the search.
fn find(
    db: &Connection,
    table: Table,
    wanted: &Wanted,
    below_seq: Option<u64>,
) -> rusqlite::Result<Step<(u64, Wanted)>> {
    let (name, sql) = match table {
        Table::Orders => (
            "orders",
            "SELECT rowid, id, state, environment FROM orders WHERE rowid >= ?1 AND rowid < ?2 AND stripped = 0",
        ),
        Table::Events => (
            "events",
            "SELECT seq, order_id, person, environment FROM events WHERE seq >= ?1 AND seq < ?2 AND person IS NOT NULL",
        ),
    };
    Step::through(db, name, below_seq, |seqs| {
        let mut statement = db.prepare_cached(sql)?;
        let mut rows = statement.query((seqs.start, seqs.end))?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let order = OfOrder::read(row.get(1)?, row.get(3)?);
            let json = row.get_ref(2)?.as_str()?;
            if wanted.is_theirs(order.as_ref(), json) {
                let mut ties = Wanted::default();
                ties.follow(order, json);
                found.push((row.get(0)?, ties));
            }
        }
        Ok(found)
    })
}

impl Embedded {
    /// Erases a person, or counts what an erasure would find.
    pub(super) async fn erase_person(
        &self,
        digests: Vec<Sha256Hex>,
        how: Erasure,
    ) -> Result<Erased, StoreError> {
        let digests: BTreeSet<String> = digests.iter().map(|digest| digest.to_hex()).collect();
        let mut wanted = Arc::new(Wanted { digests, ..Wanted::default() });
        let mut erased = Erased::default();
        // What carries a digest leads one step further, and what that finds leads nowhere.
        wanted = Arc::new(self.search(&wanted).await?.wanted);
        for _ in 0..ROUNDS_MAX {
            let found = self.search(&wanted).await?;
            if how == Erasure::Count {
                return Ok(Erased {
                    orders: found.orders.len() as u64,
                    events: found.events.len() as u64,
                    ..erased
                });
            }
            if found.is_empty() {
                break;
            }
            // Orders come first: after that none makes an event with the person.
            for (table, rows) in [(Table::Orders, &found.orders), (Table::Events, &found.events)] {
                for part in rows.chunks(PART) {
                    let (wanted, part) = (Arc::clone(&wanted), part.to_vec());
                    let erase =
                        move |writer: &mut Writer, now_ms| writer.erase(table, &wanted, &part, now_ms);
                    erased += self.write_patiently(erase).await?;
                }
            }
        }
        erased.leaves_traces = !self.leaves_nothing(wanted).await?;
        Ok(erased)
    }

    async fn search(&self, wanted: &Arc<Wanted>) -> Result<Found, StoreError> {
        let mut found = Found { orders: Vec::new(), events: Vec::new(), wanted: Wanted::clone(wanted) };
        for table in [Table::Orders, Table::Events] {
            let mut below_seq = None;
            loop {
                let looked_for = Arc::clone(wanted);
                let step = self.read(move |db| find(db, table, &looked_for, below_seq)).await?;
                for (seq, ties) in step.found {
                    match table {
                        Table::Orders => found.orders.push(seq),
                        Table::Events => found.events.push(seq),
                    }
                    found.wanted.browsers.extend(ties.browsers);
                    found.wanted.orders.extend(ties.orders);
                }
                below_seq = step.below_seq;
                if below_seq.is_none() {
                    break;
                }
            }
        }
        Ok(found)
    }

    /// Empties the log, and rewrites the file if it still holds a trace. Returns whether nothing is left.
    async fn leaves_nothing(&self, wanted: Arc<Wanted>) -> Result<bool, StoreError> {
        for rewrite in [false, true] {
            if rewrite {
                let bytes = std::fs::metadata(self.path()).map_or(u64::MAX, |meta| meta.len());
                if bytes > REWRITE_BYTES_MAX || !self.ask_writer(Command::Rewrite).await? {
                    return Ok(false);
                }
            }
            if !self.empty_log().await? {
                return Ok(false);
            }
            let (file, looked_for) = (Arc::clone(&self.file), Arc::clone(&wanted));
            let search = tokio::task::spawn_blocking(move || {
                looked_for.has_traces(&mut file.lock().unwrap_or_else(PoisonError::into_inner))
            });
            match search.await {
                Ok(Ok(false)) => return Ok(true),
                Ok(Ok(true)) => {}
                Ok(Err(_)) | Err(_) => return Ok(false),
            }
        }
        Ok(false)
    }

    /// Empties the write-ahead log. A reader may need it for a moment.
    async fn empty_log(&self) -> Result<bool, StoreError> {
        for _ in 0..LOG_TRIES {
            if self.ask_writer(|done| Command::Truncate(Some(done))).await? {
                return Ok(true);
            }
            tokio::time::sleep(LOG_WAIT).await;
        }
        Ok(false)
    }
}

impl Found {
    fn is_empty(&self) -> bool {
        self.orders.is_empty() && self.events.is_empty()
    }
}

impl Writer {
    /// Removes the person from those of these rows that are still theirs.
    fn erase(
        &mut self,
        table: Table,
        wanted: &Wanted,
        rows: &[u64],
        now_ms: i64,
    ) -> rusqlite::Result<Erased> {
        let mut erased = Erased::default();
        for seq in rows {
            match table {
                Table::Events => erased.events += u64::from(self.erase_from_event(*seq, wanted, now_ms)?),
                Table::Orders => erased.orders += u64::from(self.erase_from_order(*seq, wanted)?),
            }
        }
        Ok(erased)
    }

    fn erase_from_event(&mut self, seq: u64, wanted: &Wanted, now_ms: i64) -> rusqlite::Result<bool> {
        type Row = (i64, i64, String, Option<String>, String, u8);
        let found: Option<Row> = self
            .db
            .prepare_cached(
                "SELECT pixel, state, name, order_id, person, environment FROM events
                 WHERE seq = ?1 AND person IS NOT NULL",
            )?
            .query_row([seq], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?))
            })
            .optional()?;
        let Some((pixel, was, name, order, person, environment)) = found else { return Ok(false) };
        let is_theirs = wanted.is_theirs(OfOrder::read(order, environment).as_ref(), &person);
        if is_theirs {
            self.erase_event(seq, pixel, state(was), &name, now_ms)?;
        }
        Ok(is_theirs)
    }

    /// The stripped order stays, so that a late report makes no second Purchase.
    fn erase_from_order(&mut self, rowid: u64, wanted: &Wanted) -> rusqlite::Result<bool> {
        let found: Option<(Option<OfOrder>, String)> = self
            .db
            .prepare_cached("SELECT id, environment, state FROM orders WHERE rowid = ?1 AND stripped = 0")?
            .query_row([rowid], |row| Ok((OfOrder::read(row.get(0)?, row.get(1)?), row.get(2)?)))
            .optional()?;
        let Some((_, json)) = found.filter(|(order, json)| wanted.is_theirs(order.as_ref(), json)) else {
            return Ok(false);
        };
        let Ok(mut order) = serde_json::from_str::<Order>(&json) else { return Ok(false) };
        order.strip_signals();
        let json = serde_json::to_string(&order)
            .map_err(|e| rusqlite::Error::ToSqlConversionFailure(Box::new(e)))?;
        self.db
            .prepare_cached("UPDATE orders SET state = ?2, stripped = 1 WHERE rowid = ?1")?
            .execute((rowid, json))?;
        Ok(true)
    }

    /// What waits is never sent; what is on its way ends as it ends, without its person.
    fn erase_event(
        &mut self,
        seq: u64,
        pixel: i64,
        was: State,
        name: &str,
        now_ms: i64,
    ) -> rusqlite::Result<()> {
        if was.waits() {
            self.db
                .prepare_cached(
                    sql!("UPDATE events SET person = NULL, state = {SUPPRESSED}, due_ms = NULL, code = ?2, finished_ms = ?3,
                            finished_run_ms = ?4
                     WHERE seq = ?1"),
                )?
                .execute((seq, code::ERASED, now_ms, self.time.run_ms))?;
            self.counts.moved(pixel, was, State::Suppressed);
            self.counts.count(now_ms, pixel, name, Metric::Suppressed, 1);
        } else {
            self.db.prepare_cached("UPDATE events SET person = NULL WHERE seq = ?1")?.execute([seq])?;
        }
        self.changed(seq);
        Ok(())
    }
}
