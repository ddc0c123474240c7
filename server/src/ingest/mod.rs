//! Ingest stores a decoded event, answers its caller and hands the event to delivery.
//!
//! 1. The event gets a reservation with delivery if its pixel delivers. With a reservation it
//!    is stored already leased.
//! 2. It is on disk before its caller is answered. The store hands it to its reservation with
//!    the commit, so that the fresh path never reads the disk and nothing depends on the caller.

mod person;

pub use person::MatchKeyReader;

use std::sync::Arc;

use tandem_core::capi;
use tandem_core::code;
use tandem_core::custom_data::CustomData;
use tandem_core::event::{AdsConsent, AdsUse, ConsentRule, Event};
use tandem_core::id::{EventId, EventName};

use crate::delivery::Delivery;
use crate::outbox::{Appended, EventStore, Existing, Initial, NewEvent, State, StoreError};

/// From this age on, seconds, delivery takes an event from the store and not from memory. A page
/// that kept an event for so long first reports that its pixel fired, and only the store knows
/// about that report. Meta would count a server copy that comes 48 hours after the pixel's a second
/// time.
const OLD_S: i64 = 36 * 3600;

#[derive(Debug)]
pub struct Ingest {
    events: Arc<dyn EventStore>,
    delivery: Delivery,
    /// What silence about consent means.
    consent: ConsentRule,
}

/// Result of accepting an event.
#[derive(Debug)]
pub struct Accepted {
    pub name: EventName,
    /// The event's ID, for both copies.
    pub id: EventId,
    /// Whether the event was known. Then it is not sent again.
    pub duplicate: bool,
    /// What the page's copy says. `None`: the page must not fire.
    pub page_copy: Option<CustomData>,
    /// Stable code of why the page must not fire; empty if it may.
    pub suppressed_reason: String,
}

impl Ingest {
    pub fn new(events: Arc<dyn EventStore>, delivery: Delivery, consent: ConsentRule) -> Self {
        Self { events, delivery, consent }
    }

    /// Stores an event. `said`: what the person said about advertising use. Without consent the event is
    /// counted and never sent. `is_contact`: a browser told of it; `now_ms`: Unix milliseconds.
    ///
    /// # Errors
    /// When the store refuses it; nothing was written then.
    pub async fn take(
        &self,
        mut event: Event,
        said: AdsConsent,
        is_contact: bool,
        now_ms: i64,
    ) -> Result<Accepted, StoreError> {
        let new = self.prepare(&mut event, said, is_contact, now_ms);
        let appended = self.events.append(new).await?;
        Ok(self.accept(event, said, appended))
    }

    /// Prepares an event for the store. See [`Ingest::take`].
    pub(crate) fn prepare(
        &self,
        event: &mut Event,
        said: AdsConsent,
        is_contact: bool,
        now_ms: i64,
    ) -> NewEvent {
        let allowed = self.consent.allows(said);
        let is_denied = allowed == AdsUse::Nothing;
        event.opt_out = allowed == AdsUse::Measurement;
        // No page fires a copy of what is for measurement alone, so none is to be expected.
        let is_contact = is_contact && !event.opt_out;
        let is_old = now_ms.div_euclid(1000).saturating_sub(event.time_s) > OLD_S;
        let reservation = if is_denied || is_old { None } else { self.delivery.reserve(&event.pixel) };
        let initial = match reservation {
            _ if is_denied => Initial::Suppressed(code::CONSENT_DENIED.into()),
            Some(reservation) => Initial::Leased(reservation),
            None => Initial::Pending,
        };
        NewEvent::new(event, now_ms, initial, is_contact)
    }

    /// Tells delivery that an event was stored, and says what became of it.
    pub(crate) fn accept(&self, event: Event, said: AdsConsent, appended: Appended) -> Accepted {
        let Event { pixel, name, id, custom_data, .. } = event;
        let (duplicate, id, reason, data) = match appended {
            Appended::New { .. } => {
                let allowed = self.consent.allows(said);
                if allowed != AdsUse::Nothing {
                    self.delivery.wake(&pixel);
                }
                let reason = match allowed {
                    AdsUse::Full => None,
                    AdsUse::Measurement => Some(code::MEASURE_ONLY.to_owned()),
                    AdsUse::Nothing => Some(code::CONSENT_DENIED.to_owned()),
                };
                (false, id, reason, custom_data)
            }
            Appended::Duplicate(first) => {
                let (reason, data) = (suppressed_reason(&first), stored_data(&first));
                (true, first.id, reason, data)
            }
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
    if first.state == State::Suppressed {
        return Some(first.code.clone().unwrap_or_else(|| code::CONSENT_DENIED.to_owned()));
    }
    capi::is_opted_out(&first.public_json).then(|| code::MEASURE_ONLY.to_owned())
}

fn stored_data(first: &Existing) -> CustomData {
    capi::read_custom_data(&first.public_json).unwrap_or_default()
}
