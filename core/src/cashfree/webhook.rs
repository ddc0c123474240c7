//! A webhook's body, read by its shape. The version header decides nothing: editions are
//! additive, overlap, and new ones appear.

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

/// A webhook that was read.
#[derive(Debug)]
pub struct Webhook {
    notice: Notice,
    extract: Extract,
    event_key: String,
}

/// A genuine message that cannot be used, with what could be read of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the webhook {reason}")]
pub struct WebhookError {
    /// What is wrong.
    pub reason: MessageError,
    /// Where in the body, in bytes, when the body cannot be read at all.
    pub offset: Option<usize>,
    /// What could be read: type, order, time. Safe to store.
    pub extract: Box<Extract>,
}

impl Webhook {
    /// Reads a body whose signature was verified. `assumed`: the currency where a message
    /// names none.
    ///
    /// # Errors
    /// When the body is no JSON object, or is of a known type and misses what that type
    /// needs: to be kept as a dead letter and answered with 200, since Cashfree would
    /// only send the same again.
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

    /// The message.
    pub fn notice(&self) -> &Notice {
        &self.notice
    }

    /// What may be stored of it.
    pub fn extract(&self) -> &Extract {
        &self.extract
    }

    /// Its own type in upper case; empty when it names none.
    pub fn webhook_type(&self) -> &str {
        &self.extract.webhook_type
    }

    /// When Cashfree made it, Unix seconds.
    pub fn event_time_s(&self) -> Option<i64> {
        self.extract.event_time_s
    }

    /// The key under which repeated deliveries, and deliveries in several editions, are
    /// one message. The account belongs in front of it.
    pub fn event_key(&self) -> &str {
        &self.event_key
    }

    /// Whether nothing is to be done: the dashboard's test, or a kind we do not know.
    pub fn is_ignored(&self) -> bool {
        matches!(self.notice, Notice::Ping | Notice::Unknown)
    }
}

/// Whether messages of this type, in upper case, are about an order's payment; the flat ones of
/// old integrations have none.
pub fn is_about_payment(webhook_type: &str) -> bool {
    webhook_type.is_empty() || webhook_type.starts_with("PAYMENT_") || webhook_type == LEGACY_KIND
}

/// The message's type; other Cashfree products call it `event` or `event_type`. Upper
/// case, because editions differ in case; empty when it is no word.
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

/// The other bodies of the dashboard's test.
fn is_test(data: &Node<'_>) -> bool {
    data.get("test").bool() == Some(true) || data.get("test_object").is_object()
}

/// The order of a message that could not be read, for the operator.
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
