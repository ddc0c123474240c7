//! Cashfree's webhook signature, and the age of the signed timestamp. The two are checked
//! separately.
//!
//! The signature is `base64(HMAC-SHA256(client secret, timestamp text ++ raw body))`
//! (Cashfree, webhook signature verification; the official Node, Python and Go SDKs).
//! There is no separator and no separate webhook secret. The body is signed byte for byte as it
//! is sent.
//!
//! Without a separator the signed bytes do not say where the timestamp ends: `1763942400123` and
//! `{…}` sign like `1763942400` and `123{…}`. So a timestamp is digits only, and a body begins
//! with no digit. Then the digits in front are the timestamp, and there is one way to cut.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

/// The two headers that sign a webhook, in lower case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignedHeaders {
    /// Header with the signature.
    pub signature: &'static str,
    /// Header with the timestamp that is signed along with the body.
    pub timestamp: &'static str,
}

/// The names under which Cashfree signs. Its documentation has the first pair. An integrator reports the
/// second one from webhooks of payment links in the test environment (docs/field-cases.md). The rule of
/// the signature is the same.
pub const SIGNED_HEADERS: [SignedHeaders; 2] = [
    SignedHeaders { signature: "x-webhook-signature", timestamp: "x-webhook-timestamp" },
    SignedHeaders { signature: "x-cashfree-signature", timestamp: "x-cashfree-timestamp" },
];

impl SignedHeaders {
    /// The pair that counts in a message: the first one whose signature it has. `None` for a message
    /// without a signature. `has` says whether a header is there.
    pub fn of(has: impl Fn(&str) -> bool) -> Option<Self> {
        SIGNED_HEADERS.into_iter().find(|pair| has(pair.signature))
    }
}

/// Length of 32 bytes in base64 with padding, characters.
const SIGNATURE_CHARS: usize = 44;
/// Most digits of a Unix time in seconds until the year 2286. A time with more digits is in
/// milliseconds.
const SECONDS_DIGITS_MAX: usize = 10;
/// Most digits that are read as a time.
const TIMESTAMP_DIGITS_MAX: usize = 18;

/// Index of the matching secret in the list of secrets.
pub type SecretIndex = usize;

/// What a valid signature proves besides the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Genuine {
    /// The secret that signed.
    pub secret: SecretIndex,
    /// The signed timestamp, Unix milliseconds.
    pub signed_ms: i64,
}

/// Why a signature is not valid. The error holds no value of the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// No secret is configured, so nothing can be verified.
    #[error("no secret is configured")]
    NoSecret,
    /// The signature or the timestamp is missing.
    #[error("the signature or the timestamp is missing")]
    Missing,
    /// The signature or the timestamp header came more than once.
    #[error("the signature or the timestamp came more than once")]
    Repeated,
    /// The signature is not 32 bytes in standard base64 with padding.
    #[error("the signature is not 44 characters of base64")]
    Malformed,
    /// None of the secrets gives this signature.
    #[error("the signature does not match")]
    Mismatch,
    /// The signature fits, and the timestamp is no time of up to 18 digits.
    #[error("the timestamp is not a number of digits")]
    TimestampMalformed,
    /// The signature fits, and the body begins with a digit: part of the timestamp may have been
    /// moved into it. Cashfree's bodies are JSON objects or empty.
    #[error("the body begins with a digit, which may be the timestamp's")]
    Recut,
}

impl SignatureError {
    /// Stable code of the error, e.g. `signature_mismatch`. It can be logged and shown.
    pub fn code(self) -> &'static str {
        match self {
            Self::NoSecret => "no_secret",
            Self::Missing => "signature_missing",
            Self::Repeated => "signature_repeated",
            Self::Malformed => "signature_malformed",
            Self::Mismatch => "signature_mismatch",
            Self::TimestampMalformed => "timestamp_malformed",
            Self::Recut => "signature_recut",
        }
    }
}

