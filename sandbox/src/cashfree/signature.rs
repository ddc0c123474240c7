//! Cashfree's webhook signature: base64 of HMAC-SHA256, keyed with the API client secret, over the timestamp text
//! followed by the raw body (Cashfree, "Webhook Signature Verification").

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

/// The value of `x-webhook-signature`.
pub(super) fn sign(client_secret: &str, timestamp: &str, body: &[u8]) -> String {
    // HMAC takes a key of any length, so this cannot fail.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(client_secret.as_bytes()) else { return String::new() };
    mac.update(timestamp.as_bytes());
    mac.update(body);
    STANDARD.encode(mac.finalize().into_bytes())
}

/// The value of `x-idempotency-key`: the same for each delivery of the same body.
pub(super) fn idempotency_key(body: &[u8]) -> String {
    STANDARD.encode(Sha256::digest(body))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "cf_unit_secret_01";
    const TIMESTAMP: &str = "1763942400123";

    fn body(amount: &str) -> String {
        r#"{"data":{"order":{"order_id":"KB-1001","order_amount":AMT,"order_currency":"INR","order_tags":null},"payment":{"cf_payment_id":"700100200300","payment_status":"SUCCESS","payment_amount":AMT,"payment_currency":"INR","payment_time":"2025-11-24T05:29:58+05:30","payment_group":"upi"},"customer_details":{"customer_name":null,"customer_id":"kb42","customer_email":"asha@example.com","customer_phone":"9000012345"}},"event_time":"2025-11-24T05:30:00+05:30","type":"PAYMENT_SUCCESS_WEBHOOK"}"#
            .replace("AMT", amount)
    }

    #[test]
    fn signatures_agree_with_known_vectors() {
        let v4 = r#"{"type":"X","name":"आशा राव","note":"₹ 499 – चाय"}"#;
        let v5 = "{\"type\":\"X\",\"name\":\"\\u0906\\u0936\\u093e \\u0930\\u093e\\u0935\",\"note\":\"\\u20b9 499 \\u2013 \\u091a\\u093e\\u092f\"}";
        let test_ping = r#"{"type":"WEBHOOK","data":{"test_object":{"test_key":"test_value"}}}"#;
        let vectors: [(&str, &str, String, &str); 16] = [
            ("secret", "1617695238078", "{}".into(), "dcMQtJj1XBbp0k86r7PnGW5kF78a4EzRv+yFeNZV5Bc="),
            (
                "cfsk_ma_test_oracle",
                "1746427759733",
                r#"{"type":"X","i":4}"#.into(),
                "FHpt57kbDczGHmZ9lB+DCoLu/no3IT5pG4VE0jGUqps=",
            ),
            (SECRET, TIMESTAMP, body("1.00"), "Q/y3B77Rwnseqr9MK6KwWNnIMP63AMrFLzPHsJmpcKc="),
            (SECRET, TIMESTAMP, body("1.0"), "80OPYn8e14mtpsDAcR7AMh1Sql/oapd33zifkruBZ3Q="),
            (SECRET, TIMESTAMP, body("1"), "z8sIrRth3JGBJZqOFgTBW8+TDSFpKepe/lhTKdDMInk="),
            (SECRET, TIMESTAMP, v4.into(), "IeVbnyT93hX8qKsCpKQYlKIXVrsT+O9ry9WIp3nNUK0="),
            (SECRET, TIMESTAMP, v5.into(), "9NbboxexER+0Fvd+CyfYx+brbailEzyDVHu7V1Y8fQk="),
            (SECRET, TIMESTAMP, body("1.00") + "\n", "IdmcRFmsuot1idwBEfN9jTp8KP4p9KuaW8LgIcR+ABA="),
            (SECRET, TIMESTAMP, body("1.00") + "\r\n", "ad/d1UExATqRRGN46F37tzrbuQp4DwX1cfPAxKoVEpc="),
            (SECRET, "1763942400", body("1.00"), "HRSNCjkIhf90dINsSoHgl0c0wUUYEle5Rem2bMULGT8="),
            (SECRET, "01763942400123", body("1.00"), "hDNumNJQ9hGEwML7Q17yUMof93ETnn/m93RSmg2J4gA="),
            (SECRET, TIMESTAMP, test_ping.into(), "p+fIhe/PLhqJZlXAPyOAbF4aCZCmkOgmDsYCqsLo09M="),
            (SECRET, TIMESTAMP, String::new(), "FnFN1mhZCdPHWiP4y9Dc5QkbxABWq/heL/yUkI0PtiA="),
            (
                SECRET,
                TIMESTAMP,
                r#"{"u":"https:\/\/shop.example\/r"}"#.into(),
                "Gr8dNP3NjvEwR7naSFe3ZaXVUbRghZfM+bx9zumPNjo=",
            ),
            ("ключ-секрет", TIMESTAMP, body("1.00"), "E+I+7KCfAYCoRaP1ubcoGmrZOFcEYvUCwOx5lOmRGZA="),
            (
                SECRET,
                TIMESTAMP,
                "\u{feff}{\"type\":\"X\"}".into(),
                "l6nxh+QERWCgUJW8QYK/Cyn/0OA3aOov0QGCq7dFx5c=",
            ),
        ];
        for (secret, timestamp, body, signature) in vectors {
            assert_eq!(sign(secret, timestamp, body.as_bytes()), signature, "{timestamp} {body}");
        }
    }
}
