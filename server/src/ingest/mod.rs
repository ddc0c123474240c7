//! Ingest: from a message to a durable event.
//!
//! 1. [`caller`] tells who calls, before a body is read; [`rooms`] bound how much is asked at
//!    once.
//! 2. [`convert`] turns the message into core types: each rejected field by name, raw
//!    personal data hashed on the way. Nothing raw survives this step.
//! 3. [`pipeline`] decides the event's ID and state and hands it to the outbox.
//! 4. [`grpc`] answers once the outbox says that the event is on disk.

pub(crate) mod answer;
mod body;
pub mod caller;
pub(crate) mod convert;
mod cookies;
pub mod grpc;
pub mod limits;
mod person;
mod pipeline;
mod reject;
pub mod rooms;
pub mod serve;

pub use person::UserReader;
pub use pipeline::{Ingest, IngestSettings, PixelRules};
pub use reject::{Reject, Violation};
