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
//!
//! The *gate* gives leave for one call at a time. None while the pixel is held: one probe at
//! growing intervals, and at once with another token or on `ResumeDelivery`. None while paused:
//! Meta asked for it, or 95 % of an allowance is used. One probe while the circuit is half-open.
//! Else as many as the *window* bears: it starts at one, grows with every answer up to 16, and
//! halves when Meta fails, slows down or 75 % of an allowance is used.
//!
//! A refused batch is cut in two until the culprit stands alone. Where Meta names a place, or
//! says that an event is too old, that one is tried first. Meanwhile other batches go out: a batch
//! that is being cut up takes no place in the window, and says nothing against the pixel. An event
//! refused alone whose content Meta did not blame may mean that the request is at fault. The
//! second in a row holds the pixel (`request_refused`) instead of turning a shop's events into
//! dead letters one by one. An event that keeps getting "unknown error" travels alone after eight
//! attempts.
//!
//! What waits and grows too old for Meta becomes a dead letter wherever it waits, held pixels
//! included. Gates, circuits and pauses live in steady time.

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
pub use handoff::Delivery;
pub use probe::{TokenAnswer, TokenFacts, ask_about_token, send_test_event};
pub use status::{PixelState, PixelStatus, StatusBoard};
pub use worker::start;
