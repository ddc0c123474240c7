//! Why the store refuses.

/// Why the store did not do what was asked. Nothing is half-written in any case.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Too much is waiting already; try again in a moment.
    #[error("the store has too much to write at once; try again in a moment")]
    Busy,
    /// Disk full, directory read-only, engine away: an operator must look.
    #[error("the store cannot write: {0}")]
    Unavailable(String),
    /// The server is stopping.
    #[error("the server is stopping")]
    Stopped,
}
