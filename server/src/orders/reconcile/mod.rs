//! The reconciler: asks the payment provider about claimed or hinted orders whose proof has
//! not come, at once and again on a schedule, so that an outage of webhooks loses no Purchase.

mod budget;
mod orders_api;
mod question;
#[cfg(test)]
mod tests;

pub use orders_api::OrdersApi;
pub(super) use question::question;

use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt as _, TryStreamExt as _};
use tandem_core::cashfree::orders_api::{ApiPayment, OrderAnswer};
use tandem_core::custom_data::CustomData;
use tandem_core::event::{ActionSource, Consent, Page};
use tandem_core::id::{OrderId, PixelId};
use tandem_core::order::{NotPaid, Order, Paid, PaymentSource};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::Purchases;
use crate::api::Reject;
use crate::outbox::{Ask, DueOrder, StepAnswer};
use orders_api::Said;

/// How often the schedule is looked at when nobody gave a hint.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Orders asked in one round.
const ROUND_MAX: usize = 20;
/// Orders asked at the same time.
const AT_ONCE: usize = 8;

/// Asks about orders until it is stopped.
#[derive(Debug)]
pub struct Reconciler {
    /// What steps are made with.
    pub purchases: Arc<Purchases>,
    /// The API.
    pub api: OrdersApi,
    /// Wakes it.
    pub ask_now: Arc<Notify>,
}

impl Reconciler {
    /// Runs until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.ask_now.notified() => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            if let Err(fault) = self.round().await {
                tracing::warn!(
                    code = fault.code(),
                    "orders could not be reconciled; they stay on the schedule"
                );
            }
        }
    }

    pub(super) async fn round(&self) -> Result<(), Reject> {
        let due = self.purchases.ingest.outbox.orders.orders_to_ask(ROUND_MAX).await?;
        // One that hangs does not keep the others waiting.
        let outcomes = futures_util::stream::iter(due).map(|due| self.look_into(due)).buffered(AT_ONCE);
        outcomes.try_collect::<()>().await
    }

    async fn look_into(&self, due: DueOrder) -> Result<(), Reject> {
        let DueOrder { order, pixel, standing } = due;
        match self.api.ask(&self.purchases.cashfree, &order, standing).await {
            Said::NoBudget => Ok(()),
            Said::Paid(answer, payment) => self.paid(&order, &pixel, &answer, &payment).await,
            Said::NotPaid(answer) => self.plan(&order, &pixel, answer).await,
        }
    }

    async fn paid(
        &self,
        order: &OrderId,
        pixel: &PixelId,
        answer: &OrderAnswer,
        payment: &ApiPayment,
    ) -> Result<(), Reject> {
        let fields = answer.customer.match_fields(Some(payment.money.currency), payment.international);
        let now_ms = self.purchases.ingest.clock.now_ms();
        let now_s = now_ms.div_euclid(1000);
        let paid = Paid {
            payment_id: Some(payment.payment_id.as_str().to_owned()),
            money: payment.money,
            at_s: payment.payment_time_s.unwrap_or(now_s),
            seen_at_s: now_s,
            source: PaymentSource::OrdersApi,
            action_source: ActionSource::Website,
            user_data: self.purchases.hashed(fields, now_ms),
            custom_data: CustomData::default(),
            listed: self.purchases.listed(order, payment.money, Some(&answer.order_tags)),
            page: Page::default(),
            consent: Consent::default(),
        };
        self.purchases.pay(order, pixel, paid).await?;
        tracing::info!(order.id = order.as_str(), "the Orders API says that the order is paid");
        Ok(())
    }

    /// Plans the next question. No answer ends the wait for the webhook.
    async fn plan(&self, order: &OrderId, pixel: &PixelId, answer: NotPaid) -> Result<(), Reject> {
        let now_s = self.purchases.ingest.clock.now_s();
        let step = move |order: &mut Order| {
            let next_s = order.not_paid(answer, now_s).filter(|_| order.paid().is_none());
            (StepAnswer::Nothing, next_s.map_or(Ask::Never, |next_s| Ask::At(next_s * 1000)))
        };
        self.purchases.step(order, pixel, None, false, step).await.map(drop)
    }
}
