//! The customer in a message, and the fields that can match a person at Meta.

use super::fields::is_null;
use super::json::Node;
use crate::country::Country;
use crate::currency::Currency;
use crate::normalise::{MatchKey, phone};
use crate::personal::Raw;
use crate::placeholder;

/// Longest value that is kept, bytes.
const VALUE_BYTES_MAX: usize = 512;
/// Digits of an Indian number with its calling code.
const INDIAN_DIGITS: usize = 12;
/// A customer. The values are raw; what Cashfree writes for null is left out.
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
    /// Keys that were left out here, because their value is a placeholder or cannot be read. They count as
    /// dropped, like those that cannot be normalised.
    pub dropped: Vec<MatchKey>,
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
        let keep = |node: &Node<'_>| {
            let text = node.text_or_number()?.trim();
            let is_kept = !is_null(text) && text.len() <= VALUE_BYTES_MAX;
            is_kept.then(|| Raw::new(text.to_owned()))
        };
        Self { name: keep(name), email: keep(email), phone: keep(phone), customer_id: keep(id) }
    }

    /// The fields to normalise and hash. A national phone number gets India's calling code when
    /// it has the form of an Indian mobile number, `currency` is INR and `international` is not
    /// `Some(true)`. Other national numbers are left out.
    pub fn match_fields(&self, currency: Option<Currency>, international: Option<bool>) -> MatchFields {
        let is_indian = international != Some(true) && currency == Some(Currency::INR);
        let raw = |text: &str| Raw::new(text.to_owned());
        let name = self.name.as_ref().map_or("", Raw::expose);
        let phone = self.phone.as_ref().map(|phone| with_calling_code(phone.expose(), is_indian));
        let mut dropped = Vec::new();
        // A full name such as `Guest User` is nobody's, and its words would be somebody's.
        let is_nobody = placeholder::is_no_name(name);
        if is_nobody {
            dropped.push(MatchKey::FirstName);
        }
        if phone.as_ref().is_some_and(Option::is_none) {
            dropped.push(MatchKey::Phone);
        }
        let mut words = name.split_whitespace().filter(|_| !is_nobody);
        let first_name = words.next().map(raw);
        MatchFields {
            email: self.email.as_ref().map(|email| raw(email.expose())),
            phone: phone.flatten(),
            first_name,
            last_name: words.next_back().map(raw),
            external_id: self.customer_id.as_ref().map(|id| raw(id.expose())),
            dropped,
        }
    }
}

/// The number with `+` and calling code; `None` when it is no number, or its country is unknown. A number of
/// twelve digits from 91 on is Indian, whatever the currency.
fn with_calling_code(text: &str, is_indian: bool) -> Option<Raw> {
    let with_plus = || {
        let text = Raw::new(format!("+{text}"));
        let digits = phone::normalise(text.expose(), None).ok()?;
        (digits.len() == INDIAN_DIGITS && digits.starts_with(Country::INDIA.calling_code())).then_some(digits)
    };
    let digits = phone::normalise(text, is_indian.then_some(Country::INDIA)).ok().or_else(with_plus)?;
    Some(Raw::new(format!("+{}", digits.as_str())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cashfree::json;
    use crate::normalise::{Day, KeyContext, hash_key};
    use crate::unicode::NativeUnicode;

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
        assert_eq!(fields.dropped, []);
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
        assert_eq!(customer.match_fields(None, None).dropped, []);
        // `NA` is a placeholder, and `Na` is a family name.
        assert!(self::customer(r#"{"customer_name":"Na"}"#).name.is_some());
    }

    /// The keys that are hashed, and the number of those that are dropped.
    fn keys(body: &str) -> (Vec<MatchKey>, usize) {
        let fields = customer(body).match_fields(Some(Currency::INR), None);
        let context = KeyContext {
            unicode: &NativeUnicode,
            default_country: Country::INDIA,
            person_country: None,
            today: Day::new(2026, 11, 24).unwrap(),
        };
        let (mut hashed, mut dropped) = (Vec::new(), fields.dropped.len());
        for (key, value) in [
            (MatchKey::Email, fields.email),
            (MatchKey::Phone, fields.phone),
            (MatchKey::FirstName, fields.first_name),
            (MatchKey::LastName, fields.last_name),
            (MatchKey::ExternalId, fields.external_id),
        ] {
            let Some(value) = value else { continue };
            match hash_key(key, &value, &context) {
                Ok(Some(_)) => hashed.push(key),
                Ok(None) => {}
                Err(_) => dropped += 1,
            }
        }
        (hashed, dropped)
    }

    #[test]
    fn trap_26_dummies_are_dropped_and_counted() {
        for (phone, email, id) in [
            ("9999999999", "no-reply@cashfree.com", "guest"),
            ("+91 99999 99999", "NoReply@shop.example", "GUEST"),
            ("919999999999", "no-reply+7@cashfree.com", "0"),
            ("00000000000", "donotreply@x.example", "unknown"),
            ("1234567890", "noreply@x.example", "anonymous"),
            ("none", "none@none.com", "[customer_id]"),
            ("9876501234 / 9123456780", "N/A", "000000"),
        ] {
            let body = format!(
                r#"{{"customer_phone":"{phone}","customer_email":"{email}","customer_id":"{id}","customer_name":"A"}}"#
            );
            assert_eq!(keys(&body), (vec![MatchKey::FirstName], 3), "{body}");
        }
        for name in ["Guest User", "guest", "None", "N/A", "{{customer.name}}"] {
            assert_eq!(keys(&format!(r#"{{"customer_name":"{name}"}}"#)), (vec![], 1), "{name}");
        }
        let real = r#"{"customer_phone":"9000012349","customer_email":"no@example.com","customer_id":"kb0","customer_name":"Nil Guest Rao"}"#;
        let (hashed, dropped) = keys(real);
        assert_eq!((hashed.len(), dropped), (4, 1), "the first word of a name alone is dropped");
    }

    #[test]
    fn trap_27_a_phone_gets_its_calling_code_once() {
        for text in [
            "9000012345",
            "09000012345",
            "919000012345",
            "+919000012345",
            "+91 90000-12345",
            "+91 090000 12345",
            "90000 12345 ext 7",
        ] {
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
            ("9000012345 / 9000012346", "INR", None),
            ("+91 9000S 12345", "INR", None),
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
