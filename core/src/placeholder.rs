//! Placeholders: what page builders, tag managers, forms and shops write where they know no value.
//!
//! `None`, `[fbclid]`, `{{contact.email}}`, `N/A` and `guest` stand for thousands of people. Their
//! hash would match the wrong person or nobody. So a placeholder is never sent and never hashed. The
//! lists are here and nowhere else: pages, services, webhooks and the browser package use the same ones.
//!
//! A few people are really called None, Nil or Guest. They lose that one match key. It would help
//! little, because thousands of orders share it. Three names are spared where they are written as
//! people write them: `Na`, `Nan` and `Null`. Programs write `NA`, `NaN` and `null`.

use alloc::vec::Vec;

use zeroize::Zeroizing;

use crate::cut::{cut, holds, pieces};
use crate::personal::is_removable;

/// Longest text that can be a placeholder, bytes. Longer ones are not looked at.
const BYTES_MAX: usize = 100;

/// Words for "no value", folded.
const NOTHING: [&str; 15] = [
    "null",
    "none",
    "nil",
    "undefined",
    "nan",
    "na",
    "notset",
    "notavailable",
    "notapplicable",
    "notprovided",
    "notspecified",
    "unknown",
    "empty",
    "objectobject",
    "dummy",
];
/// Names of the parameter and the cookie of a click, folded. Tag managers leave them in place of a value.
const CLICK_NAMES: [&str; 4] = ["fbclid", "fbc", "fbclickid", "clickid"];
/// Who people are when nobody knows them, and labels of the fields for their names, folded.
const NOBODY: [&str; 20] = [
    "guest",
    "guestuser",
    "guestcustomer",
    "guestcheckout",
    "customer",
    "user",
    "username",
    "anonymous",
    "anonymoususer",
    "nobody",
    "default",
    "noname",
    "name",
    "firstname",
    "lastname",
    "surname",
    "fullname",
    "yourname",
    "fname",
    "lname",
];
/// More customer IDs that many orders share, folded.
const SHARED_IDS: [&str; 6] = ["test", "testuser", "userid", "customerid", "externalid", "id"];
/// The entries of a list of places that choose none, and labels of such lists, folded.
const NO_PLACES: [&str; 12] = [
    "select",
    "selectstate",
    "selectcity",
    "selectcountry",
    "selectone",
    "pleaseselect",
    "chooseone",
    "other",
    "others",
    "city",
    "state",
    "yourcity",
];
/// Mailboxes that belong to no buyer, folded. Shops and payment providers fill one in where the buyer
/// gave no address.
const NO_MAILBOXES: [&str; 8] =
    ["noreply", "donotreply", "dontreply", "noemail", "nomail", "guest", "anonymous", "nobody"];
/// Words for "no value" that are also names or initials of people, folded. They make no mailbox a
/// placeholder, unless the domain says the same (`na@na.com`).
const INITIALS: [&str; 3] = ["na", "nan", "nil"];
/// How people write a name that is also a word for "no value".
const NAMES: [&str; 3] = ["Na", "Nan", "Null"];

/// What stands only in templates, byte by byte: a search for texts would need more code in the browser.
const MARKS: [&[u8; 2]; 7] = [b"{{", b"}}", b"${", b"<%", b"<?", b"*|", b"%%"];

/// Digits of a phone number that decide whether it is one that many people type.
const DUMMY_DIGITS: usize = 10;

/// Whether a text stands for no value: a word such as `null`, only zeros, or a template that nobody
/// filled in.
pub fn is_placeholder(text: &str) -> bool {
    is_template(text) || folded(text).is_some_and(Word::says_nothing)
}

/// Whether a click ID stands for no click. One without a letter or digit does too. The text has the alphabet of click IDs,
/// in which no other template can be written.
pub(crate) fn is_no_click(text: &str) -> bool {
    is_named_field(text)
        || folded(text)
            .is_some_and(|word| word.is_empty() || word.says_nothing() || word.is_one_of(&CLICK_NAMES))
}

/// Whether a customer ID names no person.
pub(crate) fn is_shared_id(text: &str) -> bool {
    is_placeholder(text)
        || text.trim() == "-1"
        || folded(text).is_some_and(|word| word.is_one_of(&NOBODY) || word.is_one_of(&SHARED_IDS))
}

/// Whether a first name, a last name or a full name is nobody's.
pub(crate) fn is_no_name(text: &str) -> bool {
    !NAMES.contains(&text.trim_matches(is_removable))
        && (is_placeholder(text) || folded(text).is_some_and(|word| word.is_one_of(&NOBODY)))
}

