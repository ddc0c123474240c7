//! Why the server does not start.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::outbox::StoreError;
use crate::outbox::embedded::OpenError;

/// Why the server cannot start. One line each, that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// An address cannot be listened on.
    #[error("{name}: {address} cannot be listened on: {error}")]
    Listen {
        /// The setting.
        name: &'static str,
        /// Its value.
        address: SocketAddr,
        /// The system's reason.
        error: std::io::Error,
    },
    /// The internal token cannot be kept.
    #[error("the internal token cannot be written to {0}: {1}")]
    Token(PathBuf, std::io::Error),
    /// The HTTP client cannot be made.
    #[error("the HTTP client cannot be made: {0}")]
    Client(reqwest::Error),
    /// The store refused the first writes.
    #[error("the store cannot be written: {0}")]
    FirstWrite(StoreError),
    /// The gRPC server failed.
    #[error("the gRPC server failed: {0}")]
    Serve(String),
}
