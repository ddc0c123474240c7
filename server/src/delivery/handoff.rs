//! Handing fresh events to delivery in memory, so that the fresh path never reads the
//! disk. A place is reserved before the event is stored. The event is stored already leased to
//! its reservation, and the store hands it over with its commit. Without a free place the event
//! simply is due on disk.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tandem_core::id::PixelId;
use tokio::sync::{Notify, mpsc, oneshot};

use super::status::{PixelState, StatusBoard};
use crate::outbox::{HandedEvent, LeaseHolder, LeasedEvent};

/// Most fresh events that may wait in memory per pixel.
pub(super) const PLACES: usize = 8192;
/// How long an event may stay leased: far longer than its calls can take.
pub(super) const LEASE: Duration = Duration::from_secs(15 * 60);

/// A place in a pixel's memory queue. It is free again when it is dropped unused.
#[derive(Debug)]
struct Reservation {
    permit: Mutex<Option<mpsc::OwnedPermit<LeasedEvent>>>,
    lease_ends: Instant,
}

impl LeaseHolder for Reservation {
    fn span(&self) -> Duration {
        LEASE
    }

    fn take(&self, seq: u64, event: HandedEvent) {
        let Some(permit) = self.permit.lock().unwrap_or_else(PoisonError::into_inner).take() else { return };
        permit.send(LeasedEvent {
            seq,
            lease_no: 1,
            lease_ends: self.lease_ends,
            attempts: 0,
            last_code: None,
            time_s: event.time_s,
            environment: event.environment,
            fired_s: None,
            payload: event.payload,
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
    /// Reserves a place, if the pixel delivers and has one free. The event is to be stored as
    /// leased to it.
    pub fn reserve(&self, pixel: &PixelId) -> Option<Arc<dyn LeaseHolder>> {
        let queue = self.queues.get(pixel)?;
        if self.board.get(pixel)?.state != PixelState::Delivering {
            return None;
        }
        let permit = queue.fresh.clone().try_reserve_owned().ok()?;
        let permit = Mutex::new(Some(permit));
        Some(Arc::new(Reservation { permit, lease_ends: Instant::now() + LEASE }))
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

    /// How many places in memory are taken or reserved.
    #[cfg(test)]
    pub(crate) fn taken_places(&self) -> usize {
        self.queues.values().map(|queue| PLACES - queue.fresh.capacity()).sum()
    }

    /// What each pixel is doing.
    pub fn board(&self) -> &StatusBoard {
        &self.board
    }
}
