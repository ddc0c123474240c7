//! The part of the disk that strangers may not fill. Webhooks, payments and results need it when the rest is full.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tandem_settings::{DiskRoom, disk_room};

/// Largest reserve, bytes: room for a hundred thousand webhooks.
const RESERVE_BYTES_MAX: u64 = 512 << 20;
/// On a small disk the reserve is this part of it: one twentieth.
const RESERVE_PART: u64 = 20;

/// Whether only the reserve is left. Cheap to clone; all clones tell the same.
#[derive(Debug, Clone, Default)]
pub struct Reserve(Arc<AtomicBool>);

impl Reserve {
    /// Whether strangers have to wait for room.
    pub fn is_all_that_is_left(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Looks how much room the disk has. It may block. If the system cannot tell, nothing changes.
    pub fn look(&self, directory: &Path) {
        let Ok(room) = disk_room(directory) else { return };
        let was_low = self.is_all_that_is_left();
        let is_low = is_low(room, was_low);
        self.0.store(is_low, Ordering::Relaxed);
        if is_low && !was_low {
            tracing::error!(
                free_bytes = room.free_bytes,
                code = "disk_low",
                "the disk is nearly full: strangers' calls are refused; webhooks, the shop's services and results still \
                 have room"
            );
        } else if was_low && !is_low {
            tracing::info!(
                free_bytes = room.free_bytes,
                "the disk has room again; strangers' calls are taken"
            );
        }
    }
}

/// What was low is low until a quarter more than the reserve is free, so that nothing flickers.
fn is_low(room: DiskRoom, was_low: bool) -> bool {
    let reserve = (room.total_bytes / RESERVE_PART).min(RESERVE_BYTES_MAX);
    room.free_bytes < if was_low { reserve + reserve / 4 } else { reserve }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reserve_is_a_twentieth_and_at_most_half_a_gigabyte() {
        const MIB: u64 = 1 << 20;
        let low = |free_bytes, total_bytes, was_low| is_low(DiskRoom { free_bytes, total_bytes }, was_low);
        assert!(low(511 * MIB, 252 << 30, false) && !low(513 * MIB, 252 << 30, false));
        assert!(low(49 * MIB, 1000 * MIB, false) && !low(51 * MIB, 1000 * MIB, false));
        assert!(low(60 * MIB, 1000 * MIB, true) && !low(63 * MIB, 1000 * MIB, true));
        assert!(!low(0, 0, false), "a disk without a size says nothing");
    }
}
