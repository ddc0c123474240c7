//! Reads single fields, in the same way for all messages. In Cashfree's messages, IDs and amounts are
//! numbers or strings, and most times have an offset. `"NA"`, `"null"` and `""` mean null.

use core::fmt;

use jiff::civil::DateTime;
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::error::MessageError;
use super::json::Node;
use crate::currency::Currency;
use crate::id::{IdError, OrderId};
use crate::money::{MinorUnits, Money};
use crate::scrub::holds_address;

/// Longest Cashfree ID that is read, bytes. Cashfree's numbers have up to 16 digits; its
/// longest documented ID is a UUID with a prefix.
pub const CASHFREE_ID_BYTES_MAX: usize = 64;
/// Longest status, type or other code word that is read, bytes.
const WORD_BYTES_MAX: usize = 64;
/// Longest text that is read as a time, bytes.
const TIME_BYTES_MAX: usize = 40;
/// Longest amount that is read, bytes.
const AMOUNT_BYTES_MAX: usize = 64;
/// Offset of Indian time from UTC, seconds.
const INDIA_OFFSET_S: i32 = 19_800;

/// An ID that Cashfree gave (`cf_payment_id`, `cf_refund_id`, …) as text. Editions differ in
/// the JSON type, so the number `700100200300` and the string `"700100200300"` are the same ID.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CashfreeId(Box<str>);

impl CashfreeId {
    /// Reads an ID: 1 to 64 ASCII letters, digits, `_`, `-` or `.`; spaces around it are
    /// trimmed.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim_ascii();
        let fits = (1..=CASHFREE_ID_BYTES_MAX).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'));
        fits.then(|| Self(text.into()))
    }

    /// The ID as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Sort key: IDs that are numbers sort by their value.
    pub(super) fn numeric_order(&self) -> (usize, &str) {
        (self.0.len(), &self.0)
    }
}

impl fmt::Display for CashfreeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<CashfreeId> for String {
    fn from(id: CashfreeId) -> Self {
        id.0.into()
    }
}

impl TryFrom<String> for CashfreeId {
    type Error = MessageError;
    fn try_from(text: String) -> Result<Self, MessageError> {
        Self::parse(&text).ok_or(MessageError::BadSubjectId)
    }
}

/// Whether a text means null.
pub(super) fn is_null(text: &str) -> bool {
    matches!(text.trim(), "" | "NA" | "null")
}

/// Reads a Cashfree ID; `None` for null and placeholders. A number must have no sign,
/// fraction or exponent.
pub(super) fn cashfree_id(node: &Node<'_>) -> Result<Option<CashfreeId>, MessageError> {
    match node {
        Node::Number(digits) if !digits.bytes().all(|b| b.is_ascii_digit()) => {
            Err(MessageError::BadSubjectId)
        }
        Node::Number(text) => CashfreeId::parse(text).ok_or(MessageError::BadSubjectId).map(Some),
        Node::Text(text) if is_null(text) => Ok(None),
        Node::Text(text) => CashfreeId::parse(text).ok_or(MessageError::BadSubjectId).map(Some),
        Node::Null => Ok(None),
        _ => Err(MessageError::BadSubjectId),
    }
}

/// Reads an optional ID; `None` also when it is unusable.
pub(super) fn optional_id(node: &Node<'_>) -> Option<CashfreeId> {
    cashfree_id(node).ok().flatten()
}

/// The ID of the refund, dispute, link or settlement a message is about.
pub(super) fn subject_id(node: &Node<'_>) -> Result<CashfreeId, MessageError> {
    cashfree_id(node)?.ok_or(MessageError::BadSubjectId)
}

/// Reads Cashfree's payment ID, which is required.
pub(super) fn payment_id(node: &Node<'_>) -> Result<CashfreeId, MessageError> {
    match cashfree_id(node) {
        Ok(Some(id)) => Ok(id),
        Ok(None) => Err(MessageError::MissingPaymentId),
        Err(_) => Err(MessageError::BadPaymentId),
    }
}

/// Reads the order ID byte for byte, from a string or a number.
pub(super) fn order_id(node: &Node<'_>) -> Result<OrderId, MessageError> {
    match node {
        Node::Null | Node::Text(_) | Node::Number(_) => order_id_text(node.text_or_number()),
        _ => Err(MessageError::BadOrderId),
    }
}

