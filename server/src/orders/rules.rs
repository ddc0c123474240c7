//! What the settings say about Purchases, and what follows for one order.

use tandem_core::code;
use tandem_core::event::Event;
use tandem_core::id::{EventName, PixelId};
use tandem_core::order::{Order, RefundDecision};

use crate::clock::TrustedTime;
use crate::outbox::{Initial, NewEvent, PurchaseChange, purchase_change};

/// What decides about Purchases, beside what happened to their order.
#[derive(Debug, Clone, Default)]
pub struct PurchaseRules {
    /// Pixels whose Purchases are held one by one, and the stable code of why.
    pub holds: Vec<(PixelId, &'static str)>,
    /// How long a paid order waits for browser signals, milliseconds.
    pub join_wait_ms: i64,
    /// Page of Purchases whose browser was never seen.
    pub shop_url: Option<String>,
    /// Custom event to send for refunds; none: nothing is sent.
    pub refund_event: Option<EventName>,
}

impl PurchaseRules {
    /// Why a pixel's Purchases are held one by one, if they are.
    fn hold(&self, pixel: &PixelId) -> Option<&'static str> {
        self.holds.iter().find(|(id, _)| id == pixel).map(|(_, code)| *code)
    }

    /// Decides about an order's Purchase and about the events that follow it. `time`: `None` where
    /// the time is not trusted, so that nothing is given up by age.
    pub(super) fn decide(
        &self,
        order: &mut Order,
        now_ms: i64,
        time: Option<TrustedTime>,
    ) -> (Option<PurchaseChange>, Vec<NewEvent>) {
        let oldest_s = time.map(TrustedTime::oldest_event_s);
        let decision = order.decide(now_ms, oldest_s, self.join_wait_ms, self.shop_url.as_deref());
        let hold = self.hold(order.pixel());
        let had_browser = order.claimed_at_s().is_some();
        let purchase = purchase_change(decision, now_ms, hold, had_browser);
        (purchase, self.refund_events(order, now_ms, oldest_s, hold))
    }

    /// The events that an order's refunds give rise to now. What undoes a Purchase is held
    /// with it.
    fn refund_events(
        &self,
        order: &mut Order,
        now_ms: i64,
        oldest_s: Option<i64>,
        hold: Option<&'static str>,
    ) -> Vec<NewEvent> {
        let Some(name) = &self.refund_event else { return Vec::new() };
        let events = order.refund_events(name, oldest_s, self.shop_url.as_deref());
        let entry = |(event, fate): (Event, RefundDecision)| {
            let initial = match (fate, hold) {
                (RefundDecision::Send, None) => Initial::Pending,
                (RefundDecision::Send, Some(code)) => Initial::Held(code.into()),
                (RefundDecision::Suppress(code), _) => Initial::Suppressed(code.into()),
                (RefundDecision::TooOld, _) => Initial::DeadLetter(code::TOO_OLD.into()),
            };
            NewEvent::new(&event, now_ms, initial, false)
        };
        events.into_iter().map(entry).collect()
    }
}
