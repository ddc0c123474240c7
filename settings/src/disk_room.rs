//! How much room a disk has.

use std::io;
use std::path::Path;

/// The room of the disk that holds a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiskRoom {
    /// Bytes that this program may still fill.
    pub free_bytes: u64,
    /// Size of the disk, bytes.
    pub total_bytes: u64,
}

/// Asks the system for the room of the disk that holds `directory`.
///
/// # Errors
/// What the system says if it cannot tell, for example because there is no such directory.
pub fn disk_room(directory: &Path) -> io::Result<DiskRoom> {
    let stat = rustix::fs::statvfs(directory)?;
    let bytes = |blocks: u64| blocks.saturating_mul(stat.f_frsize);
    Ok(DiskRoom { free_bytes: bytes(stat.f_bavail), total_bytes: bytes(stat.f_blocks) })
}
