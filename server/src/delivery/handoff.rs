//! Handing fresh events to delivery in memory, so that the fresh path never reads the
//! disk. A seat is taken before the event is stored: whoever holds one stores the event
//! already leased. Without a free seat the event simply is due on disk.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tandem_core::id::PixelId;
use tandem_core::user_data::KeySet;
use tokio::sync::{Notify, mpsc, oneshot};

use super::status::{PixelState, StatusBoard};
use crate::outbox::ClaimedEvent;

/// Fresh events that may wait in memory per pixel.
pub(super) const SEATS: usize = 8192;
/// How long an event may stay leased: far longer than its calls can take.
pub(super) const LEASE: Duration = Duration::from_secs(15 * 60);

/// A fresh event, once it is stored.
#[derive(Debug)]
pub struct Fresh {
    /// Position in the store.
    pub seq: u64,
    /// When it happened, Unix seconds.
    pub time_s: i64,
    /// Names of its match keys.
    pub keys: KeySet,
    /// Its JSON without personal data.
    pub facts: String,
    /// Its JSON with the personal data.
    pub person: String,
}

/// A place in a pixel's memory queue.
#[derive(Debug)]
pub struct Seat {
    permit: mpsc::OwnedPermit<ClaimedEvent>,
    lease_ends: Instant,
}

impl Seat {
    /// The lease that the event must be stored with.
    pub fn lease(&self) -> Duration {
        LEASE
    }

    /// Hands the stored event over.
    pub fn hand(self, fresh: Fresh) {
        self.permit.send(ClaimedEvent {
            seq: fresh.seq,
            lease_no: 1,
            lease_ends: self.lease_ends,
            attempts: 0,
            last_code: None,
            time_s: fresh.time_s,
            fired_s: None,
            keys: fresh.keys,
            facts: fresh.facts,
            person: fresh.person,
        });
    }
}

#[derive(Debug)]
pub(super) struct Line {
    pub(super) fresh: mpsc::Sender<ClaimedEvent>,
    pub(super) wake: Arc<Notify>,
    pub(super) order: Arc<Standing>,
    pub(super) put_back: mpsc::Sender<oneshot::Sender<()>>,
}

/// What an operator wants of a pixel's worker.
#[derive(Debug, Default)]
pub(super) struct Standing {
    /// Nothing is to be sent.
    pub(super) paused: AtomicBool,
    /// Waits are over: probe now.
    pub(super) resume: AtomicBool,
}

/// The way from ingest to delivery. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Delivery {
    pub(super) lines: Arc<BTreeMap<PixelId, Line>>,
    pub(super) board: StatusBoard,
}

impl Delivery {
    /// Takes a seat, if the pixel delivers and has one free.
    pub fn seat(&self, pixel: &PixelId) -> Option<Seat> {
        let line = self.lines.get(pixel)?;
        if self.board.get(pixel)?.state != PixelState::Delivering {
            return None;
        }
        let permit = line.fresh.clone().try_reserve_owned().ok()?;
        Some(Seat { permit, lease_ends: Instant::now() + LEASE })
    }

    /// Hints that something became due on disk.
    pub fn wake(&self, pixel: &PixelId) {
        if let Some(line) = self.lines.get(pixel) {
            line.wake.notify_one();
        }
    }

    /// The pixels there are.
    pub fn pixels(&self) -> impl Iterator<Item = &PixelId> {
        self.lines.keys()
    }

    /// Stops a pixel's delivery, or lets it go on and ends its waits at once.
    pub fn set_paused(&self, pixel: &PixelId, paused: bool) {
        if let Some(line) = self.lines.get(pixel) {
            line.order.paused.store(paused, Ordering::Relaxed);
            line.order.resume.store(!paused, Ordering::Relaxed);
            line.wake.notify_one();
        }
    }

    /// Has everything that waits in memory written back to the disk, and waits for it.
    pub async fn put_back(&self) {
        for line in self.lines.values() {
            let (done, wait) = oneshot::channel();
            if line.put_back.send(done).await.is_ok() {
                // A worker that stops has put everything back by itself.
                let _ = wait.await;
            }
        }
    }

    /// What each pixel is doing.
    pub fn board(&self) -> &StatusBoard {
        &self.board
    }
}