pub(super) fn order_id_text(text: Option<&str>) -> Result<OrderId, MessageError> {
    let text = text.filter(|text| !is_null(text)).ok_or(MessageError::MissingOrderId)?;
    // Cashfree's order IDs have no such signs, and an ID is kept as it is.
    if holds_address(text) {
        return Err(MessageError::BadOrderId);
    }
    OrderId::parse(text).map_err(|error| match error {
        IdError::Missing => MessageError::MissingOrderId,
        _ => MessageError::BadOrderId,
    })
}

/// Reads a code word: 1 to 64 ASCII letters, digits, `_`, `-`, `.` or spaces. Free text does not
/// pass, because it can hold personal data.
fn word(text: &str) -> Option<&str> {
    let text = text.trim_ascii();
    let fits = (1..=WORD_BYTES_MAX).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b' '));
    fits.then_some(text)
}

/// Reads a status or type; the result is in upper case.
pub(super) fn status_text(text: Option<&str>) -> Option<String> {
    text.and_then(word).map(str::to_ascii_uppercase)
}

/// Reads a required status; the result is in upper case.
pub(super) fn status(node: &Node<'_>) -> Result<String, MessageError> {
    match node {
        Node::Null => Err(MessageError::MissingStatus),
        Node::Text(text) if is_null(text) => Err(MessageError::MissingStatus),
        other => status_text(other.text()).ok_or(MessageError::BadStatus),
    }
}

/// Reads an optional code word such as `payment_group`; the result is in lower case.
pub(super) fn lower_word(node: &Node<'_>) -> Option<String> {
    node.text().filter(|text| !is_null(text)).and_then(word).map(str::to_ascii_lowercase)
}

