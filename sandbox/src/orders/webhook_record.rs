//! The record of one webhook.

use serde::Serialize;

use crate::clock::Millis;

/// One webhook and its deliveries.
#[derive(Clone, Debug, Serialize)]
pub struct WebhookRecord {
    #[serde(skip)]
    pub(super) number: u64,
    pub order_id: String,
    pub r#type: String,
    /// Deliveries, oldest first.
    pub attempts: Vec<Attempt>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Attempt {
    /// When the delivery was sent.
    pub at_ms: Millis,
    /// HTTP status of the answer; 0 if none came.
    pub status: u16,
    pub took_ms: Millis,
}

impl WebhookRecord {
    pub(super) fn new(number: u64, order_id: &str, kind: &str) -> Self {
        Self { number, order_id: order_id.to_owned(), r#type: kind.to_owned(), attempts: Vec::new() }
    }
}
