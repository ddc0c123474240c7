//! The embedded store: SQLite in write-ahead mode, every commit synced.
//!
//! One writer thread ([`committer`]) takes everything that waits, writes one transaction, syncs
//! once and answers all. Readers have connections of their own. Checkpoints run on a third
//! thread, off the commit path; at 160 MB the writer empties the log itself.
//!
//! *Indexes.* Every event is in three: the dedup key (ID first: version 7 IDs grow at its right
//! edge), the due queue and what is open by age. The last two are partial and shrink with the
//! backlog. The others are partial on rare states. Frequent queries read only the rows they
//! return: totals are kept on write, ages come from the first entry of an index, retention reads
//! what finished first, erasure searches on a reader's connection. Delivery's leases and
//! results go in steps of 250 events, so that callers never wait behind a thousand of them.
//!
//! *Payloads.* An event is kept as two JSON fragments, one without personal data and one with
//! it. A batch is put together from them without parsing, and the second is deleted at delivery.
//!
//! *Leases* carry a number that grows with each lease; a result under an older number is
//! ignored. At the start everything leased is given back: the lock on the data directory says
//! that no other process has it.
//!
//! *Time.* Schedules on disk follow the wall's clock. The writer compares it with a steady one
//! before each transaction, and moves every due time and lease along when it was set. So a clock
//! set forward ends no lease, and one set back stops no retry. What destroys goes by neither:
//! deletion counts the store's own running time ([`run_time`]), and both deletion and giving up
//! wait while the wall's time is not trusted ([`crate::clock`]).

mod checkpoint;
mod committer;
mod counts;
mod early;
mod erase;
mod events;
mod figures;
mod migrate;
mod open;
mod operators;
mod orders;
mod purchases;
mod queue;
mod read;
mod run_time;
mod sql;
mod store;
mod sweep;
mod unproven;

pub use open::OpenError;
pub use store::Embedded;

#[cfg(test)]
mod tests;
