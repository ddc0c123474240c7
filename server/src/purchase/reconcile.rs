//! The reconciler: asks the payment provider about claimed or hinted orders whose proof has
//! not come, at once and again on a schedule, so that an outage of webhooks loses no Purchase.

use std::sync::Arc;
use std::time::Duration;

use tandem_core::cashfree::orders_api::{ApiPayment, OrderAnswer};
use tandem_core::custom_data::CustomData;
use tandem_core::event::{ActionSource, Consent, Page};
use tandem_core::id::{OrderId, PixelId};
use tandem_core::order::{Paid, PaymentSource};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::Purchases;
use super::orders_api::{OrdersApi, Said};
use crate::ingest::Reject;
use crate::outbox::Ask;

/// How often the schedule is looked at when nobody gave a hint.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Orders asked in one round.
const ROUND_MAX: usize = 20;
/// Ages of a claim at which its order is asked again, seconds. The first ones follow
/// Cashfree's own retries (2, 10 and 30 minutes); the last is the end of Meta's 7 days.
const SCHEDULE_S: [i64; 10] =
    [15, 180, 900, 3000, 6 * 3600, 24 * 3600, 48 * 3600, 72 * 3600, 120 * 3600, 160 * 3600];

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

    async fn round(&self) -> Result<(), Reject> {
        let due = self.purchases.ingest.outbox.orders_to_ask(ROUND_MAX).await?;
        for (order, pixel) in due {
            match self.api.ask(&self.purchases.cashfree, &order).await {
                Said::NoBudget => return Ok(()),
                Said::Paid(answer, payment) => self.paid(&order, &pixel, &answer, &payment).await?,
                Said::Final => self.plan(&order, &pixel, true).await?,
                Said::NotYet => self.plan(&order, &pixel, false).await?,
            }
        }
        Ok(())
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

    /// Plans the next question. An answer "not found" or "active" does not end the wait.
    async fn plan(&self, order: &OrderId, pixel: &PixelId, is_final: bool) -> Result<(), Reject> {
        let now_ms = self.purchases.ingest.clock.now_ms();
        let step = move |order: &mut tandem_core::order::Order| {
            let since_s = order.awaited_since_s().unwrap_or(now_ms.div_euclid(1000));
            let ask = match (is_final, next(since_s, now_ms)) {
                (false, Some(at_ms)) => Ask::At(at_ms),
                _ => Ask::Never,
            };
            ((), ask)
        };
        self.purchases.step(order, pixel, None, false, step).await.map(drop)
    }
}

/// When an order awaited since `since_s` is asked next, Unix milliseconds.
fn next(since_s: i64, now_ms: i64) -> Option<i64> {
    SCHEDULE_S.into_iter().map(|age_s| (since_s + age_s) * 1000).find(|at_ms| *at_ms > now_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_thin_out_and_end_within_metas_seven_days() {
        assert_eq!(next(1000, 1_000_000), Some(1_015_000));
        assert_eq!(next(1000, 1_015_000), Some(1_180_000));
        let last = 1000 + SCHEDULE_S[SCHEDULE_S.len() - 1];
        assert_eq!(next(1000, last * 1000), None);
        assert!(SCHEDULE_S.is_sorted() && SCHEDULE_S[SCHEDULE_S.len() - 1] < 7 * 24 * 3600);
    }
}
