//! The step on an order: the one way to change it. What happened is taken in, the order
//! decides about its Purchase, and the store writes both at once.

use std::sync::Arc;

use tandem_core::id::{OrderId, PixelId};
use tandem_core::order::Order;

use crate::orders::service::Orders;
use crate::outbox::{Ask, NewEvent, OrderEffects, OrderUpdated, StepAnswer, StoreError, WebhookRecord};

/// What a change answers, and when to ask the payment provider about the order.
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

/// A change of an order. It may run again if the store has to try again, so it must depend on
/// the order alone.
pub(super) type Change = Box<dyn FnMut(&mut Order) -> ChangeOutcome + Send>;

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
        let (now_ms, time, rules) = (self.clock.now_ms(), self.clock.trusted(), Arc::clone(&self.rules));
        let run = move |order: &mut Order| {
            let ChangeOutcome { answer, ask } = change(order);
            let (purchase, followers) = rules.decide(order, now_ms, time);
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
