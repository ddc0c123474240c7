//! The step: the only way to change an order. A step changes the order, the order decides about its
//! Purchase, and the store writes both at once.

use std::sync::Arc;

use tandem_core::id::{OrderId, PixelId};
use tandem_core::order::Order;

use crate::orders::service::Orders;
use crate::outbox::{Ask, NewEvent, OrderEffects, OrderUpdated, StepAnswer, StoreError, WebhookRecord};

/// A change's answer, and when to ask the payment provider about the order.
#[derive(Debug)]
pub(super) struct ChangeOutcome {
    pub(super) answer: StepAnswer,
    pub(super) ask: Ask,
}

impl From<Ask> for ChangeOutcome {
    fn from(ask: Ask) -> Self {
        Self { answer: StepAnswer::Nothing, ask }
    }
}

/// A change of an order. The store may run it again, so it must depend on the order alone.
pub(super) type Change = Box<dyn FnMut(&mut Order) -> ChangeOutcome + Send>;

/// The order that a step changes, and what is written with it.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) order: OrderId,
    /// The pixel of a new order.
    pub(super) pixel: PixelId,
    /// The webhook that causes the step. If it is known already, the step does not run.
    pub(super) webhook: Option<WebhookRecord>,
    /// An event that is stored besides the Purchase.
    pub(super) event: Option<NewEvent>,
    /// A page asked about the order, so that a browser copy of its Purchase is to be expected.
    pub(super) expects_browser: bool,
}

impl Step {
    pub(super) fn on(order: OrderId, pixel: PixelId) -> Self {
        Self { order, pixel, webhook: None, event: None, expects_browser: false }
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
        let Step { order, pixel, webhook, event, expects_browser } = step;
        let (now_ms, rules) = (self.clock.now_ms(), Arc::clone(&self.rules));
        let run = move |order: &mut Order| {
            let ChangeOutcome { answer, ask } = change(order);
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
