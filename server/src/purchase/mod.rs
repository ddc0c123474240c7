//! Purchases: one order makes one Purchase, for money that was paid.
//!
//! Claims of pages, facts of internal callers, webhooks and answers of the Orders API all
//! become a step on their order ([`tandem_core::order`]), which the store carries out
//! together with the Purchase it gives rise to.

mod budget;
mod cashfree;
mod claim;
mod fact;
mod orders_api;
mod provider;
#[cfg(test)]
mod provider_tests;
mod reconcile;
mod strangers;
mod watch;

pub use claim::patience;
pub use orders_api::OrdersApi;
pub use reconcile::Reconciler;
pub use strangers::Strangers;
pub use watch::OrderWatch;

use std::sync::Arc;

use tandem_core::code;
use tandem_core::id::{OrderId, PixelId};
use tandem_core::order::{Decision, Order, Paid, PaymentOutcome};
use tokio::sync::Notify;

use crate::config::Cashfree;
use crate::ingest::{Ingest, Reject};
use crate::outbox::{Ask, OrderEffects, OrderUpdated, WebhookRecord, purchase_change, step_order};

/// What claims, facts and webhooks work with.
#[derive(Debug)]
pub struct Purchases {
    pub(crate) ingest: Arc<Ingest>,
    pub(crate) cashfree: Cashfree,
    /// Whether orders can be asked of the payment provider.
    pub(crate) can_ask: bool,
    /// Wakes the reconciler.
    pub(crate) ask_now: Arc<Notify>,
}

impl Purchases {
    /// Makes it. `can_ask`: a reconciler listens to `ask_now`.
    pub fn new(ingest: Arc<Ingest>, cashfree: Cashfree, can_ask: bool, ask_now: Arc<Notify>) -> Self {
        Self { ingest, cashfree, can_ask, ask_now }
    }

    /// Runs a step on an order, decides about its Purchase, writes both, and tells whoever
    /// waits. `step` returns its answer, and when to ask the payment provider.
    async fn step<T: Send + 'static>(
        &self,
        order: &OrderId,
        pixel: &PixelId,
        webhook: Option<WebhookRecord>,
        browser_contact: bool,
        mut step: impl FnMut(&mut Order) -> (T, Ask) + Send + 'static,
    ) -> Result<(OrderUpdated, Option<(T, Order)>), Reject> {
        let now_ms = self.ingest.clock.now_ms();
        let decider = self.ingest.decider(now_ms);
        let holds: Vec<_> =
            self.ingest.settings.pixels.iter().map(|rules| (rules.id.clone(), rules.purchase_hold)).collect();
        let (updated, value) =
            step_order(&self.ingest.outbox, order.clone(), pixel.clone(), webhook, move |order| {
                let (value, ask) = step(order);
                let decision = decider.decide(order);
                let hold = holds.iter().find(|(id, _)| id == order.pixel()).and_then(|(_, hold)| *hold);
                let joined = joined_from(order, &decision);
                let purchase = purchase_change(decision, now_ms, hold, order.claimed_at_s().is_some());
                (OrderEffects { event: None, purchase, ask, browser_contact }, (value, order.clone(), joined))
            })
            .await?;
        if let Some((_, known, joined)) = &value {
            if let Some(from) = joined {
                self.ingest.metrics.purchase_placed(from);
            }
            self.ingest.delivery.wake(known.pixel());
            if known.paid().is_some() {
                self.ingest.watch.tell(order);
            }
        }
        Ok((updated, value.map(|(value, order, _)| (value, order))))
    }

    /// Takes a proof of payment that is not a webhook.
    pub(crate) async fn pay(
        &self,
        order: &OrderId,
        pixel: &PixelId,
        paid: Paid,
    ) -> Result<PaymentOutcome, Reject> {
        let (_, value) =
            self.step(order, pixel, None, false, move |order| (order.pay(paid.clone()), Ask::Never)).await?;
        value.map(|(outcome, _)| outcome).ok_or(Reject::StoreUnavailable)
    }

    /// The pixel of orders that name none.
    pub(crate) fn default_pixel(&self) -> PixelId {
        self.ingest.settings.pixels.first().map_or_else(PixelId::unassigned, |pixel| pixel.id.clone())
    }
}

/// Where the signals of a Purchase that is being placed came from; `None` when none is.
fn joined_from(order: &Order, decision: &Decision) -> Option<&'static str> {
    match decision {
        Decision::Nothing => None,
        Decision::Withhold(_, why) => Some(why.code()),
        Decision::TooOld(_) => Some(code::TOO_OLD),
        Decision::Hold(..) => Some("waiting"),
        Decision::Send(_) => Some(match order.owner() {
            Some(owner) if owner.is_internal => "internal",
            Some(owner) if owner.is_claim => "claim",
            Some(_) => "earlier_event",
            None => "none",
        }),
    }
}
