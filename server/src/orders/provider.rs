//! What every payment provider implements: it turns a message into a verified webhook.

use std::collections::HashMap;
use std::fmt::Debug;

use tandem_core::id::OrderId;

use super::service::{OrderError, Orders};
use super::step::Change;
use crate::outbox::WebhookRecord;

/// A message that claims to come from a payment provider.
#[derive(Debug, Default)]
pub struct SignedMessage {
    /// The provider's name, in lower case.
    pub provider: String,
    /// The body as it came.
    pub body: Vec<u8>,
    /// Headers by lower-case name.
    pub headers: HashMap<String, String>,
    pub content_type: String,
    /// When the gateway received it, Unix milliseconds.
    pub received_ms: Option<i64>,
}

/// Result of a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebhookVerdict {
    /// Genuine, and stored.
    Accepted,
    /// Genuine, but processed before.
    Duplicate,
    /// Genuine, but about nothing that Tandem uses.
    Ignored,
    /// Genuine, but not usable.
    DeadLettered,
    /// Not genuine.
    InvalidSignature,
    /// Genuine, but its signature's time is too old or in the future.
    Stale,
}

impl WebhookVerdict {
    /// Name for labels and logs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Duplicate => "duplicate",
            Self::Ignored => "ignored",
            Self::DeadLettered => "dead_lettered",
            Self::InvalidSignature => "invalid_signature",
            Self::Stale => "stale",
        }
    }
}

/// A payment provider's webhooks.
pub(super) trait Provider: Debug + Send + Sync {
    /// The provider's name, in lower case.
    fn name(&self) -> &'static str;

    /// Verifies a webhook over its raw bytes, then reads it. It does no I/O and stores nothing.
    ///
    /// # Errors
    /// When nothing can be verified, such as without a secret. The sender tries again.
    fn verify(
        &self,
        orders: &Orders,
        message: &SignedMessage,
        now_ms: i64,
    ) -> Result<Verification, OrderError>;
}

/// Result of verifying a webhook.
pub(super) enum Verification {
    /// Not genuine, or too old or too new. Nothing is stored. The text is the stable code of the
    /// reason.
    Refused(WebhookVerdict, &'static str),
    Genuine(Box<VerifiedWebhook>),
}

pub(super) struct VerifiedWebhook {
    /// What is stored of it. Its key makes it count once. With a `dead_letter` code it is a dead
    /// letter.
    pub(super) record: WebhookRecord,
    /// How it changes its order.
    pub(super) change: Option<(OrderId, Change)>,
    /// Whether it speaks of a payment: then the answer names the Purchase, if the order is paid.
    pub(super) proves_payment: bool,
    /// The verdict when the webhook is new.
    pub(super) verdict: WebhookVerdict,
}