/// Verifies a webhook and returns the matching secret and the signed time. `timestamp_text` is the text
/// of the header as received, because the text is signed: `01763942400123` and `1763942400123`
/// give different signatures. Every secret is tried and compared in constant time. An empty
/// secret never matches.
///
/// # Errors
/// [`SignatureError::Missing`], [`Repeated`](SignatureError::Repeated) or
/// [`Malformed`](SignatureError::Malformed) for unusable headers,
/// [`Mismatch`](SignatureError::Mismatch) when no secret gives the signature,
/// [`NoSecret`](SignatureError::NoSecret) when `secrets` holds no non-empty secret, and
/// [`TimestampMalformed`](SignatureError::TimestampMalformed) or [`Recut`](SignatureError::Recut)
/// when the signed bytes may have been cut at another place than Cashfree's.
pub fn verify(
    secrets: &[impl AsRef<[u8]>],
    timestamp_text: &str,
    raw_body: &[u8],
    signature_header: &str,
) -> Result<Genuine, SignatureError> {
    let signature = signature_header.trim_matches(|c: char| c.is_ascii_whitespace());
    if signature.is_empty() || timestamp_text.is_empty() {
        return Err(SignatureError::Missing);
    }
    // Repeated headers arrive joined by a line feed, which no valid value contains.
    if signature.contains('\n') || timestamp_text.contains('\n') {
        return Err(SignatureError::Repeated);
    }
    let given = decode(signature)?;
    let secret = matching_secret(secrets, &[timestamp_text.as_bytes(), raw_body], &given)?;
    let signed_ms = timestamp_ms(timestamp_text).ok_or(SignatureError::TimestampMalformed)?;
    if raw_body.first().is_some_and(u8::is_ascii_digit) {
        return Err(SignatureError::Recut);
    }
    Ok(Genuine { secret, signed_ms })
}

/// Decodes a signature: 32 bytes in standard base64 with padding. Other spellings are errors.
pub(super) fn decode(signature: &str) -> Result<[u8; 32], SignatureError> {
    if signature.len() != SIGNATURE_CHARS {
        return Err(SignatureError::Malformed);
    }
    let bytes = STANDARD.decode(signature).map_err(|_| SignatureError::Malformed)?;
    bytes.try_into().map_err(|_| SignatureError::Malformed)
}

/// Finds the secret whose HMAC over the joined `parts` equals `given`.
pub(super) fn matching_secret(
    secrets: &[impl AsRef<[u8]>],
    parts: &[&[u8]],
    given: &[u8; 32],
) -> Result<SecretIndex, SignatureError> {
    let mut configured = false;
    let mut found = None;
    for (index, secret) in secrets.iter().enumerate() {
        // Anyone can sign with an empty key.
        if secret.as_ref().is_empty() {
            continue;
        }
        configured = true;
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_ref()) else { continue };
        for part in parts {
            mac.update(part);
        }
        let equal: bool = mac.finalize().into_bytes().as_slice().ct_eq(given).into();
        // The loop continues, so that its duration does not reveal which secret matched.
        if equal && found.is_none() {
            found = Some(index);
        }
    }
    match (found, configured) {
        (Some(index), _) => Ok(index),
        (None, true) => Err(SignatureError::Mismatch),
        (None, false) => Err(SignatureError::NoSecret),
    }
}

/// Reads the timestamp header as Unix milliseconds. Up to ten digits are seconds, more are
/// milliseconds. `None` for anything but 1 to 18 ASCII digits: a space could be the body's.
pub fn timestamp_ms(digits: &str) -> Option<i64> {
    let is_number = (1..=TIMESTAMP_DIGITS_MAX).contains(&digits.len());
    if !is_number || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let value: i64 = digits.parse().ok()?;
    if digits.len() <= SECONDS_DIGITS_MAX { value.checked_mul(1000) } else { Some(value) }
}

/// Why the time of a genuine webhook is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TimestampError {
    /// The webhook is older than the allowed age.
    #[error("the webhook is too old")]
    TooOld,
    /// The webhook is further in the future than the allowed clock difference.
    #[error("the webhook is from the future")]
    FromTheFuture,
}

impl TimestampError {
    /// Stable code of the error, e.g. `signature_mismatch`. It can be logged and shown.
    pub fn code(self) -> &'static str {
        match self {
            Self::TooOld => "webhook_too_old",
            Self::FromTheFuture => "webhook_from_the_future",
        }
    }
}

