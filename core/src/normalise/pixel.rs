//! Match keys for the `init` of Meta's pixel (Meta Pixel, advanced matching). Meta's library normalises and hashes what
//! it gets there by rules of its own. They agree with the rules of this crate for a few forms. Other values are left out
//! of `init`, or the page's hash would differ from the server's.
//!
//! The functions of this file need no tables, because the browser package loads them before the first event.

use alloc::string::String;

use super::MatchKey;
use crate::cut::{cut, cut_last, pieces};
use crate::hash::Sha256Hex;
use crate::placeholder;

/// The value for `init`: a hash without its appendix, a plain e-mail address in lower case, or the digits of a phone
/// number that are final. `None` for every other value.
pub fn pixel_value(key: MatchKey, text: &str) -> Option<String> {
    let text = text.trim_ascii();
    if let Some(digest) = Sha256Hex::parse(text) {
        return (!digest.is_of_nothing()).then(|| digest.to_hex());
    }
    match key {
        MatchKey::Email => is_plain_address(text).then(|| text.to_ascii_lowercase()),
        MatchKey::Phone => plain_number(text),
        _ => None,
    }
}

/// Whether an e-mail address has a form whose only rule is lower case, and can be a person's.
fn is_plain_address(text: &str) -> bool {
    let Some((local, domain)) = cut(text, b'@') else { return false };
    let is_word = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric());
    let Some((host, top)) = cut_last(domain, b'.') else { return false };
    !local.is_empty()
        && local.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'+' | b'-'))
        && pieces(host, b'.').all(|label| pieces(label, b'-').all(is_word))
        && matches!(top.len(), 2..=9)
        && top.bytes().all(|b| b.is_ascii_alphabetic())
        && !placeholder::is_no_mailbox(local, domain)
}

/// The digits of a mobile number of India, North America, the United Kingdom or the Emirates that has its calling code.
/// In the numbers of other countries a zero, a second code or an extension can hide.
fn plain_number(text: &str) -> Option<String> {
    let number = text.strip_prefix('+')?;
    let digits: String = number.chars().filter(|c| !matches!(c, ' ' | '(' | ')' | '.' | '-')).collect();
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let fits = match digits.as_bytes() {
        [b'9', b'1', b'6'..=b'9', rest @ ..] => rest.len() == 9,
        [b'1', b'2'..=b'9', rest @ ..] => rest.len() == 9,
        [b'4', b'4', b'7', rest @ ..] => rest.len() == 9,
        [b'9', b'7', b'1', b'5', rest @ ..] => rest.len() == 8,
        _ => false,
    };
    if fits && !placeholder::is_dummy_number(digits.as_bytes()) { Some(digits) } else { None }
}

#[cfg(test)]
#[cfg(feature = "full")]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::country::Country;
    use crate::normalise::{Day, KeyContext, hash_key, normalise};
    use crate::personal::Raw;
    use crate::unicode::NativeUnicode;

    fn context(country: Country) -> KeyContext<'static, NativeUnicode> {
        let today = Day::new(2026, 11, 24).unwrap();
        KeyContext { unicode: &NativeUnicode, default_country: country, person_country: None, today }
    }

    #[test]
    fn final_values_pass_and_others_do_not() {
        for (key, text, value) in [
            (MatchKey::Email, " Asha.Rao+x@Shop-One.example ", Some("asha.rao+x@shop-one.example")),
            (MatchKey::Phone, "+91 (98765) 432-10", Some("919876543210")),
            (MatchKey::Phone, "+1 650 555 1212", Some("16505551212")),
            (MatchKey::Phone, "+447911123456", Some("447911123456")),
            (MatchKey::Phone, "+971 50 123 4567", Some("971501234567")),
            (MatchKey::Email, "o'brien@example.com", None),
            (MatchKey::Email, "a@b", None),
            (MatchKey::Email, "noreply@shop.example", None),
            (MatchKey::Email, "none@none.com", None),
            (MatchKey::Phone, "98765 43210", None),
            (MatchKey::Phone, "+91 99999 99999", None),
            (MatchKey::Phone, "+49 151 12345678", None),
            (MatchKey::Phone, "+91 98765 43210 x2", None),
            (MatchKey::City, "Bengaluru", None),
        ] {
            assert_eq!(pixel_value(key, text).as_deref(), value, "{text}");
        }
        let hash = "AB".repeat(32);
        for key in MatchKey::ALL {
            assert_eq!(pixel_value(key, &format!("{hash}.AQQCAQMC")), Some(hash.to_lowercase()));
            assert_eq!(pixel_value(key, &Sha256Hex::of_bytes(b"").to_hex()), None);
        }
    }

    proptest! {
        /// Page and server make the same hash of every value that `init` gets.
        #[test]
        fn what_passes_is_its_own_normal_form(
            text in "([A-Za-z0-9_.+@-]{1,12}@[a-z0-9.-]{1,12}\\.[a-z]{1,5}|\\+(91|1|44|971|49)[ ()0-9.-]{7,14}|[0-9a-fA-F]{64}(\\.A[QgA-C])?)",
        ) {
            for key in [MatchKey::Email, MatchKey::Phone, MatchKey::City] {
                let Some(value) = pixel_value(key, &text) else { continue };
                for country in [Country::INDIA, Country::UNITED_STATES] {
                    let raw = Raw::new(text.as_str());
                    let hashed = hash_key(key, &raw, &context(country)).unwrap().unwrap().to_hex();
                    if hashed != value {
                        let normal = normalise(key, &raw, &context(country)).unwrap().unwrap();
                        prop_assert_eq!(normal.expose(), &value);
                    }
                }
            }
        }
    }
}
