//! Ingest: a decoded event is stored, answered, and handed over to delivery.
//!
//! 1. The event gets a reservation with delivery if its pixel delivers. With a reservation it
//!    is stored already leased.
//! 2. It is on disk before its caller is answered.
//! 3. It is handed over in memory, so that the fresh path never reads the disk.

mod person;

pub use person::MatchKeyReader;

use std::sync::Arc;

use tandem_core::capi;
use tandem_core::code;
use tandem_core::custom_data::CustomData;
use tandem_core::event::Event;
use tandem_core::id::{EventId, EventName};

use crate::delivery::{Delivery, Reservation};
use crate::outbox::{Appended, EventStore, Existing, Initial, NewEvent, Payload, State, StoreError};

/// Age from which an event takes the way over the store, seconds. A page that kept it for so long
/// reports first that its pixel has fired, and the store alone knows that when the event comes: Meta
/// would count a copy that is 48 hours later than the pixel's a second time.
const OLD_S: i64 = 36 * 3600;

/// Takes events.
#[derive(Debug)]
pub struct Ingest {
    events: Arc<dyn EventStore>,
    delivery: Delivery,
}

/// What became of an event.
#[derive(Debug)]
pub struct Accepted {
    pub name: EventName,
    /// Its ID, for both copies.
    pub id: EventId,
    /// The event was known; nothing is sent again.
    pub duplicate: bool,
    /// What the page's copy is about; none: the page must not fire.
    pub page_copy: Option<CustomData>,
    /// Stable code of why the page must not fire; empty if it may.
    pub suppressed_reason: String,
}

/// What follows once an event is stored.
#[derive(Debug)]
pub(crate) struct Handover {
    payload: Arc<Payload>,
    reservation: Option<Reservation>,
    is_denied: bool,
}

impl Ingest {
    pub fn new(events: Arc<dyn EventStore>, delivery: Delivery) -> Self {
        Self { events, delivery }
    }

    /// Stores an event and hands it over. `is_denied`: consent was refused, so it is counted
    /// and never sent; `is_contact`: a browser told of it; `now_ms`: Unix milliseconds.
    ///
    /// # Errors
    /// When the store does not accept; nothing was written then.
    pub async fn take(
        &self,
        event: Event,
        is_denied: bool,
        is_contact: bool,
        now_ms: i64,
    ) -> Result<Accepted, StoreError> {
        let (new, handover) = self.prepare(&event, is_denied, is_contact, now_ms);
        let appended = self.events.append(new).await?;
        Ok(self.hand_over(event, handover, appended))
    }

    /// Prepares an event for the store. See [`Ingest::take`].
    pub(crate) fn prepare(
        &self,
        event: &Event,
        is_denied: bool,
        is_contact: bool,
        now_ms: i64,
    ) -> (NewEvent, Handover) {
        let is_old = now_ms.div_euclid(1000) - event.time_s > OLD_S;
        let reservation = if is_denied || is_old { None } else { self.delivery.reserve(&event.pixel) };
        let initial = match &reservation {
            _ if is_denied => Initial::Suppressed(code::CONSENT_DENIED.into()),
            Some(reservation) => Initial::Leased(reservation.lease()),
            None => Initial::Pending,
        };
        let new = NewEvent::new(event, now_ms, initial, is_contact);
        let payload = Arc::clone(&new.payload);
        (new, Handover { payload, reservation, is_denied })
    }

    /// Hands a stored event over to delivery, and says what became of it.
    pub(crate) fn hand_over(&self, event: Event, handover: Handover, appended: Appended) -> Accepted {
        let Event { pixel, name, id, time_s, custom_data, .. } = event;
        let (duplicate, reason, data) = match appended {
            Appended::New { seq } => {
                if let Some(reservation) = handover.reservation {
                    reservation.hand(seq, time_s, handover.payload);
                }
                if !handover.is_denied {
                    self.delivery.wake(&pixel);
                }
                (false, handover.is_denied.then(|| code::CONSENT_DENIED.to_owned()), custom_data)
            }
            Appended::Duplicate(first) => (true, suppressed_reason(&first), stored_data(&first)),
        };
        Accepted {
            name,
            id,
            duplicate,
            page_copy: reason.is_none().then_some(data),
            suppressed_reason: reason.unwrap_or_default(),
        }
    }
}

fn suppressed_reason(first: &Existing) -> Option<String> {
    (first.state == State::Suppressed)
        .then(|| first.code.clone().unwrap_or_else(|| code::CONSENT_DENIED.to_owned()))
}

fn stored_data(first: &Existing) -> CustomData {
    capi::read_custom_data(&first.public_json).unwrap_or_default()
}
