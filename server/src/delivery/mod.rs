//! Delivery: from the outbox to Meta.
//!
//! Each pixel has a worker of its own, so that a held or slow pixel never delays another. The
//! worker groups events into batches: fresh ones, which ingest hands over in memory, and those that
//! are due on disk. It sends a few batches at a time and records the outcome of each event.
//!
//! The decisions are pure functions: [`classify`] says what an answer means, [`judge`] what it
//! makes of each event, [`isolate`] how a refused batch is split, and [`backoff`] when to try again. [`gate`] says whether a call may go
//! out at all (hold, pause, [`breaker`], and [`window`], which reads [`usage`]). [`worker`] (one
//! per pixel) and [`sender`] (one batch) carry the decisions out. Only [`graph`] calls the Graph
//! API.
//!
//! The *gate* gives a permit for one call at a time. While the pixel is held, it permits one probe
//! at growing intervals; a new token or `ResumeDelivery` permits a probe at once. While the pixel
//! is paused, it permits nothing; Meta asked for the pause, or 95 % of an allowance is used. While
//! the circuit is half-open, it permits one probe. Otherwise it permits as many calls as the
//! *window* allows. The window starts at one, grows with each success up to 16, and halves when
//! Meta fails, slows down or 75 % of an allowance is used.
//!
//! A refused batch is split in two until the bad event is alone. Where Meta names an index, or says
//! that an event is too old, that event is tried first. Other batches go out meanwhile: a batch
//! that is being split takes no place in the window and says nothing about the pixel. If Meta
//! refuses a single event without blaming its content, the request may be at fault. The second such
//! refusal in a row holds the pixel (`request_refused`), so that a shop's events do not become dead
//! letters one by one. A single event with a click ID that Meta calls invalid without naming a field
//! goes once more without it. An event that keeps getting "unknown error" is sent alone after eight
//! attempts.
//!
//! Meta does not merge two server copies of an event. So an event that Meta acknowledged without
//! counting it goes again once, after ten minutes, and its pixel is held meanwhile.
//!
//! An event that grows too old for Meta becomes a dead letter wherever it waits, also at a held
//! pixel. Gates, circuits and pauses use steady time.

mod backoff;
mod breaker;
mod classify;
mod farewell;
mod fields;
mod gate;
mod graph;
mod handoff;
mod isolate;
mod judge;
mod meta_codes;
mod probe;
mod sender;
mod status;
mod usage;
mod window;
mod worker;

pub use graph::Graph;
pub use handoff::Delivery;
pub use probe::{TokenAnswer, TokenFacts, ask_about_token, send_test_event};
pub use status::{PixelState, PixelStatus, StatusBoard};
pub use worker::start;