/// Whether a word for "no value" is also a name, in the lower case of its normal form.
pub(crate) fn is_name(word: &str) -> bool {
    NAMES.iter().any(|name| name.to_ascii_lowercase() == word)
}

/// Whether a city, state or postal code is none.
pub(crate) fn is_no_place(text: &str) -> bool {
    is_placeholder(text) || folded(text).is_some_and(|word| word.is_one_of(&NO_PLACES))
}

/// Whether a country is none. `NA` is Namibia.
pub(crate) fn is_no_country(text: &str) -> bool {
    !text.trim_matches(is_removable).eq_ignore_ascii_case("na") && is_no_place(text)
}

/// Whether an e-mail address belongs to no buyer.
pub(crate) fn is_no_address(text: &str) -> bool {
    let Some((mailbox, domain)) = cut(text, b'@') else { return is_placeholder(text) };
    is_template(text) || is_no_mailbox(mailbox, domain)
}

/// Whether the mailbox of an e-mail address belongs to no buyer.
pub(crate) fn is_no_mailbox(mailbox: &str, domain: &str) -> bool {
    let mailbox = cut(mailbox, b'+').map_or(mailbox, |(mailbox, _)| mailbox);
    let Some(mailbox) = folded(mailbox) else { return false };
    let says_domain = || {
        pieces(domain, b'.')
            .next()
            .and_then(folded)
            .is_some_and(|label| label.letters().eq(mailbox.letters()))
    };
    mailbox.is_one_of(&NO_MAILBOXES)
        || (mailbox.is_one_of(&NOTHING) && (!mailbox.is_one_of(&INITIALS) || says_domain()))
}

/// Whether a phone number is one that many people type: only zeros, or its last ten digits are equal or
/// `1234567890`.
pub(crate) fn is_dummy_phone(text: &str, digit: impl Fn(char) -> Option<u8>) -> bool {
    if is_placeholder(text) {
        return true;
    }
    let mut digits = Zeroizing::new(Vec::with_capacity(BYTES_MAX));
    digits.extend(text.chars().take(BYTES_MAX).filter_map(digit));
    is_dummy_number(&digits)
}

/// Whether the digits of a phone number are ones that many people type.
pub(crate) fn is_dummy_number(digits: &[u8]) -> bool {
    if !digits.is_empty() && digits.iter().all(|digit| *digit == b'0') {
        return true;
    }
    let Some((prefix, last)) = digits.split_last_chunk::<DUMMY_DIGITS>() else { return false };
    prefix.len() <= 5 && (last.iter().all(|digit| digit == &last[0]) || last == b"1234567890")
}

/// The words that stand for nothing, as programs write them before they hash them.
pub(crate) fn hashed_words() -> impl Iterator<Item = &'static str> {
    NOTHING.into_iter().chain(["n/a", "[object Object]", "[object object]", "(not set)", "0", "guest"])
}

/// A text by its letters and digits alone, in lower case. It is compared in place: a copy of personal data would have to
/// be wiped.
#[derive(Clone, Copy)]
struct Word<'a>(&'a str);

impl<'a> Word<'a> {
    fn letters(self) -> impl Iterator<Item = u8> {
        self.0.bytes().filter(u8::is_ascii_alphanumeric).map(|b| b.to_ascii_lowercase())
    }

    fn is_one_of(self, words: &[&str]) -> bool {
        words.iter().any(|word| self.letters().eq(word.bytes()))
    }

    fn is_empty(self) -> bool {
        self.letters().next().is_none()
    }

    fn says_nothing(self) -> bool {
        self.is_one_of(&NOTHING) || (!self.is_empty() && self.letters().all(|b| b == b'0'))
    }
}

/// The letters and digits of a text in lower case. `None` for a text that is too long for a
/// placeholder, or has letters of another script.
fn folded(text: &str) -> Option<Word<'_>> {
    let fits = text.len() <= BYTES_MAX && text.chars().all(|c| c.is_ascii() || is_removable(c));
    fits.then_some(Word(text))
}

