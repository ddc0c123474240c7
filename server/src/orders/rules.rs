//! The settings about Purchases, and what follows from them for one order.

use tandem_core::code;
use tandem_core::event::Event;
use tandem_core::id::{EventName, PixelId};
use tandem_core::order::{Order, RefundDecision};

use crate::outbox::{Initial, NewEvent, PurchaseChange, purchase_change};

/// What decides about Purchases besides the history of their order.
#[derive(Debug, Clone, Default)]
pub struct PurchaseRules {
    /// Pixels whose Purchases are held one by one, each with the stable code of the reason.
    pub holds: Vec<(PixelId, &'static str)>,
    /// How long a paid order waits for browser signals, milliseconds.
    pub join_wait_ms: i64,
    /// Page address for Purchases whose browser was never seen.
    pub shop_url: Option<String>,
    /// Custom event to send for refunds. `None`: refunds are not sent.
    pub refund_event: Option<EventName>,
}

impl PurchaseRules {
    /// Stable code of why a pixel's Purchases are held one by one, if they are.
    fn hold(&self, pixel: &PixelId) -> Option<&'static str> {
        self.holds.iter().find(|(id, _)| id == pixel).map(|(_, code)| *code)
    }

    /// Decides about an order's Purchase and about the events that follow it.
    pub(super) fn decide(&self, order: &mut Order, now_ms: i64) -> (Option<PurchaseChange>, Vec<NewEvent>) {
        let decision = order.decide(now_ms, self.join_wait_ms, self.shop_url.as_deref());
        let hold = self.hold(order.pixel());
        let had_browser = order.claimed_at_s().is_some();
        let purchase = purchase_change(decision, now_ms, hold, had_browser);
        (purchase, self.refund_events(order, now_ms, hold))
    }

    /// The events that an order's refunds cause now. They are held while their Purchase is held.
    fn refund_events(&self, order: &mut Order, now_ms: i64, hold: Option<&'static str>) -> Vec<NewEvent> {
        let Some(name) = &self.refund_event else { return Vec::new() };
        let events = order.refund_events(name, now_ms, self.shop_url.as_deref());
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
