//! The step on an order: the one way to change it. What happened is taken in, the order
//! decides about its Purchase, and the store writes both at once.

use std::sync::Arc;

use tandem_core::code;
use tandem_core::event::Event;
use tandem_core::id::{EventName, OrderId, PixelId};
use tandem_core::order::{Order, RefundDecision};

use super::Orders;
use crate::outbox::{
    Ask, Initial, NewEvent, OrderEffects, OrderUpdated, PurchaseChange, StepAnswer, StoreError,
    WebhookRecord, purchase_change,
};

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

/// What a change answers, and when to ask the payment provider about the order.
#[derive(Debug)]
pub(super) struct Changed {
    pub(super) answer: StepAnswer,
    pub(super) ask: Ask,
}

impl From<Ask> for Changed {
    fn from(ask: Ask) -> Self {
        Self { answer: StepAnswer::Nothing, ask }
    }
}

/// A change of an order. It may run again if the store has to try again, so it must depend on
/// the order alone.
pub(super) type Change = Box<dyn FnMut(&mut Order) -> Changed + Send>;

/// Which order is changed, and what is written with it.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) order: OrderId,
    /// The pixel of a new order.
    pub(super) pixel: PixelId,
    /// Known already: nothing is done.
    pub(super) webhook: Option<WebhookRecord>,
    /// An event in its own right.
    pub(super) event: Option<NewEvent>,
    /// A page asked about the order: a browser's copy of its Purchase is to be expected.
    pub(super) expects_browser: bool,
}

impl Step {
    pub(super) fn on(order: OrderId, pixel: PixelId) -> Self {
        Self { order, pixel, webhook: None, event: None, expects_browser: false }
    }
}

impl Orders {
    /// Runs a step and tells everyone who waits for its outcome. `None`: its webhook was known.
    ///
    /// # Errors
    /// When the store does not accept; nothing was written then.
    pub(super) async fn step(
        &self,
        step: Step,
        mut change: Change,
    ) -> Result<Option<OrderUpdated>, StoreError> {
        let Step { order, pixel, webhook, event, expects_browser } = step;
        let (now_ms, rules) = (self.clock.now_ms(), Arc::clone(&self.rules));
        let run = move |order: &mut Order| {
            let Changed { answer, ask } = change(order);
            let (purchase, followers) = rules.decide(order, now_ms);
            OrderEffects {
                event: event.clone(),
                purchase,
                followers,
                ask,
                browser_contact: expects_browser,
                answer,
            }
        };
        let updated = self.store.update(order, pixel, webhook, Box::new(run)).await?;
        if let Some(OrderUpdated { order, ask, .. }) = &updated {
            self.delivery.wake(order.pixel());
            if order.paid().is_some() {
                self.watch.tell(order.id());
            }
            if matches!(ask, Ask::At(at_ms) if *at_ms <= now_ms) {
                self.ask_now.notify_one();
            }
        }
        Ok(updated)
    }
}

impl PurchaseRules {
    /// Why a pixel's Purchases are held one by one, if they are.
    fn hold(&self, pixel: &PixelId) -> Option<&'static str> {
        self.holds.iter().find(|(id, _)| id == pixel).map(|(_, code)| *code)
    }

    /// Decides about an order's Purchase and about the events that follow it.
    fn decide(&self, order: &mut Order, now_ms: i64) -> (Option<PurchaseChange>, Vec<NewEvent>) {
        let decision = order.decide(now_ms, self.join_wait_ms, self.shop_url.as_deref());
        let hold = self.hold(order.pixel());
        let had_browser = order.claimed_at_s().is_some();
        let purchase = purchase_change(decision, now_ms, hold, had_browser);
        (purchase, self.refund_events(order, now_ms, hold))
    }

    /// The events that an order's refunds give rise to now. What undoes a Purchase is held
    /// with it.
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
