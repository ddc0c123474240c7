//! Events of their own for refunds. Meta has none: a shop that wants them names a custom
//! event. Never a Purchase, never a negative value.

use super::payment::{Payment, Refund};
use super::state::{Order, Placement, WithholdReason};
use crate::code;
use crate::custom_data::CustomData;
use crate::event::Event;
use crate::id::{EventId, EventName};

/// What becomes of a refund's event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefundDecision {
    /// It is sent.
    Send,
    /// It is counted and not sent, for this reason (a stable code).
    Suppress(&'static str),
    /// It is too old for Meta.
    TooOld,
}

impl Order {
    /// The events of refunds of the paying payment that have none yet, under `name`. To be
    /// asked after [`Order::decide`], and to be placed only where the Purchase has left or
    /// is on its way: whether it was stopped in time, the store knows.
    ///
    /// When a full refund stops the Purchase, all of them are returned once more, so that
    /// those that have not left are stopped with it. `oldest_s`: as for [`Order::decide`].
    pub fn refund_events(
        &mut self,
        name: &EventName,
        oldest_s: Option<i64>,
        fallback_url: Option<&str>,
    ) -> Vec<(Event, RefundDecision)> {
        let is_denied = self.placed == Placement::Withheld(WithholdReason::ConsentDenied) || self.is_denied();
        let is_stopped = self.placed == Placement::Withheld(WithholdReason::RefundedBeforeSent);
        if !(is_denied || is_stopped || matches!(self.placed, Placement::Held | Placement::Sent)) {
            return Vec::new();
        }
        let Some(paid) = &self.paid else { return Vec::new() };
        let mut events = Vec::new();
        for refund in self.refunds.iter().filter(|refund| refund.is_of(paid)) {
            let is_old = oldest_s.is_some_and(|oldest_s| refund.at_s < oldest_s);
            if refund.told && (!is_stopped || is_old) {
                continue;
            }
            let Some(id) = EventId::of_refund(&refund.refund_id) else { continue };
            let event = self.refund_event(paid, name.clone(), id, refund, fallback_url);
            let fate = if is_denied {
                RefundDecision::Suppress(code::CONSENT_DENIED)
            } else if is_old {
                RefundDecision::TooOld
            } else if !event.user_data.key_set().is_enough() {
                // The order's signals went long before its money did.
                RefundDecision::Suppress(code::PERSON_GONE)
            } else {
                RefundDecision::Send
            };
            events.push((event, fate));
        }
        for refund in &mut self.refunds {
            refund.told |= events.iter().any(|(event, _)| event.id.is_of_refund(&refund.refund_id));
        }
        events
    }

    fn refund_event(
        &self,
        paid: &Payment,
        name: EventName,
        id: EventId,
        refund: &Refund,
        fallback_url: Option<&str>,
    ) -> Event {
        // Whose purchase it was, as the Purchase had it.
        let mut event = self.purchase(paid, fallback_url, i64::MAX);
        event.name = name;
        event.id = id;
        event.time_s = refund.at_s;
        event.custom_data = CustomData {
            value: Some(refund.money),
            order_id: Some(self.id.clone()),
            ..CustomData::default()
        };
        event
    }
}
