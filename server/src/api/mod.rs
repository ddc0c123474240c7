//! The gRPC port, and the only folder that knows tonic, prost and the messages.
//!
//! 1. [`route`] says what a path asks for. [`access`] finds out who calls, before the body is read. [`rate_limit`]
//!    and [`admission`] limit callers. [`door`] puts them together, and [`tally`] counts what is refused.
//! 2. [`decode`] turns a message into core types. It names each wrong field and hashes raw personal
//!    data. No raw data survives this step.
//! 3. [`tracking`] and [`operations`] call the lower layers, and [`encode`] builds the answer.
//! 4. [`status`] is what a refused caller is told.
//! 5. [`json`] lets callers without gRPC speak the Connect protocol. It stands around the rest and knows no rule.
//!
//! [`web_package`] is a door of its own, for the files of the browser package.

pub mod access;
pub mod admission;
mod body;
pub mod caller;
mod cookies;
pub mod decode;
mod door;
mod encode;
mod json;
pub mod operations;
pub mod rate_limit;
mod room;
mod route;
pub mod serve;
mod size;
mod status;
mod tally;
pub mod tracking;
mod web_package;

pub use door::{CallerLayer, CallerService};
pub use status::{Reject, Violation, Violations};
