//! The embedded store: SQLite in write-ahead mode, every commit synced.
//!
//! One writer thread ([`committer`]) takes what waits in its two lanes ([`lanes`]: the shop's, and the pages'), writes
//! one transaction, syncs once and answers all. Readers have connections of their own. Checkpoints run on a third
//! thread, off the commit path. At 160 MB, and when it is quiet, the writer empties the log itself
//! if no reader needs it: the commit path waits for no reader.
//!
//! *Indexes.* Every event is in three: the dedup key (ID first: version 7 IDs grow at its right
//! edge), the due queue and what is open by age. The last two are partial and shrink with the
//! backlog. The others are partial on rare states. Frequent queries read only the rows they
//! return: totals are kept on write, ages come from the first entry of an index, retention reads
//! what finished first. Erasure, and lists by what has no index, search in steps ([`steps`]), each
//! a short read transaction. Delivery's leases and
//! results go in steps of 250 events, so that callers never wait behind a thousand of them.
//!
//! *Payloads.* An event is kept as two JSON fragments, one without personal data and one with it. A
//! batch is assembled from the fragments without parsing. The personal fragment is deleted at
//! delivery.
//!
//! *Leases* carry a number that grows with each lease; a result under an older number is ignored.
//! At the start every lease is given back, because the lock on the data directory shows that no
//! other process holds one.
//!
//! *Time.* Schedules on disk use the wall clock. Before each transaction the writer compares it
//! with a steady clock. If the wall clock was set, the writer moves every due time and lease by the
//! same amount. So a clock that is set forward ends no lease, and one that is set back delays no
//! retry. What destroys goes by neither: deletion counts the store's own running time
//! ([`run_time`]), and both deletion and giving up wait while the wall's time is not trusted
//! ([`crate::clock`]).

mod checkpoint;
mod committer;
mod counts;
mod early;
mod erase;
mod events;
mod figures;
mod given_up;
mod lanes;
mod migrate;
mod open;
mod operators;
mod orders;
mod purchases;
mod queue;
mod read;
mod results;
mod run_time;
mod sql;
mod steps;
mod store;
mod sweep;
mod unproven;

pub use open::OpenError;
pub use store::Embedded;

#[cfg(test)]
mod bounded_tests;
#[cfg(test)]
mod contention_tests;
#[cfg(test)]
mod erase_tests;
#[cfg(test)]
mod tests;
