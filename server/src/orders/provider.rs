//! What every payment provider implements: a message goes in, a verified webhook comes out.

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

/// What became of a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebhookVerdict {
    /// Genuine, and taken in.
    Accepted,
    /// Genuine, and processed before.
    Duplicate,
    /// Genuine, and about nothing that Tandem uses.
    Ignored,
    /// Genuine, and not usable.
    DeadLettered,
    /// Not genuine.
    InvalidSignature,
    /// Genuine, but too old or from the future.
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
    /// Its name, in lower case.
    fn name(&self) -> &'static str;

    /// Verifies a webhook over its raw bytes, then reads it. No I/O, nothing stored.
    ///
    /// # Errors
    /// When nothing can be verified, such as without a secret: the sender tries again.
    fn verify(
        &self,
        orders: &Orders,
        message: &SignedMessage,
        now_ms: i64,
    ) -> Result<Verification, OrderError>;
}

/// What a provider makes of a webhook.
pub(super) enum Verification {
    /// Not genuine, or not of this time. Nothing is kept. With the stable code of why.
    Refused(WebhookVerdict, &'static str),
    Genuine(Box<VerifiedWebhook>),
}

/// A genuine webhook.
pub(super) struct VerifiedWebhook {
    /// What is kept of it; under its key it counts once. With a `dead_letter` code it is a
    /// dead letter.
    pub(super) record: WebhookRecord,
    /// What it does to its order.
    pub(super) change: Option<(OrderId, Change)>,
    /// It speaks of a payment that was made: the answer names the Purchase.
    pub(super) proves_payment: bool,
    /// What to answer when it is new.
    pub(super) verdict: WebhookVerdict,
}
