//! `VerifyWebhook`: the gateway hands over a webhook as it came.

use tandem_proto::v1;

use super::service::Tracking;
use crate::api::status::Reject;
use crate::orders::{SignedMessage, WebhookVerdict};

impl Tracking {
    pub(super) async fn webhook(
        &self,
        request: v1::VerifyWebhookRequest,
    ) -> Result<v1::VerifyWebhookResponse, Reject> {
        let message = SignedMessage {
            provider: request.provider().as_str_name().trim_start_matches("PROVIDER_").to_lowercase(),
            received_ms: request.received_at.map(|at| at.seconds.saturating_mul(1000)),
            body: request.raw_body,
            headers: request.headers,
            content_type: request.content_type,
        };
        let answer = self.orders.webhook(&message).await?;
        let verdict = match answer.verdict {
            WebhookVerdict::Accepted => v1::Verdict::Accepted,
            WebhookVerdict::Duplicate => v1::Verdict::Duplicate,
            WebhookVerdict::Ignored => v1::Verdict::Ignored,
            WebhookVerdict::DeadLettered => v1::Verdict::DeadLettered,
            WebhookVerdict::InvalidSignature => v1::Verdict::InvalidSignature,
            WebhookVerdict::Stale => v1::Verdict::Stale,
        };
        Ok(v1::VerifyWebhookResponse {
            verdict: verdict.into(),
            order_id: answer.order_id,
            event_id: answer.purchase.map(Into::into).unwrap_or_default(),
            webhook_type: answer.kind,
            detail: answer.detail,
        })
    }
}
