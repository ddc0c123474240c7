//! Errors of the store.

/// Why the store refused. It has then written nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Too many writes are waiting; try again in a moment.
    #[error("the store has too much to write at once; try again in a moment")]
    Busy,
    /// The disk is full, the directory is read-only or the engine is away. An operator must look.
    #[error("the store cannot write: {0}")]
    Unavailable(String),
    #[error("the server is stopping")]
    Stopped,
}