/// Whether a text is a template's field that nobody filled in: `{{click_id}}`, `{fbclid}`, `[email]`,
/// `<name>`, `%FIRSTNAME%`, `*|FNAME|*`, `__FBCLID__`, also percent-encoded.
fn is_template(text: &str) -> bool {
    let text = text.trim_matches(is_removable);
    if text.len() > BYTES_MAX {
        return false;
    }
    let starts =
        |prefix: &str| text.get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix));
    if text.as_bytes().windows(2).any(|pair| MARKS.iter().any(|mark| pair == *mark))
        || ["%5b", "%7b", "%3c", "%24%7b"].iter().any(|code| starts(code))
    {
        return true;
    }
    let inside = |open: char, close: char| text.strip_prefix(open)?.strip_suffix(close);
    let is_field = |inner: &str| {
        // A customer ID can be a UUID in braces, and a number can be written in brackets.
        let is_uuid = inner.len() == 36 && inner.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
        inner.bytes().any(|b| b.is_ascii_alphabetic()) && !holds(inner, b'@') && !is_uuid
    };
    let bracketed = [('{', '}'), ('[', ']'), ('<', '>'), ('%', '%')];
    if bracketed.iter().find_map(|(open, close)| inside(*open, *close)).is_some_and(is_field) {
        return true;
    }
    is_named_field(text)
}

/// Whether a text is a template's field without brackets: `__FBCLID__`.
fn is_named_field(text: &str) -> bool {
    let named = text.strip_prefix("__").and_then(|rest| rest.strip_suffix("__"));
    named.is_some_and(|inner| !inner.is_empty() && inner.bytes().all(|b| b.is_ascii_uppercase() || b == b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dummy(text: &str) -> bool {
        is_dummy_phone(text, |c| c.is_ascii_digit().then_some(c as u8))
    }

    #[test]
    fn words_and_templates_stand_for_nothing() {
        for text in [
            "None",
            "null",
            "NULL",
            "nil",
            "N/A",
            "n.a.",
            "undefined",
            "NaN",
            "(not set)",
            "(none)",
            "0",
            "000000",
            "{{click_id}}",
            "{fbclid}",
            "[fbclid]",
            "%5Bfbclid%5D",
            "%7B%7Bclick_id%7D%7D",
            "${fbclid}",
            "<email>",
            "%FIRSTNAME%",
            "%%email%%",
            "*|EMAIL|*",
            "__FBCLID__",
            "[object Object]",
            " none ",
            "00000000-0000-0000-0000-000000000000",
        ] {
            assert!(is_placeholder(text), "{text}");
            let is_of_click = text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
            assert!(is_no_click(text) || !is_of_click, "{text}");
            assert!(is_shared_id(text) && is_no_name(text), "{text}");
            assert!(is_no_place(text) && is_no_address(text), "{text}");
        }
        for text in [
            "",
            "-",
            "Asha",
            "Noname Rao",
            "Nonetheless",
            "kb42",
            "10",
            "{3F2504E0-4F89-11D3-9A0C-0305E82C3301}",
            "[98765 43210]",
            "<asha@example.com>",
            "IwAR2-Click_ID",
            "__abc__",
            "नहीं",
            "O’None",
        ] {
            assert!(!is_placeholder(text), "{text}");
        }
    }

    #[test]
    fn each_kind_of_value_has_its_own_words_and_exceptions() {
        for (is_one, yes, no) in [
            (
                is_no_click as fn(&str) -> bool,
                &["fbclid", "CLICK_ID", "Fbc"][..],
                &["guest", "AbC-1_x", "A"][..],
            ),
            (
                is_shared_id,
                &["guest", "Guest_User", "test", "-1", "customer"],
                &["guest42", "1", "user7", "Na42"],
            ),
            (
                is_no_name,
                &["Guest", "first_name", "NA", "na", "NaN", "Customer"],
                &["Na", "Nan", "Null", "Guestina", "Test"],
            ),
            (is_no_place, &["-- Select State --", "Other", "none"], &["Nonea", "Otherton", "Goa"]),
            (is_no_country, &["N/A", "none"], &["NA", "na", "IN"]),
            (
                is_no_address,
                &[
                    "noreply@shop.example",
                    "No-Reply+7@x.example",
                    "none@none.com",
                    "null@gmail.com",
                    "na@na.com",
                    "guest@x.in",
                ],
                &[
                    "na@example.com",
                    "nan@example.com",
                    "nora@example.com",
                    "no@example.com",
                    "asha@none.example",
                ],
            ),
            (
                dummy,
                &["9999999999", "+91 99999-99999", "000000", "1234567890", "01234567890", "none"],
                &["9000012349", "12345", "+919876543210", ""],
            ),
        ] {
            assert_eq!(yes.iter().filter(|text| !is_one(text)).collect::<Vec<_>>(), Vec::<&&str>::new());
            assert_eq!(no.iter().filter(|text| is_one(text)).collect::<Vec<_>>(), Vec::<&&str>::new());
        }
    }
}
