//! Webhooks as Cashfree sends them. They are signed by the published rule: base64 of HMAC-SHA256(client secret,
//! timestamp text ++ raw body).

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::{CASHFREE_SECRET, Person};

#[derive(Debug, Clone)]
pub struct Webhook {
    /// The body's exact bytes.
    pub body: Vec<u8>,
    /// Value of `x-webhook-timestamp`: Unix milliseconds.
    pub timestamp: String,
    /// Value of `x-webhook-signature`.
    pub signature: String,
}

/// The current time in Unix milliseconds.
#[must_use]
pub fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// The signature over `timestamp` and `body`.
#[must_use]
pub fn sign(secret: &str, timestamp: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(timestamp.as_bytes());
    mac.update(body);
    STANDARD.encode(mac.finalize().into_bytes())
}

impl Webhook {
    /// Signs a body with the sandbox's secret and the current time.
    #[must_use]
    pub fn signed(body: impl Into<Vec<u8>>) -> Self {
        Self::signed_at(body, now_ms())
    }

    /// Signs a body with the given timestamp, in Unix milliseconds.
    #[must_use]
    pub fn signed_at(body: impl Into<Vec<u8>>, timestamp_ms: u64) -> Self {
        let (body, timestamp) = (body.into(), timestamp_ms.to_string());
        let signature = sign(CASHFREE_SECRET, &timestamp, &body);
        Self { body, timestamp, signature }
    }

    /// A successful payment of `amount` rupees for an order.
    #[must_use]
    pub fn paid(order_id: &str, amount: &str, person: &Person) -> Self {
        Self::signed(payment("SUCCESS", order_id, &unique_payment_id(), amount, person))
    }
}

/// A payment ID that no other payment has.
#[must_use]
pub fn unique_payment_id() -> String {
    let number =
        u64::from_str_radix(&uuid::Uuid::new_v4().simple().to_string()[..10], 16).unwrap_or_default();
    (700_000_000_000 + number % 99_999_999_999).to_string()
}

/// Body of a payment webhook (edition 2025-01-01). `amount` is written unchanged, because Cashfree keeps trailing
/// zeros.
#[must_use]
pub fn payment(status: &str, order_id: &str, payment_id: &str, amount: &str, person: &Person) -> String {
    payment_at(now_ms() / 1000, status, order_id, payment_id, amount, person)
}

/// [`payment`] at the given time, in Unix seconds.
#[must_use]
pub fn payment_at(
    time_s: u64,
    status: &str,
    order_id: &str,
    payment_id: &str,
    amount: &str,
    person: &Person,
) -> String {
    let kind = match status {
        "SUCCESS" => "PAYMENT_SUCCESS_WEBHOOK",
        "FAILED" => "PAYMENT_FAILED_WEBHOOK",
        _ => "PAYMENT_USER_DROPPED_WEBHOOK",
    };
    let time = indian_time(time_s);
    let customer: Value = json!({
        "customer_name": person.full_name(),
        "customer_id": null,
        "customer_email": person.email,
        "customer_phone": person.phone,
    });
    format!(
        concat!(
            r#"{{"data":{{"order":{{"order_id":{order},"order_amount":{amount},"order_currency":"INR","order_tags":null}},"#,
            r#""payment":{{"cf_payment_id":"{payment}","payment_status":"{status}","payment_amount":{amount},"#,
            r#""payment_currency":"INR","payment_message":"00::ok","payment_time":"{time}","bank_reference":"NA","#,
            r#""auth_id":null,"payment_method":{{"upi":{{"channel":"collect","upi_id":"buyer@bank"}}}},"payment_group":"upi"}},"#,
            r#""customer_details":{customer}}},"event_time":"{time}","type":"{kind}"}}"#
        ),
        order = json!(order_id),
        amount = amount,
        payment = payment_id,
        status = status,
        time = time,
        customer = customer,
        kind = kind,
    )
}

/// A time in India as ISO 8601 with its offset, such as `2025-11-24T10:02:11+05:30`.
#[must_use]
pub fn indian_time(unix_s: u64) -> String {
    let local = unix_s + 19_800;
    let (days, second) = (local / 86_400, local % 86_400);
    let (year, month, day) = civil(days);
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}+05:30",
        second / 3600,
        second / 60 % 60,
        second % 60
    )
}

/// Year, month and day of a day that is counted from 1970-01-01.
fn civil(mut days: u64) -> (u64, u64, u64) {
    let leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let mut year = 1970;
    while days >= if leap(year) { 366 } else { 365 } {
        days -= if leap(year) { 366 } else { 365 };
        year += 1;
    }
    let lengths = [31, if leap(year) { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 0;
    while days >= lengths[month] {
        days -= lengths[month];
        month += 1;
    }
    (year, month as u64 + 1, days + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_the_published_vectors() {
        let first = sign("secret", "1617695238078", b"{}");
        assert_eq!(first, "dcMQtJj1XBbp0k86r7PnGW5kF78a4EzRv+yFeNZV5Bc=");
        let second = sign("cfsk_ma_test_oracle", "1746427759733", br#"{"type":"X","i":4}"#);
        assert_eq!(second, "FHpt57kbDczGHmZ9lB+DCoLu/no3IT5pG4VE0jGUqps=");
    }

    #[test]
    fn knows_indian_time() {
        assert_eq!(indian_time(1_763_958_731), "2025-11-24T10:02:11+05:30");
        assert_eq!(indian_time(1_709_173_800), "2024-02-29T08:00:00+05:30");
    }

    #[test]
    fn payment_bodies_are_json() {
        let body = payment("SUCCESS", "KB-\"1", "1", "10.50", &Person::unique());
        let value: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(value["data"]["order"]["order_id"], "KB-\"1");
        assert!(body.contains(r#""payment_amount":10.50"#));
    }
}
