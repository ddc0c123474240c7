//! Why the server cannot start.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::outbox::StoreError;
use crate::outbox::embedded::OpenError;

/// Each text is one line.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Store(#[from] OpenError),
    /// The server cannot listen on an address.
    #[error("{name}: cannot listen on {address}: {error}")]
    Listen {
        /// Name of the setting.
        name: &'static str,
        /// Value of the setting.
        address: SocketAddr,
        error: std::io::Error,
    },
    /// The internal token cannot be written to its file.
    #[error("cannot write the internal token to {0}: {1}")]
    Token(PathBuf, std::io::Error),
    /// The HTTP client cannot be created.
    #[error("cannot create the HTTP client: {0}")]
    Client(reqwest::Error),
    /// The store refused the first writes.
    #[error("cannot write to the store: {0}")]
    FirstWrite(StoreError),
    #[error("the gRPC server failed: {0}")]
    Serve(String),
}