/// The currency in the first of `nodes` that is not null or a placeholder, or else `assumed`.
pub(super) fn currency(nodes: &[&Node<'_>], assumed: Currency) -> Result<Currency, MessageError> {
    for node in nodes {
        match node {
            Node::Null => {}
            Node::Text(text) if is_null(text) => {}
            Node::Text(text) => {
                return Currency::parse(&text.trim_ascii().to_ascii_uppercase())
                    .map_err(|_| MessageError::BadCurrency);
            }
            _ => return Err(MessageError::BadCurrency),
        }
    }
    Ok(assumed)
}

/// Reads an amount from the text of a number or string. No float is involved.
pub(super) fn money(node: &Node<'_>, currency: Currency) -> Result<Money, MessageError> {
    match node {
        Node::Number(token) => money_text(token, false, currency),
        Node::Text(text) => money_text(text, true, currency),
        _ => Err(MessageError::BadAmount),
    }
}

pub(super) fn money_text(text: &str, quoted: bool, currency: Currency) -> Result<Money, MessageError> {
    if text.len() > AMOUNT_BYTES_MAX {
        return Err(MessageError::BadAmount);
    }
    let amount = MinorUnits::from_json_token(text, quoted, currency).map_err(|_| MessageError::BadAmount)?;
    Ok(Money { amount, currency })
}

/// Reads a time with its offset, as Unix seconds. `None` for a time without offset: its time
/// zone differs from message to message.
pub(super) fn time_s(node: &Node<'_>) -> Option<i64> {
    node.text().and_then(time_text_s)
}

fn time_text_s(text: &str) -> Option<i64> {
    let text = text.trim_ascii();
    if text.len() > TIME_BYTES_MAX {
        return None;
    }
    text.parse::<Timestamp>().ok().map(Timestamp::as_second)
}

/// Reads a time as Unix seconds. A time without offset is read as Indian time.
pub(super) fn indian_time_s(text: &str) -> Option<i64> {
    if let Some(time) = time_text_s(text) {
        return Some(time);
    }
    let text = text.trim_ascii();
    if text.len() > TIME_BYTES_MAX {
        return None;
    }
    let civil: DateTime = text.parse().ok()?;
    let utc = Offset::UTC.to_timestamp(civil).ok()?;
    let shifted = utc.checked_sub(SignedDuration::from_secs(INDIA_OFFSET_S.into())).ok()?;
    Some(shifted.as_second())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cashfree::json;

    fn with<T>(json_text: &str, check: impl Fn(&Node<'_>) -> T) -> T {
        let body = format!("[{json_text}]");
        match json::read(body.as_bytes()).unwrap() {
            Node::List(items) => check(&items[0]),
            _ => unreachable!("the body is a list"),
        }
    }

    #[test]
    fn trap_09_an_id_is_the_same_as_number_and_as_string() {
        let number = with("700100200300", payment_id).unwrap();
        assert_eq!(Ok(number), with("\"700100200300\"", payment_id));
        // A float could not hold this number.
        assert_eq!(with("90071992547409931", payment_id).unwrap().as_str(), "90071992547409931");
        for bad in ["7.001e11", "700100200300.0", "-1", "true", "[1]", "\"a b\"", "\"\\u0967\""] {
            assert_eq!(with(bad, payment_id), Err(MessageError::BadPaymentId), "{bad}");
        }
        for missing in ["null", "\"\"", "\"NA\"", "\"null\"", "\" \""] {
            assert_eq!(with(missing, payment_id), Err(MessageError::MissingPaymentId), "{missing}");
        }
    }

    #[test]
    fn order_ids_are_kept_byte_for_byte() {
        assert_eq!(with("\" KB-१ \"", order_id).unwrap().as_str(), " KB-१ ");
        assert_eq!(with("1001", order_id).unwrap().as_str(), "1001");
        assert_eq!(with("\"NA\"", order_id), Err(MessageError::MissingOrderId));
        assert_eq!(with("\"a\\u0000\"", order_id), Err(MessageError::BadOrderId));
        assert_eq!(with("{}", order_id), Err(MessageError::BadOrderId));
    }

    #[test]
    fn trap_11_amounts_never_pass_through_a_float() {
        let rupees = Currency::INR;
        let minor =
            |text: &str| with(text, |node| money(node, rupees)).map(|money| i128::from(money.amount.get()));
        for (text, expected) in [
            ("1", 100),
            ("1.0", 100),
            ("1.000", 100),
            ("1.1", 110),
            ("\"22.00\"", 2200),
            ("170.00", 17_000),
            ("0.29", 29),
            ("1.15", 115),
            ("8.2", 820),
            ("4.35", 435),
            ("90071992547409.93", 9_007_199_254_740_993),
            ("1e2", 10_000),
            ("1E+2", 10_000),
            ("0", 0),
            ("0.00", 0),
        ] {
            assert_eq!(minor(text), Ok(expected), "{text}");
        }
        for bad in [
            "1.005",
            "-1.00",
            "null",
            "\"1,499.00\"",
            "\"\"",
            "\"abc\"",
            "1e400",
            "\"00.5\"",
            "true",
            "[1]",
            "\"1 \"",
        ] {
            assert_eq!(minor(bad), Err(MessageError::BadAmount), "{bad}");
        }
        assert_eq!(minor(&format!("1{}", "0".repeat(100))), Err(MessageError::BadAmount));
    }

    #[test]
    fn trap_28_only_times_with_an_offset_count() {
        let expected = Some(1_763_958_731);
        for text in [
            "2025-11-24T10:02:11+05:30",
            "2025-11-24T04:32:11Z",
            "2025-11-24T04:32:11.250Z",
            "2025-11-24T10:02:11+0530",
        ] {
            assert_eq!(with(&format!("\"{text}\""), time_s), expected, "{text}");
        }
        for text in
            ["2025-11-24T10:02:11", "2025-11-24 10:02:11", "2025-11-24", "", "NA", "1763958731000", "soon"]
        {
            assert_eq!(with(&format!("\"{text}\""), time_s), None, "{text}");
        }
        assert_eq!(with("1763958731000", time_s), None);
    }

    #[test]
    fn times_of_old_forms_are_indian() {
        assert_eq!(indian_time_s("2025-11-24 10:02:11"), Some(1_763_958_731));
        assert_eq!(indian_time_s("2025-11-24T10:02:11+05:30"), Some(1_763_958_731));
        assert_eq!(indian_time_s("yesterday"), None);
    }

    #[test]
    fn words_hold_no_free_text() {
        assert_eq!(with("\" success \"", status).as_deref(), Ok("SUCCESS"));
        assert_eq!(with("\"a@b.example\"", status), Err(MessageError::BadStatus));
        assert_eq!(with("null", status), Err(MessageError::MissingStatus));
        assert_eq!(with("\"credit_card\"", lower_word).as_deref(), Some("credit_card"));
    }

    #[test]
    fn the_first_currency_named_counts() {
        let rupees = Currency::INR;
        let dollars = Currency::parse("USD").unwrap();
        let read = |text: &str| with(text, |node| currency(&[&Node::Null, node], rupees));
        assert_eq!(read("\"usd\""), Ok(dollars));
        assert_eq!(read("null"), Ok(rupees));
        assert_eq!(read("\"NA\""), Ok(rupees));
        assert_eq!(read("\"RS.\""), Err(MessageError::BadCurrency));
        assert_eq!(read("7"), Err(MessageError::BadCurrency));
    }
}
