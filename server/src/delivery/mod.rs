//! Delivery: from the outbox to Meta.
//!
//! Each pixel has a worker of its own, so that a held or slow one never delays another.
//! The worker groups what is fresh (handed over in memory at the moment of acceptance)
//! and what is due on disk into batches, sends a few at a time, and records what each
//! came to.
//!
//! Deciding is pure: [`classify`] what an answer means, [`isolate`] how a refused batch is
//! cut up, [`backoff`] when to try again, and [`gate`] whether a call may go out at all
//! (hold, pause, [`breaker`], [`window`], fed by [`usage`]). Doing is a thin loop
//! ([`worker`] per pixel, [`sender`] per batch); [`graph`] alone knows the Graph API.

mod backoff;
mod breaker;
mod classify;
mod gate;
mod graph;
mod handoff;
mod isolate;
mod meta_codes;
mod probe;
mod sender;
mod status;
mod usage;
mod window;
mod worker;

pub use graph::Graph;
pub use handoff::{Delivery, Reservation};
pub use probe::{TokenAnswer, TokenFacts, ask_about_token, send_test_event};
pub use status::{PixelState, PixelStatus, StatusBoard};
pub use worker::start;
