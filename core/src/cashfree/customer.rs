//! The customer in a message, and the fields that can match a person at Meta.

use super::fields::is_placeholder;
use super::json::Node;
use crate::currency::Currency;
use crate::personal::Raw;

/// Longest value that is kept, bytes.
const VALUE_BYTES_MAX: usize = 512;
/// Digits of an Indian mobile number without its calling code.
const INDIAN_MOBILE_DIGITS: usize = 10;
const INDIA_CALLING_CODE: &str = "91";
/// Customer IDs that many orders share, so that they name no person.
const SHARED_CUSTOMER_IDS: [&str; 9] =
    ["guest", "guest_user", "customer", "user", "anonymous", "unknown", "default", "test", "0"];
/// Mailboxes that belong to no buyer. Cashfree fills one in when the buyer of a form gave no
/// address.
const NO_REPLY_MAILBOXES: [&str; 6] =
    ["noreply", "no-reply", "no_reply", "no.reply", "donotreply", "do-not-reply"];

/// A customer. The values are raw; placeholders and dummy values are left out.
#[derive(Debug, Default)]
pub struct Customer {
    /// `customer_name`: the full name.
    pub name: Option<Raw>,
    /// `customer_email`: the e-mail address.
    pub email: Option<Raw>,
    /// `customer_phone`, in any spelling.
    pub phone: Option<Raw>,
    /// `customer_id`: the shop's own ID of the person.
    pub customer_id: Option<Raw>,
    /// Number of dummy values that were left out. A phone number or address that thousands of
    /// orders share would match the wrong person.
    pub dummies_dropped: u32,
}

/// The customer's raw fields to normalise and hash into match keys. There is no country: a
/// currency does not say where a person lives.
#[derive(Debug, Default)]
pub struct MatchFields {
    /// E-mail address, as the message spells it.
    pub email: Option<Raw>,
    /// Telephone number: `+`, calling code and digits.
    pub phone: Option<Raw>,
    /// First word of the name.
    pub first_name: Option<Raw>,
    /// Last word of a name of several words.
    pub last_name: Option<Raw>,
    /// The shop's ID of the person.
    pub external_id: Option<Raw>,
}

impl Customer {
    /// Reads `customer_details`; unusable parts are left out.
    pub(super) fn read(node: &Node<'_>) -> Self {
        Self::of(
            node.get("customer_name"),
            node.get("customer_email"),
            node.get("customer_phone"),
            node.get("customer_id"),
        )
    }

    pub(super) fn of(name: &Node<'_>, email: &Node<'_>, phone: &Node<'_>, id: &Node<'_>) -> Self {
        let mut dummies_dropped = 0;
        let mut keep = |node: &Node<'_>, is_dummy: fn(&str) -> bool| {
            let text = node.text_or_number()?.trim();
            if is_placeholder(text) || text.len() > VALUE_BYTES_MAX {
                return None;
            }
            if is_dummy(text) {
                dummies_dropped += 1;
                return None;
            }
            Some(Raw::new(text.to_owned()))
        };
        let (name, email) = (keep(name, |_| false), keep(email, is_dummy_email));
        let (phone, customer_id) = (keep(phone, is_dummy_phone), keep(id, is_shared_id));
        Self { name, email, phone, customer_id, dummies_dropped }
    }

    /// The fields to normalise and hash. A national phone number gets India's calling code when
    /// it has the form of an Indian mobile number, `currency` is INR and `international` is not
    /// `Some(true)`. Other national numbers are left out.
    pub fn match_fields(&self, currency: Option<Currency>, international: Option<bool>) -> MatchFields {
        let is_indian = international != Some(true) && currency == Some(Currency::INR);
        let mut words = self.name.as_ref().map_or("", Raw::expose).split_whitespace();
        let raw = |text: &str| Raw::new(text.to_owned());
        let first_name = words.next().map(raw);
        MatchFields {
            email: self.email.as_ref().map(|email| raw(email.expose())),
            phone: self.phone.as_ref().and_then(|phone| with_calling_code(phone.expose(), is_indian)),
            first_name,
            last_name: words.next_back().map(raw),
            external_id: self.customer_id.as_ref().map(|id| raw(id.expose())),
        }
    }
}

/// The number with `+` and calling code; `None` when its country is unknown.
fn with_calling_code(text: &str, is_indian: bool) -> Option<Raw> {
    let has_plus = text.starts_with('+');
    let digits = digits_of(text)?;
    let mobile =
        |digits: &str| digits.len() == INDIAN_MOBILE_DIGITS && digits.starts_with(['6', '7', '8', '9']);
    let national = match digits.strip_prefix('0') {
        Some(rest) if digits.len() == INDIAN_MOBILE_DIGITS + 1 => rest,
        _ => digits.as_str(),
    };
    let full = if has_plus || (digits.len() == 12 && digits.starts_with(INDIA_CALLING_CODE)) {
        format!("+{digits}")
    } else if is_indian && mobile(national) {
        format!("+{INDIA_CALLING_CODE}{national}")
    } else {
        return None;
    };
    Some(Raw::new(full))
}

/// The digits of a phone number; `None` when the text holds other characters than digits and
/// the usual separators.
fn digits_of(text: &str) -> Option<String> {
    let mut digits = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '0'..='9' => digits.push(c),
            '+' | '-' | '.' | '(' | ')' | '/' => {}
            c if c.is_whitespace() => {}
            _ => return None,
        }
    }
    Some(digits)
}

