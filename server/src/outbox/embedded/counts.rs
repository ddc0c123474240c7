//! Counting: every change of state updates the totals and the counts per minute in the same
//! transaction, so that figures and rows never disagree.

use std::collections::HashMap;

use rusqlite::Connection;
use tandem_core::id::STANDARD_EVENTS;

use crate::outbox::{Metric, State};

/// Name under which all custom events are counted, because the number of their own names has no
/// bound.
const CUSTOM: &str = "custom";

/// Count changes of one transaction, written at its end.
#[derive(Debug, Default)]
pub(super) struct CountDeltas {
    totals: HashMap<(i64, State), i64>,
    counts: HashMap<(i64, i64, &'static str, Metric), i64>,
    orders: HashMap<bool, i64>,
}

impl CountDeltas {
    /// An entry enters a state (`by` = 1) or leaves it (`-1`).
    pub(super) fn state(&mut self, pixel: i64, state: State, by: i64) {
        *self.totals.entry((pixel, state)).or_default() += by;
    }

    /// An entry changes from one state to another.
    pub(super) fn moved(&mut self, pixel: i64, from: State, to: State) {
        if from != to {
            self.state(pixel, from, -1);
            self.state(pixel, to, 1);
        }
    }

    /// Counts something that happened at `at_ms`. The name is empty for what concerns no event.
    pub(super) fn count(&mut self, at_ms: i64, pixel: i64, name: &str, metric: Metric, n: i64) {
        let name = match name {
            "" => "",
            name => STANDARD_EVENTS.into_iter().find(|standard| *standard == name).unwrap_or(CUSTOM),
        };
        *self.counts.entry((at_ms.div_euclid(60_000), pixel, name, metric)).or_default() += n;
    }

    /// Adds orders (`by` > 0) or removes them, by whether they are paid.
    pub(super) fn orders(&mut self, paid: bool, by: i64) {
        *self.orders.entry(paid).or_default() += by;
    }

    /// Writes all changes to the database and clears them.
    pub(super) fn write(&mut self, db: &Connection) -> rusqlite::Result<()> {
        let mut totals = db.prepare_cached(
            "INSERT INTO totals (pixel, state, n) VALUES (?1, ?2, ?3)
             ON CONFLICT (pixel, state) DO UPDATE SET n = n + excluded.n",
        )?;
        for ((pixel, state), by) in self.totals.drain().filter(|(_, by)| *by != 0) {
            totals.execute((pixel, state as u8, by))?;
        }
        let mut counts = db.prepare_cached(
            "INSERT INTO counts (minute, pixel, name, metric, n) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (minute, pixel, name, metric) DO UPDATE SET n = n + excluded.n",
        )?;
        for ((minute, pixel, name, metric), n) in self.counts.drain() {
            counts.execute((minute, pixel, name, metric as u8, n))?;
        }
        let mut orders = db.prepare_cached(
            "INSERT INTO order_totals (paid, n) VALUES (?1, ?2)
             ON CONFLICT (paid) DO UPDATE SET n = n + excluded.n",
        )?;
        for (paid, by) in self.orders.drain().filter(|(_, by)| *by != 0) {
            orders.execute((paid, by))?;
        }
        Ok(())
    }

    /// Drops all changes, because the transaction was rolled back.
    pub(super) fn clear(&mut self) {
        self.totals.clear();
        self.counts.clear();
        self.orders.clear();
    }
}

/// New orders since the last count of the unproven orders.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct NewOrders(usize);

impl NewOrders {
    /// Adds one. Returns true at each `every`-th order.
    pub(super) fn add_one(&mut self, every: usize) -> bool {
        self.0 += 1;
        let is_full = self.0 >= every;
        if is_full {
            self.0 = 0;
        }
        is_full
    }
}
