//! The core's normaliser with the browser's own Unicode functions, for running the golden
//! vectors in a browser. Not part of the package.

use tandem_core::country::Country;
use tandem_core::hash::Sha256Hex;
use tandem_core::normalise::{Day, KeyContext, KeyProblem, MatchKey, hash_key, normalise as normalise_key};
use tandem_core::personal::Raw;
use tandem_core::unicode::UnicodeRules;
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_name = String)]
    type Text;
    #[wasm_bindgen(constructor, js_class = "String")]
    fn new(text: &str) -> Text;
    #[wasm_bindgen(method)]
    fn normalize(this: &Text, form: &str) -> String;
    #[wasm_bindgen(method, js_name = toLowerCase)]
    fn to_lower_case(this: &Text) -> String;
    #[wasm_bindgen(js_namespace = Date, js_name = now)]
    fn now_ms() -> f64;
}

/// `String.prototype.normalize` and `toLowerCase`.
struct BrowserUnicode;

impl UnicodeRules for BrowserUnicode {
    fn nfc(&self, text: &str) -> String {
        Text::new(text).normalize("NFC")
    }

    fn lowercase(&self, text: &str) -> String {
        Text::new(text).to_lower_case()
    }
}

/// Runs `work` with a match key by Meta's name for it (`em`, `ph`, …). `country` is the person's
/// and may be empty; the merchant's is India, and today is today, unless they are given.
fn with_key<T>(
    key: &str,
    country: &str,
    default_country: Option<String>,
    today: Option<String>,
    work: impl FnOnce(MatchKey, &KeyContext<'_, BrowserUnicode>) -> Result<Option<T>, KeyProblem>,
) -> Result<Option<T>, JsError> {
    let key = MatchKey::from_meta_name(key).ok_or_else(|| JsError::new("no such match key"))?;
    let parse = |name: &str| Country::parse(name).map_err(|_| JsError::new("no such country"));
    let today = match today {
        Some(text) => day(&text).ok_or_else(|| JsError::new("today must be YYYY-MM-DD"))?,
        None => Day::of_unix_s((now_ms() / 1000.0) as i64),
    };
    let context = KeyContext {
        unicode: &BrowserUnicode,
        default_country: default_country.map_or(Ok(Country::INDIA), |name| parse(&name))?,
        person_country: if country.is_empty() { None } else { Some(parse(country)?) },
        today,
    };
    work(key, &context).map_err(|problem| JsError::new(problem.code()))
}

fn day(text: &str) -> Option<Day> {
    let mut parts = text.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    Day::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?)
}

/// The normal form of a value; `undefined` if there is nothing to hash.
///
/// # Errors
/// Throws an `Error` whose message is the code of what is wrong with the value.
#[wasm_bindgen]
pub fn normalise(
    key: &str,
    value: &str,
    country: &str,
    default_country: Option<String>,
    today: Option<String>,
) -> Result<Option<String>, JsError> {
    with_key(key, country, default_country, today, |key, context| {
        let normal = normalise_key(key, &Raw::new(value), context)?;
        Ok(normal.map(|normal| normal.expose().to_owned()))
    })
}

/// The SHA-256 of a value's normal form, in hex; `undefined` if there is nothing to hash.
///
/// # Errors
/// Throws an `Error` whose message is the code of what is wrong with the value.
#[wasm_bindgen]
pub fn hash(
    key: &str,
    value: &str,
    country: &str,
    default_country: Option<String>,
    today: Option<String>,
) -> Result<Option<String>, JsError> {
    with_key(key, country, default_country, today, |key, context| {
        Ok(hash_key(key, &Raw::new(value), context)?.map(Sha256Hex::to_hex))
    })
}