/// Whether a number is ten or more equal digits or `1234567890`, with or without India's calling
/// code or a zero in front.
fn is_dummy_phone(text: &str) -> bool {
    let Some(digits) = digits_of(text) else { return false };
    let national = match digits.len() {
        11 => digits.strip_prefix('0'),
        12 => digits.strip_prefix(INDIA_CALLING_CODE),
        _ => Some(digits.as_str()),
    }
    .unwrap_or(&digits);
    let Some(first) = national.chars().next() else { return false };
    national.len() >= INDIAN_MOBILE_DIGITS && national.chars().all(|c| c == first) || national == "1234567890"
}

fn is_dummy_email(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    let mailbox = text.split('@').next().unwrap_or_default();
    let mailbox = mailbox.split('+').next().unwrap_or_default();
    NO_REPLY_MAILBOXES.contains(&mailbox)
}

fn is_shared_id(text: &str) -> bool {
    SHARED_CUSTOMER_IDS.iter().any(|shared| text.eq_ignore_ascii_case(shared))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cashfree::json;

    fn customer(body: &str) -> Customer {
        Customer::read(&json::read(body.as_bytes()).unwrap())
    }

    fn shown(raw: Option<&Raw>) -> Option<&str> {
        raw.map(Raw::expose)
    }

    fn phone(text: &str, currency: &str, international: Option<bool>) -> Option<String> {
        let customer = Customer { phone: Some(Raw::new(text.to_owned())), ..Customer::default() };
        let fields = customer.match_fields(Currency::parse(currency).ok(), international);
        fields.phone.map(|phone| phone.expose().to_owned())
    }

    #[test]
    fn the_sample_gives_its_match_fields() {
        let customer = customer(
            r#"{"customer_name":" Asha  Devi Rao ","customer_id":"kb42",
                "customer_email":"asha@example.com","customer_phone":"9000012345"}"#,
        );
        let fields = customer.match_fields(Some(Currency::INR), Some(false));
        assert_eq!(shown(fields.email.as_ref()), Some("asha@example.com"));
        assert_eq!(shown(fields.phone.as_ref()), Some("+919000012345"));
        assert_eq!(shown(fields.first_name.as_ref()), Some("Asha"));
        assert_eq!(shown(fields.last_name.as_ref()), Some("Rao"));
        assert_eq!(shown(fields.external_id.as_ref()), Some("kb42"));
        assert_eq!(customer.dummies_dropped, 0);
    }

    #[test]
    fn a_single_word_is_a_first_name() {
        let fields = customer(r#"{"customer_name":"Ravi"}"#).match_fields(None, None);
        assert_eq!(shown(fields.first_name.as_ref()), Some("Ravi"));
        assert!(fields.last_name.is_none());
    }

    #[test]
    fn trap_25_placeholders_are_nobody() {
        let customer = customer(
            r#"{"customer_name":"NA","customer_id":"null","customer_email":"","customer_phone":"  "}"#,
        );
        assert!(customer.name.is_none() && customer.customer_id.is_none());
        assert!(customer.email.is_none() && customer.phone.is_none());
        assert_eq!(customer.dummies_dropped, 0);
        // `NA` is a placeholder, and `Na` is a family name.
        assert!(self::customer(r#"{"customer_name":"Na"}"#).name.is_some());
    }

    #[test]
    fn trap_26_dummies_are_dropped_and_counted() {
        for (phone, email, id) in [
            ("9999999999", "no-reply@cashfree.com", "guest"),
            ("+91 99999 99999", "NoReply@shop.example", "GUEST"),
            ("919999999999", "no-reply+7@cashfree.com", "0"),
            ("00000000000", "donotreply@x.example", "unknown"),
            ("1234567890", "noreply@x.example", "anonymous"),
        ] {
            let body = format!(
                r#"{{"customer_phone":"{phone}","customer_email":"{email}","customer_id":"{id}","customer_name":"A"}}"#
            );
            let customer = customer(&body);
            assert_eq!(customer.dummies_dropped, 3, "{body}");
            assert!(customer.phone.is_none() && customer.email.is_none() && customer.customer_id.is_none());
            assert!(customer.name.is_some());
        }
        let real = customer(
            r#"{"customer_phone":"9000012349","customer_email":"no@example.com","customer_id":"kb0"}"#,
        );
        assert_eq!(real.dummies_dropped, 0);
    }

    #[test]
    fn trap_27_a_phone_gets_its_calling_code_once() {
        for text in ["9000012345", "09000012345", "919000012345", "+919000012345", "+91 90000-12345"] {
            assert_eq!(phone(text, "INR", None).as_deref(), Some("+919000012345"), "{text}");
        }
        // A mobile number of ten digits can begin with 91 itself.
        assert_eq!(phone("9190000123", "INR", None).as_deref(), Some("+919190000123"));
        assert_eq!(phone("+14155550100", "INR", Some(true)).as_deref(), Some("+14155550100"));
        for (text, currency, international) in [
            ("2012345678", "INR", None),
            ("9000012345", "USD", None),
            ("9000012345", "INR", Some(true)),
            ("90000123456", "INR", None),
            ("call me", "INR", None),
        ] {
            assert_eq!(phone(text, currency, international), None, "{text} {currency} {international:?}");
        }
    }

    #[test]
    fn numbers_in_place_of_strings_are_read() {
        let customer = customer(r#"{"customer_phone":9000012345,"customer_id":42,"customer_name":{"x":1}}"#);
        assert_eq!(shown(customer.phone.as_ref()), Some("9000012345"));
        assert_eq!(shown(customer.customer_id.as_ref()), Some("42"));
        assert!(customer.name.is_none());
    }
}
