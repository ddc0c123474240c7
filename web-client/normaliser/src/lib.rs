//! Turns raw personal data into what a page may store: core's own rules, compiled for the browser.
//!
//! This is a second WebAssembly module beside `tandem_web`. A page loads it only when a call must be stored because the
//! server is unreachable (`web-client/js/storable.js`). The rules are those of `tandem-core`, so that page and server make
//! the same hashes. The golden vectors are tested against this module. The browser provides the Unicode tables.

#![warn(missing_docs)]

use tandem_core::country::Country;
use tandem_core::hash::Sha256Hex;
use tandem_core::normalise::{Day, KeyContext, MatchKey, MatchKeyError, hash_key, person_country};
use tandem_core::personal::Raw;
use tandem_core::scrub;
use tandem_core::unicode::UnicodeRules;
use wasm_bindgen::prelude::*;

/// An allocator with a few hundred bytes of code. The standard one has several thousand.
#[cfg(target_arch = "wasm32")]
#[global_allocator]
static ALLOCATOR: lol_alloc::LockedAllocator<lol_alloc::FreeListAllocator> =
    lol_alloc::LockedAllocator::new(lol_alloc::FreeListAllocator::new());

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_name = String)]
    type Text;
    #[wasm_bindgen(constructor, js_class = "String")]
    fn new(text: &str) -> Text;
    #[wasm_bindgen(method)]
    fn normalize(this: &Text) -> String;
    #[wasm_bindgen(method, js_name = toLowerCase)]
    fn to_lower_case(this: &Text) -> String;
}

/// Unicode rules of the browser: `String.prototype.normalize`, whose default is form C, and `toLowerCase`.
struct BrowserUnicode;

impl UnicodeRules for BrowserUnicode {
    fn nfc(&self, text: &str) -> String {
        Text::new(text).normalize()
    }

    fn lowercase(&self, text: &str) -> String {
        Text::new(text).to_lower_case()
    }
}

/// The SHA-256 of a match key's normal form, in hex. `key` is Meta's name (`em`, `ph`, …). `country` is the person's
/// country as the page gave it, and may be empty. `default_country` is the merchant's. `now_ms` is the time in milliseconds
/// since 1970, and decides which birth dates are in the future.
///
/// Returns `undefined` if there is nothing to hash, or if the value depends on the merchant's country and that is not
/// known. The hash of a wrong phone number would match nobody.
///
/// # Errors
/// Throws a text: the error's code if the value cannot be normalised, `no_such_key` if `key` is not a match key.
#[wasm_bindgen]
pub fn hash(
    key: &str,
    value: &str,
    country: &str,
    default_country: &str,
    now_ms: f64,
) -> Result<Option<String>, String> {
    let key = MatchKey::from_meta_name(key).ok_or("no_such_key")?;
    let today = Day::of_unix_s((now_ms / 1000.0) as i64);
    let hashed = hash_value(&BrowserUnicode, key, value, country, default_country, today);
    Ok(hashed.map_err(MatchKeyError::code)?.map(Sha256Hex::to_hex))
}

/// The match keys as `<the page's name> <Meta's name>`, separated by commas.
#[wasm_bindgen(js_name = matchKeys)]
#[must_use]
pub fn match_keys() -> String {
    let pairs = MatchKey::ALL.map(|key| format!("{} {}", key.page_name(), key.meta_name()));
    pairs.join(",")
}

fn hash_value(
    unicode: &impl UnicodeRules,
    key: MatchKey,
    value: &str,
    country: &str,
    default_country: &str,
    today: Day,
) -> Result<Option<Sha256Hex>, MatchKeyError> {
    let value = Raw::new(value);
    // As on the server, an unknown or hashed country has no effect on the other values.
    let person_country = person_country(&Raw::new(country));
    let under = |default_country| {
        hash_key(key, &value, &KeyContext { unicode, default_country, person_country, today })
    };
    if let Ok(country) = Country::parse(default_country) {
        return under(country);
    }
    // These countries differ in calling code, trunk prefix, order of dates, states and postal codes. A value with the
    // same hash in both contains its country, or needs none.
    let (here, there) = (under(Country::INDIA), under(Country::UNITED_STATES));
    if here == there { here } else { Ok(None) }
}

/// Returns a URL without fragment and login, and without anything that looks like an e-mail address or a phone number.
#[wasm_bindgen(js_name = scrubUrl)]
#[must_use]
pub fn scrub_url(url: &str) -> String {
    scrub::scrub_url(url).text
}

/// Returns a text without anything that looks like an e-mail address or a phone number.
#[wasm_bindgen(js_name = scrubText)]
#[must_use]
pub fn scrub_text(text: &str) -> String {
    scrub::scrub_text(text).text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// For tests with ASCII texts, which need no Unicode rules.
    struct Ascii;

    impl UnicodeRules for Ascii {
        fn nfc(&self, text: &str) -> String {
            text.to_owned()
        }

        fn lowercase(&self, text: &str) -> String {
            text.to_owned()
        }
    }

    fn hashed(key: MatchKey, value: &str, country: &str, default_country: &str) -> Option<String> {
        let today = Day::new(2026, 11, 24).unwrap();
        let hash = hash_value(&Ascii, key, value, country, default_country, today);
        hash.ok().flatten().map(Sha256Hex::to_hex)
    }

    #[test]
    fn without_the_merchants_country_only_what_needs_none_is_hashed() {
        let known = |key, value| hashed(key, value, "", "IN").unwrap();
        for (key, value) in [
            (MatchKey::Phone, "+91 98765 43210"),
            (MatchKey::Phone, "0091 98765 43210"),
            (MatchKey::DateOfBirth, "1990-02-28"),
            (MatchKey::DateOfBirth, "28/02/1990"),
            (MatchKey::Email, "Asha@example.com"),
            (MatchKey::State, "Karnataka"),
            (MatchKey::Country, "India"),
        ] {
            assert_eq!(hashed(key, value, "", ""), Some(known(key, value)), "{value}");
        }
        for (key, value) in [
            (MatchKey::Phone, "98765 43210"),
            (MatchKey::Phone, "919876543210"),
            (MatchKey::DateOfBirth, "05/11/1985"),
            (MatchKey::PostalCode, "560001"),
            (MatchKey::State, "California"),
        ] {
            assert_eq!(hashed(key, value, "", ""), None, "{value}");
        }
    }

    #[test]
    fn the_persons_country_settles_state_and_postal_code() {
        assert_eq!(
            hashed(MatchKey::PostalCode, "560 001", "India", ""),
            hashed(MatchKey::PostalCode, "560001", "", "IN")
        );
        assert_eq!(
            hashed(MatchKey::State, "California", "US", ""),
            hashed(MatchKey::State, "CA", "US", "IN")
        );
    }

    #[test]
    fn hashes_pass_and_nonsense_does_not() {
        let hash = "ab".repeat(32);
        assert_eq!(hashed(MatchKey::Email, &hash, "", ""), Some(hash.clone()));
        assert_eq!(hashed(MatchKey::Phone, &hash, &hash, "XX"), Some(hash));
        assert_eq!(hashed(MatchKey::Email, "not an address", "", "IN"), None);
        assert_eq!(hashed(MatchKey::Gender, "-", "", "IN"), None);
    }
}
