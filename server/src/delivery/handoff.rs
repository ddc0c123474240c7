//! Hands fresh events to delivery in memory, so that fresh events need no disk read. A place is
//! reserved before the event is stored, and the event is then stored already leased. Without a free
//! place the event is stored as due, and delivery reads it from disk.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tandem_core::id::PixelId;
use tokio::sync::{Notify, mpsc, oneshot};

use super::status::{PixelState, StatusBoard};
use crate::outbox::{LeasedEvent, Payload};

/// Most fresh events that may wait in memory per pixel.
pub(super) const PLACES: usize = 8192;
/// How long an event may stay leased: far longer than its calls can take.
pub(super) const LEASE: Duration = Duration::from_secs(15 * 60);

/// A place in a pixel's memory queue.
#[derive(Debug)]
pub struct Reservation {
    permit: mpsc::OwnedPermit<LeasedEvent>,
    lease_ends: Instant,
}

impl Reservation {
    /// How long the event must be leased when it is stored.
    pub fn lease(&self) -> Duration {
        LEASE
    }

    /// Hands the stored event to the worker. `seq`: its position in the store. `time_s`: when the
    /// event happened, Unix seconds.
    pub fn hand(self, seq: u64, time_s: i64, payload: Arc<Payload>) {
        self.permit.send(LeasedEvent {
            seq,
            lease_no: 1,
            lease_ends: self.lease_ends,
            attempts: 0,
            last_code: None,
            time_s,
            fired_s: None,
            payload,
        });
    }
}

/// The memory queue of one pixel's worker.
#[derive(Debug)]
pub(super) struct FreshQueue {
    pub(super) fresh: mpsc::Sender<LeasedEvent>,
    pub(super) wake: Arc<Notify>,
    pub(super) switches: Arc<OperatorSwitches>,
    pub(super) put_back: mpsc::Sender<oneshot::Sender<()>>,
}

/// What the operator has asked of a pixel's worker.
#[derive(Debug, Default)]
pub(super) struct OperatorSwitches {
    /// While set, nothing is sent.
    pub(super) paused: AtomicBool,
    /// Ends all waits: the worker probes now.
    pub(super) resume: AtomicBool,
}

/// Where ingest hands events to delivery. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Delivery {
    pub(super) queues: Arc<BTreeMap<PixelId, FreshQueue>>,
    pub(super) board: StatusBoard,
}

impl Delivery {
    /// Reserves a place in the pixel's queue. `None` when the pixel does not deliver or the queue
    /// is full.
    pub fn reserve(&self, pixel: &PixelId) -> Option<Reservation> {
        let queue = self.queues.get(pixel)?;
        if self.board.get(pixel)?.state != PixelState::Delivering {
            return None;
        }
        let permit = queue.fresh.clone().try_reserve_owned().ok()?;
        Some(Reservation { permit, lease_ends: Instant::now() + LEASE })
    }

    /// Tells the pixel's worker that an event on disk became due.
    pub fn wake(&self, pixel: &PixelId) {
        if let Some(queue) = self.queues.get(pixel) {
            queue.wake.notify_one();
        }
    }

    /// The pixels that deliver.
    pub fn pixels(&self) -> impl Iterator<Item = &PixelId> {
        self.queues.keys()
    }

    /// Pauses a pixel's delivery, or resumes it and ends all its waits.
    pub fn set_paused(&self, pixel: &PixelId, paused: bool) {
        if let Some(queue) = self.queues.get(pixel) {
            queue.switches.paused.store(paused, Ordering::Relaxed);
            queue.switches.resume.store(!paused, Ordering::Relaxed);
            queue.wake.notify_one();
        }
    }

    /// Makes each worker write its waiting events back to the disk, and waits until they have.
    pub async fn put_back(&self) {
        for queue in self.queues.values() {
            let (done, wait) = oneshot::channel();
            if queue.put_back.send(done).await.is_ok() {
                // A worker that has stopped wrote its events back already.
                let _ = wait.await;
            }
        }
    }

    pub fn board(&self) -> &StatusBoard {
        &self.board
    }
}
