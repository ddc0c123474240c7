//! Reads a webhook's body by its shape. The version header is ignored, because editions overlap
//! and new ones appear.

use super::error::MessageError;
use super::event_key::event_key;
use super::extract::Extract;
use super::fields;
use super::json::{self, JsonError, Node};
use super::legacy::LEGACY_KIND;
use super::link::{read_form, read_link};
use super::notice::Notice;
use super::payment::{is_flat, read_charges, read_flat, read_payment};
use super::refund::{read_dispute, read_refund};
use super::subscription::{read_settlement, read_subscription};
use crate::currency::Currency;

/// A webhook whose body was read.
#[derive(Debug)]
pub struct Webhook {
    notice: Notice,
    extract: Extract,
    event_key: String,
}

/// Why a message with a valid signature cannot be used, with the part that could be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the webhook {reason}")]
pub struct WebhookError {
    /// The first error in the message.
    pub reason: MessageError,
    /// Byte offset of the error; `Some` only when the JSON itself cannot be read.
    pub offset: Option<usize>,
    /// The part that could be read: type, order, time. It may be stored.
    pub extract: Box<Extract>,
}

impl Webhook {
    /// Reads a body whose signature was verified. `assumed`: the currency where a message names
    /// none.
    ///
    /// # Errors
    /// A [`WebhookError`] when the body is not a JSON object, or has a known type and lacks a field
    /// that the type needs. The caller should keep such a webhook as a dead letter and answer 200,
    /// because Cashfree would only send the same body again.
    pub fn parse(raw_body: &[u8], assumed: Currency) -> Result<Self, WebhookError> {
        let root = json::read(raw_body).map_err(|JsonError { reason, offset }| WebhookError {
            reason,
            offset,
            extract: Box::default(),
        })?;
        let mut extract = Extract {
            webhook_type: type_name(&root),
            event_time_s: fields::time_s(root.get("event_time")),
            merchant_id: fields::optional_id(root.get("merchant").get("merchant_id")),
            ..Extract::default()
        };
        match read_notice(&extract.webhook_type, &root, assumed) {
            Ok(notice) => {
                let extract = extract.with(&notice);
                let event_key = event_key(&notice, &extract, raw_body);
                Ok(Self { notice, extract, event_key })
            }
            Err(error) => {
                extract.order_id = likely_order(&root);
                Err(WebhookError { reason: error, offset: None, extract: Box::new(extract) })
            }
        }
    }

    /// The content of the message.
    pub fn notice(&self) -> &Notice {
        &self.notice
    }

    /// The part of the message that may be stored.
    pub fn extract(&self) -> &Extract {
        &self.extract
    }

    /// The message's own type in upper case, e.g. `PAYMENT_SUCCESS_WEBHOOK`; empty when it has
    /// none.
    pub fn webhook_type(&self) -> &str {
        &self.extract.webhook_type
    }

    /// When Cashfree made the message (`event_time`), Unix seconds.
    pub fn event_time_s(&self) -> Option<i64> {
        self.extract.event_time_s
    }

    /// Deduplication key: repeated deliveries, also in other editions, have the same key. The
    /// caller puts the account in front of it.
    pub fn event_key(&self) -> &str {
        &self.event_key
    }

    /// Whether the message needs no action: it is the dashboard's test or of an unknown kind.
    pub fn is_ignored(&self) -> bool {
        matches!(self.notice, Notice::Ping | Notice::Unknown)
    }
}

/// Whether messages of this type are about an order's payment. `webhook_type` is in upper case.
/// The empty type counts: flat notifications of old integrations have no type.
pub fn is_about_payment(webhook_type: &str) -> bool {
    webhook_type.is_empty() || webhook_type.starts_with("PAYMENT_") || webhook_type == LEGACY_KIND
}

/// The message's type; other Cashfree products call it `event` or `event_type`. It is in upper
/// case, because editions differ in case. It is empty when it is not a word.
fn type_name(root: &Node<'_>) -> String {
    ["type", "event", "event_type"]
        .into_iter()
        .find_map(|key| fields::status_text(root.get(key).text()))
        .filter(|name| name.starts_with(|c: char| c.is_ascii_uppercase()))
        .unwrap_or_default()
}

fn read_notice(kind: &str, root: &Node<'_>, assumed: Currency) -> Result<Notice, MessageError> {
    if !root.is_object() {
        return Err(MessageError::WrongRoot);
    }
    let data = root.get("data");
    let has_type = !root.get("type").is_null();
    Ok(match kind {
        "PAYMENT_SUCCESS_WEBHOOK" | "PAYMENT_FAILED_WEBHOOK" | "PAYMENT_USER_DROPPED_WEBHOOK" => {
            Notice::Payment(Box::new(read_payment(kind, data, assumed)?))
        }
        "PAYMENT_CHARGES_WEBHOOK" => Notice::Charges(Box::new(read_charges(data, assumed)?)),
        "REFUND_STATUS_WEBHOOK" => Notice::Refund(Box::new(read_refund(data.get("refund"), true, assumed)?)),
        "AUTO_REFUND_STATUS_WEBHOOK" => {
            Notice::AutoRefund(Box::new(read_refund(data.get("auto_refund"), false, assumed)?))
        }
        "DISPUTE_CREATED" | "DISPUTE_UPDATED" | "DISPUTE_CLOSED" => {
            Notice::Dispute(Box::new(read_dispute(data, assumed)?))
        }
        "PAYMENT_LINK_EVENT" => Notice::Link(Box::new(read_link(data, assumed)?)),
        "PAYMENT_FORM_ORDER_WEBHOOK" => Notice::Form(Box::new(read_form(data, assumed)?)),
        "WEBHOOK" => Notice::Ping,
        _ if kind.starts_with("SUBSCRIPTION_") => {
            Notice::Subscription(read_subscription(kind, data, assumed)?)
        }
        _ if kind.starts_with("SETTLEMENT_") || kind.starts_with("VENDOR_SETTLEMENT_") => {
            Notice::Settlement(Box::new(read_settlement(data, assumed)?))
        }
        _ if !has_type && is_flat(root) => Notice::FlatOrder(Box::new(read_flat(root, assumed)?)),
        _ if !has_type && is_test(data) => Notice::Ping,
        _ => Notice::Unknown,
    })
}

/// Whether this is a test of the dashboard that has no type.
fn is_test(data: &Node<'_>) -> bool {
    data.get("test").bool() == Some(true) || data.get("test_object").is_object()
}

/// The order that an unusable message seems to name, for the operator.
fn likely_order(root: &Node<'_>) -> Option<crate::id::OrderId> {
    let data = root.get("data");
    [
        data.get("order").get("order_id"),
        data.get("refund").get("order_id"),
        data.get("auto_refund").get("order_id"),
        data.get("order_details").get("order_id"),
        root.get("orderId"),
    ]
    .into_iter()
    .find_map(|node| fields::order_id(node).ok())
}
