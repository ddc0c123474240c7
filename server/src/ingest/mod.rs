//! Ingest: a decoded event is stored, answered, and handed over to delivery.

pub(crate) mod event;
pub(crate) mod person;

pub use event::{Ingest, IngestSettings, PixelRules};
pub use person::UserReader;
