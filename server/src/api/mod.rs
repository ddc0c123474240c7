//! The gRPC port, and the only folder that knows tonic, prost and the messages.
//!
//! 1. [`access`] tells who calls, before a body is read; [`rate_limit`] and [`admission`] bound
//!    what callers may ask for.
//! 2. [`decode`] turns a message into core types. It names each field that is wrong, and hashes
//!    raw personal data on the way. Nothing raw survives this step.
//! 3. [`tracking`] and [`operations`] call what stands below, and [`encode`] the answer.
//! 4. [`status`] says what a caller is told when a call is refused.

pub mod access;
pub mod admission;
mod body;
pub mod caller;
mod cookies;
pub mod decode;
mod encode;
pub mod operations;
pub mod rate_limit;
pub mod serve;
mod status;
pub mod tracking;

pub use status::{Reject, Violation};
