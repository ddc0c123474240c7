//! The deduplication key of a message: repeated deliveries have the same key.
//!
//! Two editions of one message differ in bytes, in headers and in the JSON type of IDs. The
//! idempotency header is not signed. So the key is made from the content.

use sha2::{Digest as _, Sha256};

use super::extract::Extract;
use super::fields::CashfreeId;
use super::notice::Notice;
use super::subscription::SubscriptionNotice;

/// Makes the key: parts joined by `|`. A `|` or `\` inside a part is escaped, so that
/// different parts never make the same key. The caller puts the account in front of it.
pub(super) fn event_key(notice: &Notice, extract: &Extract, raw_body: &[u8]) -> String {
    let kind = extract.webhook_type.as_str();
    let status = extract.status.as_deref();
    let subject = extract.subject_id.as_ref().map(CashfreeId::as_str);
    let payment = extract.payment_id.as_ref().map(CashfreeId::as_str);
    match notice {
        Notice::Payment(_) | Notice::Charges(_) => join(&[Some(kind), payment, status]),
        Notice::Refund(_) => join(&[Some("REFUND"), subject, status]),
        Notice::AutoRefund(_) => join(&[Some("AUTO_REFUND"), subject, status]),
        Notice::Dispute(_) => join(&[Some(kind), subject, status, number(extract.at_s).as_deref()]),
        Notice::Link(link) => {
            let so_far = number(link.paid_so_far.map(|money| money.amount.get()));
            join(&[Some("LINK"), subject, status, payment, so_far.as_deref()])
        }
        Notice::Form(form) => join(&[Some("FORM"), Some(form.order_id.as_str()), status]),
        Notice::Settlement(_) => join(&[Some(kind), subject, status]),
        Notice::FlatOrder(flat) => join(&[Some("FLAT"), Some(flat.order_id.as_str()), payment, status]),
        Notice::Subscription(SubscriptionNotice::Payment(details)) if payment.is_some() => {
            join(&[Some(kind), payment, status, number(details.retry_attempts).as_deref()])
        }
        Notice::Subscription(SubscriptionNotice::Status { .. }) if subject.is_some() => {
            join(&[Some(kind), subject, status, number(extract.event_time_s).as_deref()])
        }
        Notice::Subscription(SubscriptionNotice::Refund(_)) => {
            join(&[Some("SUBSCRIPTION_REFUND"), subject, status])
        }
        Notice::Subscription(_) | Notice::Ping | Notice::Unknown => of_body(raw_body),
    }
}

/// The key of a message without usable IDs: the digest of its bytes.
fn of_body(raw_body: &[u8]) -> String {
    format!("SHA256|{}", hex::encode(Sha256::digest(raw_body)))
}

fn number(value: Option<impl core::fmt::Display>) -> Option<String> {
    value.map(|value| value.to_string())
}

pub(super) fn join(parts: &[Option<&str>]) -> String {
    let mut key = String::new();
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            key.push('|');
        }
        for c in part.unwrap_or("-").chars() {
            if matches!(c, '|' | '\\') {
                key.push('\\');
            }
            key.push(c);
        }
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_cannot_be_recut() {
        assert_eq!(join(&[Some("FORM"), Some("a"), None]), "FORM|a|-");
        assert_ne!(join(&[Some("a|b"), Some("c")]), join(&[Some("a"), Some("b|c")]));
        assert_ne!(join(&[Some("a\\"), Some("b")]), join(&[Some("a"), Some("\\b")]));
        assert_ne!(join(&[Some("a\\|b")]), join(&[Some("a\\"), Some("b")]));
    }

    #[test]
    fn the_bytes_are_the_last_resort() {
        assert!(of_body(b"").ends_with("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"));
    }
}
