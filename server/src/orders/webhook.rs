//! Payment providers: who may prove that an order was paid, by a message of its own kind.
//!
//! A provider is one file that implements [`Provider`] and one line in [`PROVIDERS`] (the
//! gateway has a list of its own, of paths and header names). It verifies and reads; what
//! follows is the same for all: one webhook counts once, becomes a step on its order, and
//! is on disk with the Purchase it gives rise to before anybody is answered.

use std::fmt::Debug;

use tandem_core::id::{EventId, OrderId};
use tandem_core::order::Order;
use tandem_proto::v1::{self, Verdict};

use super::Purchases;
use super::providers::cashfree::CashfreeWebhooks;
use crate::api::Reject;
use crate::outbox::{Ask, StepAnswer, WebhookRecord};

/// All providers.
pub(super) static PROVIDERS: &[&dyn Provider] = &[&CashfreeWebhooks];

/// A payment provider's webhooks.
pub(super) trait Provider: Debug + Send + Sync {
    /// Its number in the protocol (`tandem.v1.Provider`).
    fn number(&self) -> i32;

    /// Verifies a webhook over its raw bytes, then reads it. No I/O, nothing stored.
    ///
    /// # Errors
    /// When nothing can be verified, such as without a secret: the sender tries again.
    fn judge(
        &self,
        purchases: &Purchases,
        request: &v1::VerifyWebhookRequest,
        now_ms: i64,
    ) -> Result<Judged, Reject>;
}

/// What a provider makes of a webhook.
pub(super) enum Judged {
    /// Not genuine, or not of this time. Nothing is kept.
    Refused(Verdict, &'static str),
    /// Genuine.
    Genuine(Box<Genuine>),
}

/// A genuine webhook.
pub(crate) struct Genuine {
    /// What is kept of it; under its key it counts once. With a `dead_letter` code it is a
    /// dead letter.
    pub(crate) record: WebhookRecord,
    /// What it does to its order.
    pub(crate) step: Option<(OrderId, Step)>,
    /// It speaks of a payment that was made: the answer names the Purchase.
    pub(crate) proves_payment: bool,
    /// What to answer when it is new.
    pub(crate) verdict: Verdict,
}

/// What happens to the order, and when to ask the provider about it.
pub(super) type Step = Box<dyn FnMut(&mut Order) -> Ask + Send>;

impl Purchases {
    /// `VerifyWebhook`.
    pub(crate) async fn verify_webhook(
        &self,
        request: v1::VerifyWebhookRequest,
    ) -> Result<v1::VerifyWebhookResponse, Reject> {
        self.verify_webhook_of(PROVIDERS, &request).await
    }

    pub(super) async fn verify_webhook_of(
        &self,
        providers: &[&dyn Provider],
        request: &v1::VerifyWebhookRequest,
    ) -> Result<v1::VerifyWebhookResponse, Reject> {
        let now_ms = self.ingest.clock.now_ms();
        let result = match providers.iter().find(|provider| provider.number() == request.provider) {
            None => Err(Reject::field("provider", "must be a provider that this server knows")),
            Some(provider) => match provider.judge(self, request, now_ms) {
                Ok(Judged::Genuine(genuine)) => self.settle(*genuine, now_ms).await,
                Ok(Judged::Refused(verdict, why)) => Ok(answer(verdict, why)),
                Err(reject) => Err(reject),
            },
        };
        match &result {
            Ok(answer) => {
                let verdict = answer.verdict().as_str_name();
                self.ingest.metrics.webhook(verdict.trim_start_matches("VERDICT_").to_lowercase().as_str());
                tracing::info!(
                    webhook.verdict = verdict,
                    webhook.r#type = answer.webhook_type,
                    order.id = answer.order_id,
                    detail = answer.detail,
                    "webhook"
                );
            }
            Err(reject) => tracing::warn!(code = reject.code(), "webhook could not be judged"),
        }
        result
    }

    /// Makes durable what a genuine webhook says.
    async fn settle(&self, genuine: Genuine, now_ms: i64) -> Result<v1::VerifyWebhookResponse, Reject> {
        let Genuine { record, step, proves_payment, verdict } = genuine;
        let (kind, detail) = (record.kind.clone(), record.dead_letter.clone().unwrap_or_default());
        let order_id = record.order_id.clone().unwrap_or_default();
        let is_new = match step {
            None => self.ingest.outbox.orders.record_webhook(record).await?,
            Some((order, mut step)) => {
                let pixel = self.default_pixel();
                let step = move |order: &mut Order| (StepAnswer::Nothing, step(order));
                let updated = self.step(&order, &pixel, Some(record), false, step).await?;
                let asks = |ask: Ask| matches!(ask, Ask::At(at_ms) if at_ms <= now_ms);
                if updated.as_ref().is_some_and(|updated| asks(updated.ask)) {
                    self.ask_now.notify_one();
                }
                updated.is_some()
            }
        };
        let mut answer = answer(if is_new { verdict } else { Verdict::Duplicate }, &detail);
        if proves_payment && let Ok(order) = OrderId::parse(&order_id) {
            answer.event_id = EventId::of_purchase(&order).into();
        }
        answer.webhook_type = kind;
        answer.order_id = order_id;
        Ok(answer)
    }
}

fn answer(verdict: Verdict, detail: &str) -> v1::VerifyWebhookResponse {
    v1::VerifyWebhookResponse { verdict: verdict.into(), detail: detail.to_owned(), ..Default::default() }
}
