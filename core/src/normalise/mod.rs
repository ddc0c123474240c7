//! From raw personal data to hashed match keys (Meta, customer information parameters).
//!
//! Each key has one rule, and each kind of rule has one file. A value is first normalised, then
//! hashed. Every normal form is in Unicode form C, is not empty, and is its own normal form.
//!
//! | key | rule | file |
//! |---|---|---|
//! | e-mail | lower case; dots and `+tag` stay | `email` |
//! | phone | digits with the calling code | `phone` |
//! | names, city, state, postal code | lower case, without spaces and punctuation | `name`, `place` |
//! | birth date, gender | `YYYYMMDD`; `f` or `m` | `date_of_birth`, `gender` |
//! | country | alpha-2 code, lower case | [`crate::country`] |
//! | external ID | trimmed, case kept | here |
//!
//! The golden values are in `core/vectors/match_keys.json`.

use alloc::borrow::ToOwned as _;

use crate::country::Country;
use crate::hash::{Sha256Hex, hash_match_key};
use crate::personal::Raw;
use crate::placeholder;
use crate::unicode::UnicodeRules;

mod date_of_birth;
pub(crate) mod email;
mod error;
mod gender;
mod key;
mod name;
pub(crate) mod phone;
mod pixel;
mod place;
#[cfg(test)]
#[cfg(feature = "full")]
mod tests;
mod text;
mod written;

pub use crate::personal::Normalised;
pub use date_of_birth::Day;
pub use error::MatchKeyError;
pub use key::MatchKey;
pub use pixel::pixel_value;

use text::{Text, compose, trim};

/// Longest raw value that is accepted, bytes.
pub const VALUE_BYTES_MAX: usize = 1024;

/// What the rules need to know in addition to the value.
#[derive(Debug, Clone, Copy)]
pub struct KeyContext<'a, U> {
    /// Unicode operations of the platform.
    pub unicode: &'a U,
    /// The merchant's country, for phone numbers without a calling code and for dates whose order of
    /// day and month is ambiguous. It never becomes the match key `country`.
    pub default_country: Country,
    /// The person's country, for state and postal code. `None`: the merchant's country is used.
    pub person_country: Option<Country>,
    /// Today's date. Later dates of birth are refused.
    pub today: Day,
}

/// Makes the normal form of a raw value. `None` when there is nothing to hash: the value is blank or
/// only punctuation, or a gender other than Meta's two. A value that is a hash already is not
/// recognised here; see [`hash_key`].
///
/// # Errors
/// The [`MatchKeyError`] that names why the value is not a match key.
pub fn normalise<U: UnicodeRules>(
    key: MatchKey,
    value: &Raw,
    context: &KeyContext<'_, U>,
) -> Result<Option<Normalised>, MatchKeyError> {
    if value.is_blank() {
        return Ok(None);
    }
    if value.expose().len() > VALUE_BYTES_MAX {
        return Err(MatchKeyError::TooLong);
    }
    let composed = compose(value.expose(), context.unicode);
    let text = trim(&composed);
    let place = context.person_country.unwrap_or(context.default_country);
    if is_placeholder(key, text, place) {
        return Err(MatchKeyError::Placeholder);
    }
    // External IDs are excepted, because a UUID can be written as 32 hex digits.
    if key != MatchKey::ExternalId && is_md5(text) {
        return Err(MatchKeyError::Md5);
    }
    let normal = match key {
        MatchKey::Email => email::normalise(text, context.unicode)?,
        MatchKey::Phone => phone::normalise(text, Some(context.default_country))?,
        MatchKey::FirstName | MatchKey::LastName => name::normalise(text, context.unicode),
        MatchKey::Gender => gender::normalise(text, context.unicode),
        MatchKey::DateOfBirth => date_of_birth::normalise(text, context.default_country, context.today)?,
        MatchKey::City => place::city(text, context.unicode)?,
        MatchKey::State => place::state(text, place, context.unicode),
        MatchKey::PostalCode => place::postal_code(text, place, context.unicode)?,
        MatchKey::Country => {
            let country = Country::parse(text).map_err(|_| MatchKeyError::CountryUnknown)?;
            Text::new(country.as_str().to_owned())
        }
        MatchKey::ExternalId => Text::new(text.to_owned()),
    };
    // Lower-casing can leave form C, so the text is composed again.
    Ok(Normalised::new(compose(&normal, context.unicode)))
}

/// Normalises and hashes a value. A value that is a SHA-256 digest already (64 hex digits, with or
/// without the appendix of Meta's param builder) is used unchanged. The digest of an empty text
/// counts as blank, and that of a word such as `none` or `undefined` as a placeholder, unless the word is also a
/// value of this key (`na`: Namibia). `None` when there is nothing to hash.
///
/// # Errors
/// The [`MatchKeyError`] that names why the value is not a match key.
pub fn hash_key<U: UnicodeRules>(
    key: MatchKey,
    value: &Raw,
    context: &KeyContext<'_, U>,
) -> Result<Option<Sha256Hex>, MatchKeyError> {
    if let Some(digest) = Sha256Hex::parse(trim(value.expose())) {
        let place = context.person_country.unwrap_or(context.default_country);
        let mut words = placeholder::hashed_words().filter(|word| !is_also_a_value(key, word, place));
        if words.any(|word| Sha256Hex::of_bytes(word.as_bytes()) == digest) {
            return Err(MatchKeyError::Placeholder);
        }
        return Ok((!digest.is_of_nothing()).then_some(digest));
    }
    Ok(normalise(key, value, context)?.as_ref().map(hash_match_key))
}

/// The person's country, which settles state and postal code; `None` for a placeholder, a hash or another
/// text that names no country.
pub fn person_country(value: &Raw) -> Option<Country> {
    let text = trim(value.expose());
    let is_named = !placeholder::is_no_country(text);
    Country::parse(text).ok().filter(|_| is_named)
}

/// Whether a value stands for no value ([`crate::placeholder`]). `place`: the country that state and
/// postal code belong to.
fn is_placeholder(key: MatchKey, text: &str, place: Country) -> bool {
    match key {
        MatchKey::Email => placeholder::is_no_address(text),
        MatchKey::Phone => placeholder::is_dummy_phone(text, phone::ascii_digit),
        MatchKey::FirstName | MatchKey::LastName => placeholder::is_no_name(text),
        MatchKey::State if text == "NA" && has_state_na(place) => false,
        MatchKey::City | MatchKey::State | MatchKey::PostalCode => placeholder::is_no_place(text),
        MatchKey::Country => placeholder::is_no_country(text),
        MatchKey::ExternalId => placeholder::is_shared_id(text),
        MatchKey::DateOfBirth => placeholder::is_placeholder(text),
        // Any answer but Meta's two is left out.
        MatchKey::Gender => false,
    }
}

/// Whether a word for "no value" is also the normal form of a value of this key. Its digest does not tell how it was
/// written.
fn is_also_a_value(key: MatchKey, word: &str, place: Country) -> bool {
    match key {
        MatchKey::FirstName | MatchKey::LastName => placeholder::is_name(word),
        MatchKey::State => word == "na" && has_state_na(place),
        MatchKey::Country => word == "na",
        _ => false,
    }
}

/// `NA` is the code of Naples.
fn has_state_na(place: Country) -> bool {
    place.as_str() == "it"
}

fn is_md5(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit())
}
