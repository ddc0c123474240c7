//! City, state and postal code.

use alloc::borrow::ToOwned as _;

use super::error::MatchKeyError;
use super::text::{Text, lowercase_without};
use crate::country::Country;
use crate::personal::is_removable;
use crate::unicode::UnicodeRules;

/// Fewest characters of a postal code (the Faroe Islands and Iceland have three).
const POSTAL_CODE_CHARS_MIN: usize = 3;
/// Most characters of a postal code (a US ZIP+4 has nine, some countries ten).
const POSTAL_CODE_CHARS_MAX: usize = 12;

/// Normalises a city: lower case, without white space, digits and punctuation. Letters of every
/// script stay, with their accents and vowel signs.
pub(super) fn city(text: &str, unicode: &impl UnicodeRules) -> Result<Text, MatchKeyError> {
    let city = lowercase_without(text, unicode, |c| is_separating(c) || c.is_numeric());
    if city.is_empty() && text.chars().any(char::is_numeric) {
        // The text is only digits, e.g. a postal code in the wrong field.
        return Err(MatchKeyError::CityMalformed);
    }
    Ok(city)
}

/// Normalises a state: lower case, without white space and punctuation. Names of US states and
/// Canadian provinces become their codes of two letters. In other countries names and codes stay.
pub(super) fn state(text: &str, country: Country, unicode: &impl UnicodeRules) -> Text {
    let state = lowercase_without(text, unicode, is_separating);
    let states: &[(&str, &str)] = match country {
        Country::UNITED_STATES => &US_STATES,
        Country::CANADA => &CANADIAN_PROVINCES,
        _ => &[],
    };
    match states.iter().find(|(name, _)| *name == state.as_str()) {
        Some((_, code)) => Text::new((*code).to_owned()),
        None => state,
    }
}

/// Normalises a postal code: lower case, without white space and punctuation. A US code is cut to its
/// first five digits.
pub(super) fn postal_code(
    text: &str,
    country: Country,
    unicode: &impl UnicodeRules,
) -> Result<Text, MatchKeyError> {
    let mut code = lowercase_without(text, unicode, is_separating);
    if country == Country::UNITED_STATES
        && code.len() >= 5
        && code.bytes().take(5).all(|b| b.is_ascii_digit())
    {
        code.truncate(5);
    }
    let chars = code.chars().count();
    let fits = chars == 0 || (POSTAL_CODE_CHARS_MIN..=POSTAL_CODE_CHARS_MAX).contains(&chars);
    if fits { Ok(code) } else { Err(MatchKeyError::PostalCodeMalformed) }
}

/// Whether a character is white space, punctuation or a symbol. The standard library does not know
/// the marks that belong to a letter (`महाराष्ट्र`), and they must stay. So punctuation and symbols are
/// listed here.
fn is_separating(c: char) -> bool {
    c.is_ascii_punctuation()
        || is_removable(c)
        || matches!(c,
            '\u{a1}'..='\u{a9}' | '\u{ab}'..='\u{b1}' | '\u{b4}' | '\u{b6}'..='\u{b8}' | '\u{bb}' | '\u{bf}' | '×' | '÷'
            // Danda and abbreviation signs of India's scripts, Arabic punctuation.
            | '\u{964}' | '\u{965}' | '\u{970}' | '\u{60c}' | '\u{61b}' | '\u{61f}' | '\u{6d4}'
            // General punctuation, without the joiners that some scripts need for spelling.
            | '\u{2010}'..='\u{2027}' | '\u{2030}'..='\u{205e}'
            // CJK and full-width punctuation.
            | '\u{3001}'..='\u{3004}' | '\u{3008}'..='\u{3020}' | '\u{30fb}'
            | '\u{ff01}'..='\u{ff0f}' | '\u{ff1a}'..='\u{ff20}' | '\u{ff3b}'..='\u{ff40}' | '\u{ff5b}'..='\u{ff65}')
}

