//! The reconciler asks the payment provider about orders whose proof has not come: at once and then
//! on a schedule. So an outage of webhooks loses no Purchase.

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
use tandem_core::custom_data::CustomData;
use tandem_core::event::{ActionSource, Consent, Page};
use tandem_core::hash::Sha256Hex;
use tandem_core::id::OrderId;
use tandem_core::order::{Order, Payment, PaymentSource, Refund, UnpaidStatus};
use tokio_util::sync::CancellationToken;

use super::service::Orders;
use super::step::Step;
use crate::outbox::{Ask, DueOrder, StoreError};
use orders_api::{PaidAnswer, ProviderAnswer};

/// How often the schedule is checked when no hint comes.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Most orders of one round.
const ROUND_MAX: usize = 20;
/// Most questions at the same time.
const AT_ONCE: usize = 8;

/// Asks about orders until `stop`.
#[derive(Debug)]
pub struct Reconciler {
    /// The orders that it asks about.
    pub orders: Arc<Orders>,
    /// The API that it asks.
    pub api: OrdersApi,
}

impl Reconciler {
    pub async fn run(self, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.orders.ask_now.notified() => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            if let Err(error) = self.round().await {
                tracing::warn!(%error, "orders could not be reconciled; they stay on the schedule");
            }
        }
    }

    pub(super) async fn round(&self) -> Result<(), StoreError> {
        let due = self.orders.store.orders_to_ask(self.orders.environment(), ROUND_MAX).await?;
        // A slow question does not delay the others.
        let outcomes = futures_util::stream::iter(due).map(|due| self.ask_about(due)).buffered(AT_ONCE);
        outcomes.try_collect::<()>().await
    }

    async fn ask_about(&self, due: DueOrder) -> Result<(), StoreError> {
        let DueOrder { order, trust } = due;
        match self.api.ask(&self.orders.settings.cashfree, &order, trust).await {
            ProviderAnswer::NoBudget => Ok(()),
            ProviderAnswer::Paid(paid) => self.paid(&order, *paid).await,
            ProviderAnswer::Unpaid(answer, session) => self.plan(&order, answer, session).await,
        }
    }

    async fn paid(
        &self,
        order: &OrderId,
        PaidAnswer { answer, payment, refunds }: PaidAnswer,
    ) -> Result<(), StoreError> {
        let fields = answer.customer.match_fields(Some(payment.money.currency), payment.international);
        let now_ms = self.orders.clock.now_ms();
        let now_s = now_ms.div_euclid(1000);
        let paid = Payment {
            payment_id: Some(payment.payment_id.as_str().to_owned()),
            account: None,
            pixel: None,
            money: payment.money,
            at_s: payment.payment_time_s.unwrap_or(now_s),
            seen_at_s: now_s,
            source: PaymentSource::OrdersApi,
            action_source: ActionSource::Website,
            user_data: self.orders.hash_customer(fields, Some(&answer.order_tags), now_ms),
            custom_data: CustomData::default(),
            listed: self.orders.catalogue_data(order, payment.money, Some(&answer.order_tags)),
            page: Page::default(),
            consent: Consent::default(),
        };
        let refunds: Vec<Refund> = refunds.iter().filter_map(|refund| refund.of_order(None, now_s)).collect();
        let session = answer.payment_session;
        let change = move |order: &mut Order| {
            session.into_iter().for_each(|session| order.confirm_session(session));
            // What went back meanwhile is known before the order decides about its Purchase.
            for refund in &refunds {
                order.refund(refund.clone());
            }
            order.pay(paid.clone());
            Ask::Never.into()
        };
        self.orders.step(Step::on(order.clone()), Box::new(change)).await?;
        tracing::info!(order.id = order.as_str(), "the Orders API says that the order is paid");
        Ok(())
    }

    /// Plans the next question. No answer ends the wait for the webhook.
    async fn plan(
        &self,
        order: &OrderId,
        answer: UnpaidStatus,
        session: Option<Sha256Hex>,
    ) -> Result<(), StoreError> {
        let clock = &self.orders.clock;
        let (now_s, is_time_trusted) = (clock.now_s(), clock.trusted().is_some());
        let change = move |order: &mut Order| {
            session.into_iter().for_each(|session| order.confirm_session(session));
            let next_s = order.note_unpaid(answer, now_s, is_time_trusted).filter(|_| order.paid().is_none());
            next_s.map_or(Ask::Never, |next_s| Ask::At(next_s.saturating_mul(1000))).into()
        };
        self.orders.step(Step::on(order.clone()), Box::new(change)).await.map(drop)
    }
}
