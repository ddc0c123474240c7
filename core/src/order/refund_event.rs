//! Events for refunds. Meta has no standard event for a refund, so a shop that wants such events names
//! a custom event. The event is never a Purchase and its value is never negative.

use super::payment::{Payment, Refund};
use super::purchase::PurchaseContext;
use super::state::{Order, Placement, WithholdReason};
use crate::code;
use crate::custom_data::CustomData;
use crate::event::Event;
use crate::id::{EventId, EventName};

/// What must happen to the event of a refund.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefundDecision {
    /// The event is sent.
    Send,
    /// The event is counted and not sent. The text is the stable code of the reason.
    Suppress(&'static str),
    /// The event is too old for Meta and becomes a dead letter.
    TooOld,
}

impl Order {
    /// Makes the events, named `name`, of those refunds of the paying payment that have none yet. Call
    /// this after [`Order::decide`]. The caller must place the events only if the Purchase was sent or
    /// will be sent; only the store knows whether it was stopped in time. `now_ms`: Unix milliseconds;
    /// `fallback_url`: as for [`Order::decide`].
    ///
    /// When a full refund stops the Purchase, all of them are returned once more, so that
    /// those that have not left are stopped with it.
    pub fn refund_events(
        &mut self,
        name: &EventName,
        context: PurchaseContext<'_>,
    ) -> Vec<(Event, RefundDecision)> {
        let withheld = self.consent_refused();
        let is_stopped = self.placed == Placement::Withheld(WithholdReason::RefundedBeforeSent);
        if !(withheld.is_some() || is_stopped || matches!(self.placed, Placement::Held | Placement::Sent)) {
            return Vec::new();
        }
        let Some(paid) = &self.paid else { return Vec::new() };
        let mut events = Vec::new();
        for refund in self.refunds.iter().filter(|refund| refund.is_of(paid)) {
            let is_old = context.oldest_s.is_some_and(|oldest_s| refund.at_s < oldest_s);
            if refund.told && (!is_stopped || is_old) {
                continue;
            }
            let Some(id) = EventId::of_refund(&refund.refund_id) else { continue };
            let event = self.refund_event(paid, name.clone(), id, refund, context);
            let fate = if let Some(why) = withheld {
                RefundDecision::Suppress(why.code())
            } else if is_old {
                RefundDecision::TooOld
            } else if !event.user_data.key_set().is_enough() {
                // The personal data of the order was deleted before the refund.
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
        context: PurchaseContext<'_>,
    ) -> Event {
        // Whose purchase it was, as the Purchase had it.
        let mut event = self.purchase(paid, PurchaseContext { now_ms: i64::MAX, ..context });
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
