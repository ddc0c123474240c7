//! The step: the only way to change an order. A step changes the order, the order decides about its
//! Purchase, and the store writes both at once.

use std::sync::Arc;

use tandem_core::event::AdsUse;
use tandem_core::id::OrderId;
use tandem_core::order::Order;

use crate::orders::service::Orders;
use crate::outbox::{Ask, Lane, NewEvent, OrderEffects, OrderUpdated, StepAnswer, StoreError, WebhookRecord};

/// A change's answer, and when to ask the payment provider about the order.
#[derive(Debug)]
pub(super) struct ChangeOutcome {
    pub(super) answer: StepAnswer,
    pub(super) ask: Ask,
    /// Stable code of why the step's webhook is a dead letter, if it is one for its order.
    pub(super) dead_letter: Option<&'static str>,
}

impl ChangeOutcome {
    pub(super) fn answered(answer: StepAnswer, ask: Ask) -> Self {
        Self { answer, ask, dead_letter: None }
    }
}

impl From<Ask> for ChangeOutcome {
    fn from(ask: Ask) -> Self {
        Self::answered(StepAnswer::Nothing, ask)
    }
}

/// A change of an order. The store may run it again, so it must depend on the order alone.
pub(super) type Change = Box<dyn FnMut(&mut Order) -> ChangeOutcome + Send>;

/// The order that a step changes, and what is written with it.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) order: OrderId,
    /// Known already: nothing is done.
    pub(super) webhook: Option<WebhookRecord>,
    /// An event that is stored besides the Purchase.
    pub(super) event: Option<NewEvent>,
    /// A page asked about the order, so that a browser copy of its Purchase is to be expected.
    pub(super) expects_browser: bool,
    pub(super) lane: Lane,
}

impl Step {
    /// A step of the shop's, with nothing but the change.
    pub(super) fn on(order: OrderId) -> Self {
        Self { order, webhook: None, event: None, expects_browser: false, lane: Lane::Shop }
    }
}

impl Orders {
    /// Runs a step and tells all waiting callers. `None`: its webhook was known.
    ///
    /// # Errors
    /// When the store refuses it; nothing was written then.
    pub(super) async fn step(
        &self,
        step: Step,
        mut change: Change,
    ) -> Result<Option<OrderUpdated>, StoreError> {
        let Step { order, webhook, event, expects_browser, lane } = step;
        let (key, pixel) = (self.key(order), self.rules.default_pixel.clone());
        let (now_ms, time, rules) = (self.clock.now_ms(), self.clock.trusted(), Arc::clone(&self.rules));
        let run = move |order: &mut Order| {
            order.obey(rules.consent);
            let ChangeOutcome { answer, ask, dead_letter } = change(order);
            let (purchase, followers) = rules.decide(order, now_ms, time);
            OrderEffects {
                event: event.clone(),
                purchase,
                followers,
                ask,
                // No page fires what is for measurement alone.
                browser_contact: expects_browser && order.ads_use() != AdsUse::Measurement,
                dead_letter,
                answer,
            }
        };
        let updated = self.store.update(lane, key, pixel, webhook, Box::new(run)).await?;
        if let Some(OrderUpdated { order, ask, .. }) = &updated {
            self.delivery.wake(order.pixel());
            if order.paid().is_some() {
                self.watch.notify(order.id());
            }
            if matches!(ask, Ask::At(at_ms) if *at_ms <= now_ms) {
                self.ask_now.notify_one();
            }
        }
        Ok(updated)
    }
}

#[cfg(test)]
mod tests;
