//! Who is connected, so that somebody who only holds on can make room for a newcomer.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

/// All connections, in the order in which they came.
#[derive(Debug, Default)]
pub(crate) struct Crowd(Mutex<Vec<Arc<Guest>>>);

/// One connection.
#[derive(Debug, Default)]
pub(crate) struct Guest {
    /// A whole webhook is here, and its answer on the way.
    is_served: AtomicBool,
    leave: Notify,
}

impl Crowd {
    /// A connection has come.
    pub(crate) fn enter(&self) -> Arc<Guest> {
        let guest = Arc::<Guest>::default();
        self.guests().push(Arc::clone(&guest));
        guest
    }

    /// A connection has ended.
    pub(crate) fn leave(&self, guest: &Arc<Guest>) {
        self.guests().retain(|other| !Arc::ptr_eq(other, guest));
    }

    /// Ends the connection that has been here longest without a webhook in work.
    pub(crate) fn make_room(&self) {
        let mut guests = self.guests();
        if let Some(place) = guests.iter().position(|guest| !guest.is_served.load(Ordering::Relaxed)) {
            guests.remove(place).leave.notify_one();
        }
    }

    fn guests(&self) -> std::sync::MutexGuard<'_, Vec<Arc<Guest>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Guest {
    /// Its request is here to the last byte, or answered.
    pub(crate) fn is_served(&self, is_served: bool) {
        self.is_served.store(is_served, Ordering::Relaxed);
    }

    /// Is over once somebody else needs the place.
    pub(crate) async fn must_leave(&self) {
        self.leave.notified().await;
    }
}
