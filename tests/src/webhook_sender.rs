//! Sends many signed webhooks to the gateway at once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

use crate::cashfree::Webhook;
use crate::http;

/// Most webhooks under way at once: more than the gateway accepts, but fewer than the files that a process may open.
const ON_THE_WIRE_MAX: usize = 700;

/// The gateway's answer to one webhook.
#[derive(Debug, Clone, Copy)]
pub struct WebhookAnswer {
    /// HTTP status; 0 if no answer came.
    pub status: u16,
    /// Time until the end of the answer.
    pub took: Duration,
    /// Whether the answer has `Retry-After`.
    pub has_retry_after: bool,
}

/// Sends webhooks to one gateway. Cheap to clone.
#[derive(Debug, Clone)]
pub struct WebhookSender {
    url: String,
    http: reqwest::Client,
    wire: Arc<Semaphore>,
}

impl WebhookSender {
    #[must_use]
    pub fn new(gateway: &str) -> Self {
        Self {
            url: format!("{gateway}/webhooks/cashfree"),
            http: http::client(),
            wire: Arc::new(Semaphore::new(ON_THE_WIRE_MAX)),
        }
    }

    /// Sends a webhook once.
    pub async fn post(&self, webhook: &Webhook) -> WebhookAnswer {
        let _wire = self.wire.acquire().await;
        let started = Instant::now();
        let request = self
            .http
            .post(&self.url)
            .header("content-type", "application/json")
            .header("x-webhook-version", "2025-01-01")
            .header("x-webhook-signature", &webhook.signature)
            .header("x-webhook-timestamp", &webhook.timestamp)
            .body(webhook.body.clone());
        let (status, has_retry_after) = match request.send().await {
            Ok(response) => {
                let head = (response.status().as_u16(), response.headers().contains_key("retry-after"));
                // An incomplete answer counts as none.
                response.bytes().await.map_or((0, false), |_| head)
            }
            Err(_) => (0, false),
        };
        WebhookAnswer { status, took: started.elapsed(), has_retry_after }
    }
}
