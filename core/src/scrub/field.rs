//! Names of fields that hold personal data, and such fields in the queries of URLs.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use super::decoded::{PLACEHOLDER, Piece, Unit};

/// Words, in lower case and without separators, that name a person's data. `name` is absent, because
/// products have names too; so are `state` and `country`, which say little about a person.
const PERSONAL: [&str; 46] = [
    "aadhaar",
    "address",
    "address1",
    "address2",
    "billingzip",
    "birthdate",
    "birthday",
    "city",
    "ct",
    "customername",
    "dateofbirth",
    "db",
    "dob",
    "em",
    "email",
    "emailaddress",
    "externalid",
    "familyname",
    "firstname",
    "fn",
    "fname",
    "fullname",
    "givenname",
    "lastname",
    "ln",
    "lname",
    "mobile",
    "mobilenumber",
    "nickname",
    "pan",
    "ph",
    "phone",
    "phonenumber",
    "pincode",
    "postalcode",
    "postcode",
    "shippingzip",
    "streetaddress",
    "surname",
    "tel",
    "telephone",
    "username",
    "whatsapp",
    "zip",
    "zipcode",
    "zp",
];
/// Words up to this length count only as a whole name: a `frying_pan` is no tax number.
const SHORT: usize = 3;
/// Longest name of a field that is looked at, characters.
const NAME_CHARS_MAX: usize = 80;

/// Whether a field of this name holds a person's data: `first_name`, `billing[firstName]`,
/// `customer-email`, `em`.
pub fn names_person(field: &str) -> bool {
    let words = words(field);
    (0..words.len()).any(|from| {
        let end = words[from..].concat();
        (from == 0 || end.len() > SHORT) && PERSONAL.binary_search(&end.as_str()).is_ok()
    })
}

/// The words of a name in lower case. Words are divided by signs, or by a capital letter.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_lower = false;
    for c in name.chars().take(NAME_CHARS_MAX) {
        let divides = !c.is_ascii_alphanumeric() || (was_lower && c.is_ascii_uppercase());
        if divides && words.last().is_some_and(|word| !word.is_empty()) {
            words.push(String::new());
        }
        if c.is_ascii_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.push(c.to_ascii_lowercase());
        }
        was_lower = c.is_ascii_lowercase() || c.is_ascii_digit();
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Finds the values of such fields in the queries of a URL and of the URLs inside it.
pub(super) fn find(units: &[Unit]) -> Vec<Piece> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < units.len() {
        let is_start = matches!(units[at].c, '?' | '&' | ';');
        at += 1;
        if !is_start {
            continue;
        }
        let name: String = units[at..]
            .iter()
            .map(|unit| unit.c)
            .take(NAME_CHARS_MAX)
            .take_while(|c| !ends_name(*c))
            .collect();
        let equals = at + name.chars().count();
        if units.get(equals).is_none_or(|unit| unit.c != '=') || !names_person(&name) {
            continue;
        }
        let value = &units[equals + 1..];
        let length = value.iter().take_while(|unit| !ends_value(unit.c)).count();
        let is_cut_before = value[..length].iter().map(|unit| unit.c).eq(PLACEHOLDER.chars());
        if length > 0 && !is_cut_before {
            found.push(equals + 1..equals + 1 + length);
        }
        at = equals + 1 + length;
    }
    found
}

fn ends_name(c: char) -> bool {
    matches!(c, '=' | '&' | '?' | ';' | '/' | '#') || c.is_whitespace()
}

fn ends_value(c: char) -> bool {
    matches!(c, '&' | ';' | '#' | '?')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted() {
        assert!(PERSONAL.is_sorted());
    }

    #[test]
    fn fields_of_people_are_known_by_their_words() {
        for name in [
            "em",
            "email",
            "E-Mail_Address",
            "first_name",
            "billing[firstName]",
            "customerPhone",
            "shipping.city",
            "pincode",
            "externalId",
            "user_external_id",
        ] {
            assert!(names_person(name), "{name}");
        }
        for name in [
            "",
            "name",
            "product_name",
            "headphone",
            "smartphone",
            "capacity",
            "velocity",
            "page_fn",
            "state",
            "filename",
            "telemetry",
            "emphasis",
            "zipper",
            "width",
            "utm_em",
        ] {
            assert!(!names_person(name), "{name}");
        }
    }
}
