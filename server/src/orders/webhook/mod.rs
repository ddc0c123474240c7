//! Webhooks of payment providers. They prove that orders were paid.
//!
//! A provider is one file that implements [`Provider`] and one line in [`PROVIDERS`]. The gateway
//! has its own list of paths and header names. The provider verifies and reads a webhook. The rest
//! is the same for all: one webhook counts once and becomes a step on its order. The webhook and
//! its Purchase are on disk before the sender gets an answer.

use tandem_core::id::{EventId, OrderId};

use crate::orders::provider::{Provider, SignedMessage, Verification, VerifiedWebhook, WebhookVerdict};
use crate::orders::providers::cashfree::CashfreeWebhooks;
use crate::orders::service::{OrderError, Orders};
use crate::orders::step::Step;
use crate::outbox::StoreError;

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
        let (kind, mut detail) = (record.kind.clone(), record.dead_letter.clone().unwrap_or_default());
        let order_id = record.order_id.clone().unwrap_or_default();
        let mut verdict = verdict;
        let is_new = match change {
            None => self.store.record_webhook(record).await?,
            Some((order, change)) => {
                let step = Step { webhook: Some(record), ..Step::on(order) };
                let updated = self.step(step, change).await?;
                if let Some(code) = updated.as_ref().and_then(|updated| updated.dead_letter) {
                    (verdict, detail) = (WebhookVerdict::DeadLettered, code.to_owned());
                }
                updated.is_some()
            }
        };
        let purchase = OrderId::parse(&order_id).ok().filter(|_| proves_payment);
        Ok(WebhookAnswer {
            kind,
            order_id,
            purchase: purchase.map(|order| EventId::of_purchase(&order)),
            ..WebhookAnswer::new(if is_new { verdict } else { WebhookVerdict::Duplicate }, &detail)
        })
    }
}

#[cfg(test)]
mod tests;
