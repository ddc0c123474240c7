//! Who is connected, so that somebody who only holds on can make room for a newcomer.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

/// For so long nobody has to make room: a webhook that has just come may lie in the socket, unread.
const GRACE: Duration = Duration::from_millis(200);

/// All connections, in the order in which they came.
#[derive(Debug, Default)]
pub(crate) struct Crowd(Mutex<Vec<Arc<Guest>>>);

/// One connection.
#[derive(Debug)]
pub(crate) struct Guest {
    /// Since when it has been without a webhook in work; none while a whole webhook is here and its
    /// answer on the way.
    quiet_since: Mutex<Option<Instant>>,
    leave: Notify,
}

impl Default for Guest {
    fn default() -> Self {
        Self { quiet_since: Mutex::new(Some(Instant::now())), leave: Notify::new() }
    }
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

    /// Ends the connection that has been without a webhook in work for longest.
    pub(crate) fn make_room(&self) {
        let mut guests = self.guests();
        let quiet =
            guests.iter().enumerate().filter_map(|(place, guest)| Some((guest.quiet_since()?, place)));
        if let Some((since, place)) = quiet.min()
            && since.elapsed() >= GRACE
        {
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
        let quiet_since = (!is_served).then(Instant::now);
        *self.quiet_since.lock().unwrap_or_else(PoisonError::into_inner) = quiet_since;
    }

    fn quiet_since(&self) -> Option<Instant> {
        *self.quiet_since.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Is over once somebody else needs the place.
    pub(crate) async fn must_leave(&self) {
        self.leave.notified().await;
    }
}
