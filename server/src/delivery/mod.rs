//! Delivery: from the outbox to Meta.
//!
//! Each pixel has a worker of its own, so that a held or slow one never delays another.
//! The worker groups what is fresh (handed over in memory at the moment of acceptance)
//! and what is due on disk into batches, sends a few at a time, and records what each
//! came to. Deciding ([`classify`], [`backoff`], [`breaker`]) is pure; doing is a thin
//! loop ([`worker`], [`sender`]).

mod backoff;
mod breaker;
mod classify;
mod graph;
mod handoff;
mod sender;
mod status;
mod worker;

pub use graph::Graph;
pub use handoff::{Delivery, Fresh, Seat};
pub use status::{PixelState, PixelStatus, StatusBoard};
pub use worker::start;