/// US states and territories with their ANSI codes.
const US_STATES: [(&str, &str); 57] = [
    ("alabama", "al"),
    ("alaska", "ak"),
    ("americansamoa", "as"),
    ("arizona", "az"),
    ("arkansas", "ar"),
    ("california", "ca"),
    ("colorado", "co"),
    ("connecticut", "ct"),
    ("delaware", "de"),
    ("districtofcolumbia", "dc"),
    ("florida", "fl"),
    ("georgia", "ga"),
    ("guam", "gu"),
    ("hawaii", "hi"),
    ("idaho", "id"),
    ("illinois", "il"),
    ("indiana", "in"),
    ("iowa", "ia"),
    ("kansas", "ks"),
    ("kentucky", "ky"),
    ("louisiana", "la"),
    ("maine", "me"),
    ("maryland", "md"),
    ("massachusetts", "ma"),
    ("michigan", "mi"),
    ("minnesota", "mn"),
    ("mississippi", "ms"),
    ("missouri", "mo"),
    ("montana", "mt"),
    ("nebraska", "ne"),
    ("nevada", "nv"),
    ("newhampshire", "nh"),
    ("newjersey", "nj"),
    ("newmexico", "nm"),
    ("newyork", "ny"),
    ("northcarolina", "nc"),
    ("northdakota", "nd"),
    ("northernmarianaislands", "mp"),
    ("ohio", "oh"),
    ("oklahoma", "ok"),
    ("oregon", "or"),
    ("pennsylvania", "pa"),
    ("puertorico", "pr"),
    ("rhodeisland", "ri"),
    ("southcarolina", "sc"),
    ("southdakota", "sd"),
    ("tennessee", "tn"),
    ("texas", "tx"),
    ("usvirginislands", "vi"),
    ("utah", "ut"),
    ("vermont", "vt"),
    ("virginia", "va"),
    ("washington", "wa"),
    ("washingtondc", "dc"),
    ("westvirginia", "wv"),
    ("wisconsin", "wi"),
    ("wyoming", "wy"),
];

/// Canada's provinces and territories with their postal abbreviations.
const CANADIAN_PROVINCES: [(&str, &str); 16] = [
    ("alberta", "ab"),
    ("britishcolumbia", "bc"),
    ("manitoba", "mb"),
    ("newbrunswick", "nb"),
    ("newfoundland", "nl"),
    ("newfoundlandandlabrador", "nl"),
    ("newfoundlandlabrador", "nl"),
    ("northwestterritories", "nt"),
    ("novascotia", "ns"),
    ("nunavut", "nu"),
    ("ontario", "on"),
    ("princeedwardisland", "pe"),
    ("quebec", "qc"),
    ("québec", "qc"),
    ("saskatchewan", "sk"),
    ("yukon", "yt"),
];

#[cfg(test)]
#[cfg(feature = "full")]
mod tests {
    use super::*;
    use crate::unicode::NativeUnicode;

    #[test]
    fn signs_of_other_scripts_stay_and_their_punctuation_goes() {
        for (text, expected) in [
            ("महाराष्ट्र", "महाराष्ट्र"),
            ("राजकोट।", "राजकोट"),
            ("St. John’s", "stjohns"),
            ("東京・港区", "東京港区"),
            ("São Paulo – SP", "sãopaulosp"),
            ("Bengaluru (Bangalore)", "bengalurubangalore"),
            ("ക്ഷേത്രം\u{200d}", "ക്ഷേത്രം\u{200d}"),
        ] {
            assert_eq!(city(text, &NativeUnicode).unwrap().as_str(), expected);
        }
        assert_eq!(city("560001", &NativeUnicode), Err(MatchKeyError::CityMalformed));
        assert_eq!(city("-", &NativeUnicode).unwrap().as_str(), "");
    }

    #[test]
    fn north_american_states_become_their_codes() {
        let canada = |text| state(text, Country::CANADA, &NativeUnicode).to_string();
        assert_eq!(canada("Québec"), "qc");
        assert_eq!(canada("QC"), "qc");
        assert_eq!(canada("Newfoundland & Labrador"), "nl");
        assert_eq!(state("California", Country::INDIA, &NativeUnicode).as_str(), "california");
        for (names, length) in [(&US_STATES[..], 2), (&CANADIAN_PROVINCES[..], 2)] {
            assert!(names.iter().all(|(_, code)| code.len() == length));
            assert!(names.windows(2).all(|pair| pair[0].0 < pair[1].0));
        }
    }

    #[test]
    fn postal_codes_are_cut_in_the_us_alone() {
        let us = |text| postal_code(text, Country::UNITED_STATES, &NativeUnicode).map(|t| t.to_string());
        assert_eq!(us("940251234").unwrap(), "94025");
        assert_eq!(us("M1 1AE").unwrap(), "m11ae");
        let india = |text| postal_code(text, Country::INDIA, &NativeUnicode).map(|t| t.to_string());
        assert_eq!(india("560–001").unwrap(), "560001");
        assert_eq!(india("1"), Err(MatchKeyError::PostalCodeMalformed));
        assert_eq!(india("no idea, somewhere here"), Err(MatchKeyError::PostalCodeMalformed));
        assert_eq!(india("-").unwrap(), "");
    }
}
