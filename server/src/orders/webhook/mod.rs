//! Webhooks of payment providers. They prove that orders were paid.
//!
//! A provider is one file that implements [`Provider`] and one line in [`PROVIDERS`]. The gateway
//! has its own list of paths and header names. The provider verifies and reads a webhook. The rest
//! is the same for all: one webhook counts once and becomes a step on its order. The webhook and
//! its Purchase are on disk before the sender gets an answer.

use tandem_core::code;
use tandem_core::id::EventId;
use tandem_core::order::{Order, PaymentOutcome};

use crate::orders::provider::WebhookVerdict::{DeadLettered, InvalidSignature, Stale};
use crate::orders::provider::{Provider, SignedMessage, Verification, VerifiedWebhook, WebhookVerdict};
use crate::orders::providers::cashfree::CashfreeWebhooks;
use crate::orders::service::{OrderError, Orders};
use crate::orders::step::Step;
use crate::outbox::{OrderUpdated, StepAnswer, StoreError};

pub(super) static PROVIDERS: &[&dyn Provider] = &[&CashfreeWebhooks];

/// Answer to a webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookAnswer {
    pub verdict: WebhookVerdict,
    /// The order it names; may be empty.
    pub order_id: String,
    /// The Purchase it proves, if it proves one.
    pub purchase: Option<EventId>,
    /// The webhook's type, in the provider's words; may be empty.
    pub kind: String,
    /// Stable code of the reason; may be empty.
    pub detail: String,
}

impl WebhookAnswer {
    fn new(verdict: WebhookVerdict, detail: &str) -> Self {
        let (order_id, kind, detail) = (String::new(), String::new(), detail.to_owned());
        Self { verdict, order_id, purchase: None, kind, detail }
    }
}

impl Orders {
    /// Verifies a webhook and stores what it says.
    ///
    /// # Errors
    /// When it cannot be verified or stored now. Its sender tries again.
    pub async fn webhook(&self, message: &SignedMessage) -> Result<WebhookAnswer, OrderError> {
        self.webhook_of(PROVIDERS, message).await
    }

    pub(super) async fn webhook_of(
        &self,
        providers: &[&dyn Provider],
        message: &SignedMessage,
    ) -> Result<WebhookAnswer, OrderError> {
        let now_ms = self.clock.now_ms();
        let result = match providers.iter().find(|provider| provider.name() == message.provider) {
            None => Err(OrderError::UnknownProvider),
            Some(provider) => match provider.verify(self, message, now_ms) {
                Ok(Verification::Genuine(webhook)) => self.settle(*webhook).await.map_err(Into::into),
                Ok(Verification::Refused(verdict, why)) => Ok(WebhookAnswer::new(verdict, why)),
                Err(error) => Err(error),
            },
        };
        match &result {
            // Nothing in it is proved, so nothing of it is repeated.
            Ok(answer @ WebhookAnswer { verdict: InvalidSignature | Stale, .. }) => {
                self.metrics.count_webhook(answer.verdict.name());
                tracing::warn!(
                    webhook.verdict = answer.verdict.name(),
                    webhook.provider = message.provider,
                    detail = answer.detail,
                    "a webhook was refused: it may be forged"
                );
            }
            Ok(answer @ WebhookAnswer { verdict: DeadLettered, .. }) => {
                self.metrics.count_webhook(answer.verdict.name());
                tracing::warn!(
                    webhook.verdict = answer.verdict.name(),
                    webhook.r#type = answer.kind,
                    order.id = answer.order_id,
                    detail = answer.detail,
                    "a genuine webhook cannot be used; it is a dead letter now"
                );
            }
            Ok(answer) => {
                let verdict = answer.verdict.name();
                self.metrics.count_webhook(verdict);
                tracing::info!(
                    webhook.verdict = verdict,
                    webhook.r#type = answer.kind,
                    order.id = answer.order_id,
                    detail = answer.detail,
                    "webhook processed"
                );
            }
            Err(error) => {
                tracing::warn!(%error, "a webhook could not be verified or stored; its sender will retry");
            }
        }
        result
    }

    /// Stores what a genuine webhook says.
    async fn settle(&self, webhook: VerifiedWebhook) -> Result<WebhookAnswer, StoreError> {
        let VerifiedWebhook { record, change, proves_payment, verdict } = webhook;
        let (kind, detail) = (record.kind.clone(), record.dead_letter.clone().unwrap_or_default());
        let order_id = record.order_id.clone().unwrap_or_default();
        let answer = |verdict, detail: &str, order: Option<&Order>| {
            // What the order says counts, and not what the message claims: it may be of nothing, or of
            // another account.
            let paid = order.filter(|order| proves_payment && order.paid().is_some());
            let purchase = paid.map(|order| EventId::of_purchase(order.id()));
            WebhookAnswer { kind, order_id, purchase, ..WebhookAnswer::new(verdict, detail) }
        };
        let Some((id, change)) = change else {
            let is_new = self.store.record_webhook(record).await?;
            return Ok(answer(if is_new { verdict } else { WebhookVerdict::Duplicate }, &detail, None));
        };
        let step = Step { webhook: Some(record), ..Step::on(id.clone()) };
        Ok(match self.step(step, change).await? {
            None => {
                let order = self.store.order(self.key(id)).await?;
                answer(WebhookVerdict::Duplicate, &detail, order.as_ref())
            }
            Some(OrderUpdated { dead_letter: Some(code), .. }) => {
                answer(WebhookVerdict::DeadLettered, code, None)
            }
            Some(OrderUpdated { answer: StepAnswer::Payment(PaymentOutcome::Zero), order, .. }) => {
                answer(verdict, code::ZERO_AMOUNT, Some(&order))
            }
            Some(updated) => answer(verdict, &detail, Some(&updated.order)),
        })
    }
}

#[cfg(test)]
mod tests;
