//! The settings about Purchases, and what follows from them for one order.

use tandem_core::code;
use tandem_core::custom_data::CustomData;
use tandem_core::event::{AdsUse, ConsentRule, Event};
use tandem_core::id::{EventName, OrderId, PixelId};
use tandem_core::order::{Order, PurchaseContext, RefundDecision};

use crate::clock::TrustedTime;
use crate::outbox::{Initial, NewEvent, PurchaseChange, purchase_change};

/// What decides about Purchases, beside what happened to their order.
#[derive(Debug, Clone)]
pub struct PurchaseRules {
    /// The pixel of orders for which nobody names one.
    pub default_pixel: PixelId,
    /// Pixels of orders whose ID starts so.
    pub order_prefixes: Vec<(String, PixelId)>,
    /// Pixels whose Purchases are held one by one, and the stable code of why.
    pub holds: Vec<(PixelId, &'static str)>,
    /// How long a paid order waits for browser signals, milliseconds.
    pub join_wait_ms: i64,
    /// Custom event to send for refunds. `None`: refunds are not sent.
    pub refund_event: Option<EventName>,
    /// What silence about consent means.
    pub consent: ConsentRule,
}

impl PurchaseRules {
    /// Why nobody may be told of a pixel's Purchases, if nobody may: neither Meta nor a page.
    pub(super) fn hold(&self, pixel: &PixelId) -> Option<&'static str> {
        self.holds.iter().find(|(id, _)| id == pixel).map(|(_, code)| *code)
    }

    /// What a page of `pixel` fires of an order's Purchase; otherwise the stable code of why it must
    /// not. `now_s`: Unix seconds.
    pub(super) fn page_copy(
        &self,
        order: &Order,
        pixel: &PixelId,
        now_s: i64,
    ) -> Result<CustomData, &'static str> {
        if let Some(code) = self.hold(order.pixel()) {
            return Err(code);
        }
        let withheld = || match order.withheld() {
            Some(why) => why.code(),
            None if order.ads_use() == AdsUse::Measurement => code::MEASURE_ONLY,
            None => "withheld",
        };
        // A copy on another pixel would be counted a second time.
        let of_page = order.browser_event(now_s).filter(|_| order.pixel() == pixel);
        of_page.ok_or_else(|| if order.is_fired() { "already_fired" } else { withheld() })
    }

    fn context<'a>(&'a self, order: &OrderId, now_ms: i64, time: Option<TrustedTime>) -> PurchaseContext<'a> {
        let of_order = self.order_prefixes.iter().find(|(prefix, _)| order.as_str().starts_with(prefix));
        PurchaseContext {
            now_ms,
            join_wait_ms: self.join_wait_ms,
            oldest_s: time.map(TrustedTime::oldest_event_s),
            order_pixel: of_order.map(|(_, pixel)| pixel),
            default_pixel: &self.default_pixel,
        }
    }

    /// Decides about an order's Purchase and about the events that follow it. `time`: `None` where
    /// the time is not trusted, so that nothing is given up by age.
    pub(super) fn decide(
        &self,
        order: &mut Order,
        now_ms: i64,
        time: Option<TrustedTime>,
    ) -> (Option<PurchaseChange>, Vec<NewEvent>) {
        let id = order.id().clone();
        let context = self.context(&id, now_ms, time);
        let decision = order.decide(context);
        let hold = self.hold(order.pixel());
        let purchase = purchase_change(order, decision, now_ms, hold);
        (purchase, self.refund_events(order, context, hold))
    }

    /// The events that an order's refunds give rise to now. What undoes a Purchase is held
    /// with it.
    fn refund_events(
        &self,
        order: &mut Order,
        context: PurchaseContext<'_>,
        hold: Option<&'static str>,
    ) -> Vec<NewEvent> {
        let Some(name) = &self.refund_event else { return Vec::new() };
        let events = order.refund_events(name, context);
        let entry = |(event, fate): (Event, RefundDecision)| {
            let initial = match (fate, hold) {
                (RefundDecision::Send, None) => Initial::Pending,
                (RefundDecision::Send, Some(code)) => Initial::Held(code.into()),
                (RefundDecision::Suppress(code), _) => Initial::Suppressed(code.into()),
                (RefundDecision::TooOld, _) => Initial::DeadLetter(code::TOO_OLD.into()),
            };
            NewEvent::of_order(order, &event, context.now_ms, initial)
        };
        events.into_iter().map(entry).collect()
    }
}