/// Checks the time of a webhook against the clock. All arguments are in milliseconds; `ts_ms` and
/// `now_ms` are Unix times. Cashfree documents no limit. It retries for 42 minutes, possibly with
/// the first timestamp, and its dashboard resends webhooks of the last 24 hours. So the window
/// should be wide; the deduplication key stops replays.
///
/// # Errors
/// [`TimestampError::TooOld`] when the webhook is older than `max_age_ms`, and
/// [`TimestampError::FromTheFuture`] when it is more than `max_ahead_ms` ahead.
pub fn check_age(ts_ms: i64, now_ms: i64, max_age_ms: i64, max_ahead_ms: i64) -> Result<(), TimestampError> {
    let age_ms = now_ms.saturating_sub(ts_ms);
    if age_ms > max_age_ms {
        Err(TimestampError::TooOld)
    } else if age_ms < max_ahead_ms.saturating_neg() {
        Err(TimestampError::FromTheFuture)
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trap_05_times_are_seconds_up_to_ten_digits_and_milliseconds_beyond() {
        assert_eq!(timestamp_ms("1763942400"), Some(1_763_942_400_000));
        assert_eq!(timestamp_ms("1763942400123"), Some(1_763_942_400_123));
        assert_eq!(timestamp_ms("01763942400123"), Some(1_763_942_400_123));
        for bad in [
            "",
            " ",
            " 1763942400123",
            "1763942400123 ",
            "+1763942400123",
            "-1",
            "1763942400.5",
            "1e12",
            "१७६३",
            "9999999999999999999",
        ] {
            assert_eq!(timestamp_ms(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn the_pair_whose_signature_is_there_counts_and_the_documented_one_goes_first() {
        let [documented, other] = SIGNED_HEADERS;
        let of = |names: &[&str]| SignedHeaders::of(|name| names.contains(&name));
        assert_eq!(of(&["x-webhook-signature", "x-webhook-timestamp"]), Some(documented));
        assert_eq!(of(&["x-cashfree-signature", "x-cashfree-timestamp"]), Some(other));
        assert_eq!(of(&["x-cashfree-signature", "x-webhook-signature"]), Some(documented));
        assert_eq!(of(&["x-webhook-timestamp", "x-cashfree-timestamp"]), None);
    }

    #[test]
    fn trap_04_the_age_window_is_wide_inclusive_and_never_overflows() {
        let (age, ahead) = (72 * 3_600_000, 600_000);
        assert_eq!(check_age(0, age, age, ahead), Ok(()));
        assert_eq!(check_age(0, age + 1, age, ahead), Err(TimestampError::TooOld));
        assert_eq!(check_age(ahead, 0, age, ahead), Ok(()));
        assert_eq!(check_age(ahead + 1, 0, age, ahead), Err(TimestampError::FromTheFuture));
        assert_eq!(check_age(i64::MIN, i64::MAX, age, ahead), Err(TimestampError::TooOld));
        assert_eq!(check_age(i64::MAX, i64::MIN, age, ahead), Err(TimestampError::FromTheFuture));
    }

    #[test]
    fn trap_08_without_a_secret_nothing_is_genuine() {
        let signature = "dcMQtJj1XBbp0k86r7PnGW5kF78a4EzRv+yFeNZV5Bc=";
        let none: [&str; 0] = [];
        assert_eq!(verify(&none, "1617695238078", b"{}", signature), Err(SignatureError::NoSecret));
        assert_eq!(verify(&["", ""], "1617695238078", b"{}", signature), Err(SignatureError::NoSecret));
    }

    #[test]
    fn an_empty_secret_does_not_let_forgeries_in() {
        let mut mac = Hmac::<Sha256>::new_from_slice(b"").unwrap();
        mac.update(b"1617695238078{}");
        let forged = STANDARD.encode(mac.finalize().into_bytes());
        let outcome = verify(&["", "real"], "1617695238078", b"{}", &forged);
        assert_eq!(outcome, Err(SignatureError::Mismatch));
    }
}
