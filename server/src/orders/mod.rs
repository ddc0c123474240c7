//! Purchases: one order makes one Purchase, for money that was paid.
//!
//! Claims of pages, facts of internal callers, webhooks and answers of the Orders API all
//! become a step on their order ([`tandem_core::order`]), which the store carries out
//! together with the Purchase it gives rise to.

mod claim;
mod providers;
mod quotas;
mod reconcile;
mod report;
#[cfg(test)]
mod testing;
mod watch;
mod webhook;
#[cfg(test)]
mod webhook_tests;

pub use claim::patience;
pub use quotas::Strangers;
pub use reconcile::{OrdersApi, Reconciler};
pub use watch::OrderWatch;

use std::sync::Arc;

use tandem_core::cashfree::OrderTags;
use tandem_core::code;
use tandem_core::custom_data::CustomData;
use tandem_core::event::Event;
use tandem_core::id::{EventName, OrderId, PixelId};
use tandem_core::money::Money;
use tandem_core::order::{Order, Paid, PaymentOutcome, RefundFate};
use tokio::sync::Notify;

use crate::api::Reject;
use crate::catalogue::CatalogueFile;
use crate::config::Cashfree;
use crate::ingest::Ingest;
use crate::outbox::{
    Ask, Initial, NewEvent, OrderEffects, OrderUpdated, StepAnswer, WebhookRecord, purchase_change,
};

/// Settings of Purchases.
#[derive(Debug)]
pub struct PurchaseSettings {
    /// The payment provider.
    pub cashfree: Cashfree,
    /// What the shop sells.
    pub catalogue: Option<Arc<CatalogueFile>>,
    /// Custom event to send for refunds; none: nothing is sent.
    pub refund_event: Option<EventName>,
}

/// What claims, facts and webhooks work with.
#[derive(Debug)]
pub struct Purchases {
    pub(crate) ingest: Arc<Ingest>,
    pub(crate) cashfree: Cashfree,
    /// Whether orders can be asked of the payment provider.
    pub(crate) can_ask: bool,
    /// Wakes the reconciler.
    pub(crate) ask_now: Arc<Notify>,
    catalogue: Option<Arc<CatalogueFile>>,
    refund_event: Option<EventName>,
}

impl Purchases {
    /// Makes it. `can_ask`: a reconciler listens to `ask_now`.
    pub fn new(ingest: Arc<Ingest>, settings: PurchaseSettings, can_ask: bool, ask_now: Arc<Notify>) -> Self {
        let PurchaseSettings { cashfree, catalogue, refund_event } = settings;
        Self { ingest, cashfree, can_ask, ask_now, catalogue, refund_event }
    }

    /// What the catalogue makes of a payment; nothing without a catalogue.
    pub(crate) fn listed(&self, order: &OrderId, paid: Money, tags: Option<&OrderTags>) -> CustomData {
        let Some(catalogue) = &self.catalogue else { return CustomData::default() };
        let (origin, bought) = catalogue.look_up(paid, tags);
        tracing::debug!(order.id = order.as_str(), origin = origin.name(), "the catalogue was asked");
        bought
    }

    /// Runs a step on an order, decides about its Purchase, writes both, and tells whoever
    /// waits. `step` returns its answer, and when to ask the payment provider. `None`: the webhook
    /// was known.
    async fn step(
        &self,
        order: &OrderId,
        pixel: &PixelId,
        webhook: Option<WebhookRecord>,
        browser_contact: bool,
        mut step: impl FnMut(&mut Order) -> (StepAnswer, Ask) + Send + 'static,
    ) -> Result<Option<OrderUpdated>, Reject> {
        let now_ms = self.ingest.clock.now_ms();
        let decider = self.ingest.decider(now_ms);
        let holds: Vec<_> =
            self.ingest.settings.pixels.iter().map(|rules| (rules.id.clone(), rules.purchase_hold)).collect();
        let refunds = RefundEvents {
            name: self.refund_event.clone(),
            shop_url: self.ingest.settings.shop_url.clone(),
            now_ms,
        };
        let step = move |order: &mut Order| {
            let (answer, ask) = step(order);
            let decision = decider.decide(order);
            let hold = holds.iter().find(|(id, _)| id == order.pixel()).and_then(|(_, hold)| *hold);
            let purchase = purchase_change(decision, now_ms, hold, order.claimed_at_s().is_some());
            let followers = refunds.of(order, hold);
            OrderEffects { event: None, purchase, followers, ask, browser_contact, answer }
        };
        let orders = &self.ingest.outbox.orders;
        let updated = orders.update(order.clone(), pixel.clone(), webhook, Box::new(step)).await?;
        if let Some(updated) = &updated {
            self.ingest.delivery.wake(updated.order.pixel());
            if updated.order.paid().is_some() {
                self.ingest.watch.tell(order);
            }
        }
        Ok(updated)
    }

    /// Takes a proof of payment that is not a webhook.
    pub(crate) async fn pay(
        &self,
        order: &OrderId,
        pixel: &PixelId,
        paid: Paid,
    ) -> Result<PaymentOutcome, Reject> {
        let pay = move |order: &mut Order| (StepAnswer::Payment(order.pay(paid.clone())), Ask::Never);
        match self.step(order, pixel, None, false, pay).await? {
            Some(OrderUpdated { answer: StepAnswer::Payment(outcome), .. }) => Ok(outcome),
            _ => Err(Reject::StoreUnavailable),
        }
    }

    /// The pixel of orders that name none.
    pub(crate) fn default_pixel(&self) -> PixelId {
        self.ingest.settings.pixels.first().map_or_else(PixelId::unassigned, |pixel| pixel.id.clone())
    }
}

/// What the events of refunds need from outside.
struct RefundEvents {
    name: Option<EventName>,
    shop_url: Option<String>,
    now_ms: i64,
}

impl RefundEvents {
    /// The events that an order's refunds give rise to now. `hold`: why its pixel's
    /// Purchases are held, if they are: what undoes them is held with them.
    fn of(&self, order: &mut Order, hold: Option<&'static str>) -> Vec<NewEvent> {
        let Some(name) = &self.name else { return Vec::new() };
        let events = order.refund_events(name, self.now_ms, self.shop_url.as_deref());
        let entry = |(event, fate): (Event, RefundFate)| {
            let initial = match (fate, hold) {
                (RefundFate::Send, None) => Initial::Pending,
                (RefundFate::Send, Some(code)) => Initial::Held(code.into()),
                (RefundFate::Suppress(code), _) => Initial::Suppressed(code.into()),
                (RefundFate::TooOld, _) => Initial::DeadLetter(code::TOO_OLD.into()),
            };
            NewEvent::new(&event, self.now_ms, initial, false)
        };
        events.into_iter().map(entry).collect()
    }
}
