//! Tells whether a file has changed.

use std::fs::Metadata;
use std::path::Path;
use std::time::SystemTime;

/// A file's length and time of modification. On Unix also the numbers that change when another file gets
/// its name, or when its time is set back. The time of modification alone is not enough, because a copy
/// can have the old time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileState {
    bytes: u64,
    modified: Option<SystemTime>,
    identity: Identity,
}

/// Device, inode, and the inode's time of change (seconds, nanoseconds).
#[cfg(unix)]
type Identity = (u64, u64, i64, i64);
#[cfg(not(unix))]
type Identity = ();

impl FileState {
    /// The file's state now. `None` if there is no such file.
    pub fn of(path: &Path) -> Option<Self> {
        let metadata = std::fs::metadata(path).ok()?;
        let (bytes, modified) = (metadata.len(), metadata.modified().ok());
        Some(Self { bytes, modified, identity: identity(&metadata) })
    }
}

#[cfg(unix)]
fn identity(metadata: &Metadata) -> Identity {
    use std::os::unix::fs::MetadataExt as _;
    (metadata.dev(), metadata.ino(), metadata.ctime(), metadata.ctime_nsec())
}

#[cfg(not(unix))]
fn identity(_: &Metadata) -> Identity {}
