//! Phone numbers: digits only, starting with the calling code (Meta, customer information
//! parameters: `ph`). A number without its calling code matches nobody, and Meta's libraries do not
//! add one. So the calling code of the merchant's country is added.
//!
//! Indian numbers are recognised exactly. For other countries the number of digits and the trunk
//! prefix decide whether a number is national. `written` reads what people put around a number.

use alloc::string::String;

use super::error::MatchKeyError;
use super::text::Text;
use super::written::Written;
use crate::country::Country;

pub(crate) use super::written::ascii_digit;

/// Fewest digits of an international number that is accepted.
const DIGITS_MIN: usize = 7;
/// Most digits of an international number (ITU-T E.164).
const DIGITS_MAX: usize = 15;

/// The digits of a number with its calling code. `default_country`: of a number that has none; without
/// it, such a number is refused.
pub(crate) fn normalise(text: &str, default_country: Option<Country>) -> Result<Text, MatchKeyError> {
    let complete = |written: &Written| {
        number(written, default_country).filter(|digits| {
            Country::calling_code_of(digits)
                .is_some_and(|code| Country::is_national(code, &digits[code.len()..]))
        })
    };
    let written = Written::read(text, &|written| complete(written).is_some());
    let written = written.ok_or(MatchKeyError::PhoneMalformed)?;
    let digits = if written.is_doubtful { complete(&written) } else { number(&written, default_country) };
    digits.ok_or(MatchKeyError::PhoneMalformed)
}

fn number(written: &Written, default_country: Option<Country>) -> Option<Text> {
    let digits = written.digits.as_str();
    if let Some(rest) = digits.strip_prefix("00") {
        international(rest.trim_start_matches('0'))
    } else if written.has_plus && !digits.starts_with('0') {
        international(digits)
    } else if default_country? == Country::INDIA {
        indian(digits)
    } else {
        national(digits, default_country?)
    }
}

/// Reads a number with its calling code. The zero that people dial only inside the country is dropped
/// after the code, and so is a second calling code, if the rest is then complete. A number with too many digits
/// for its country is refused: they belong to something else.
fn international(digits: &str) -> Option<Text> {
    let code = Country::calling_code_of(digits).unwrap_or_default();
    let rest = &digits[code.len()..];
    let is_complete = |rest: &&str| Country::is_national(code, rest);
    let without_zero = || rest.strip_prefix('0').filter(|_| Country::dials_zero_after(code));
    let without_code = || rest.trim_start_matches('0').strip_prefix(code).filter(|_| !code.is_empty());
    let found = Some(rest).filter(is_complete).or_else(|| without_zero().filter(is_complete));
    if let Some(rest) = found.or_else(|| without_code().filter(is_complete)) {
        return Some(joined(code, rest));
    }
    let fits = (DIGITS_MIN..=DIGITS_MAX).contains(&digits.len())
        && (code.is_empty() || rest.len() <= Country::national_digits_max(code));
    fits.then(|| joined("", digits))
}

/// Reads a number that was written in India without a plus sign: a mobile number of ten digits with
/// or without 0 or 91 in front. The mobile number itself can begin with 91.
fn indian(digits: &str) -> Option<Text> {
    let mobile = match digits.len() {
        10 => Some(digits),
        11 => digits.strip_prefix('0'),
        12 => digits.strip_prefix("91"),
        13 => digits.strip_prefix("910"),
        14 => digits.strip_prefix("9191"),
        _ => None,
    }?;
    mobile.starts_with(['6', '7', '8', '9']).then(|| joined("91", mobile))
}

/// Reads a number that was written in another country without a plus sign: a national number with or
/// without the trunk prefix, or an international number.
fn national(digits: &str, country: Country) -> Option<Text> {
    let code = country.calling_code();
    let trunk = country.trunk_prefix();
    let (fewest, most) = country.national_digits();
    // A national number can begin with zero only where there is no trunk prefix (Italy).
    let fits = |number: &&str| {
        (fewest..=most).contains(&number.len()) && (trunk.is_empty() || !number.starts_with('0'))
    };
    let without_trunk =
        |digits| if trunk.is_empty() { None } else { str::strip_prefix(digits, trunk).filter(fits) };

    let whole = Some(digits).filter(fits);
    let after_trunk = without_trunk(digits);
    let after_code =
        digits.strip_prefix(code).and_then(|rest| Some(rest).filter(fits).or_else(|| without_trunk(rest)));
    // Where the trunk prefix is zero, people write it. So a number that begins with the calling code
    // is international, even if its length fits a national number.
    let number = if trunk == "0" {
        after_trunk.or(after_code).or(whole)
    } else {
        whole.or(after_trunk).or(after_code)
    };
    number.map(|number| joined(code, number))
}

fn joined(code: &str, number: &str) -> Text {
    let mut text = Text::new(String::with_capacity(code.len() + number.len()));
    text.push_str(code);
    text.push_str(number);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, country: &str) -> Option<String> {
        normalise(text, Country::parse(country).ok()).ok().map(|text| text.to_string())
    }

    #[test]
    fn indian_numbers_are_told_apart_exactly() {
        for text in [
            "9876543210",
            "+91 98765-43210",
            "09876543210",
            "919876543210",
            "00919876543210",
            "+0091 98765 43210",
            "+91-(0)98765 43210",
            "+91 0 98765 43210",
            "91-(0)98765 43210",
            "+0 98765 43210",
            "(+91) 9876543210",
            "tel:+91-98765-43210",
            "\u{202a}+91 98765 43210\u{202c}",
            "९८७६५४३२१०",
            "＋９１９８７６５４３２１０",
        ] {
            assert_eq!(read(text, "IN").as_deref(), Some("919876543210"), "{text}");
        }
        assert_eq!(read("9112345678", "IN").as_deref(), Some("919112345678"));
        for text in ["12345", "0", "+", "", "5876543210", "16505551212", "0919876543210", "915876543210"] {
            assert_eq!(read(text, "IN"), None, "{text}");
        }
    }

    #[test]
    fn international_numbers_ignore_the_merchants_country() {
        for (text, expected) in [
            ("+1 (650) 555-1212", Some("16505551212")),
            ("+1.650.555.1212", Some("16505551212")),
            ("+44 844 412 4653", Some("448444124653")),
            ("+44 (0)20 7946 0958", Some("442079460958")),
            ("0044 (0) 20 7946 0958", Some("442079460958")),
            ("+39 06 1234 5678", Some("390612345678")),
            ("+39 (0)6 1234 5678", Some("390612345678")),
            ("+123456", None),
            ("+1234567", Some("1234567")),
            ("+123456789012345", None),
            ("+210456789012345", Some("210456789012345")),
            ("+2104567890123456", None),
            ("+12345678901234567890123", None),
        ] {
            for country in ["IN", "US", "DE"] {
                assert_eq!(read(text, country).as_deref(), expected, "{text} in {country}");
            }
        }
    }

    #[test]
    fn other_countries_follow_trunk_prefix_and_length() {
        for (text, country, expected) in [
            ("(650)555-1212", "US", Some("16505551212")),
            ("16505551212", "US", Some("16505551212")),
            ("1 650 555 1212", "CA", Some("16505551212")),
            ("5551212", "US", None),
            ("020 7946 0958", "GB", Some("442079460958")),
            ("07911 123456", "GB", Some("447911123456")),
            ("447911123456", "GB", Some("447911123456")),
            ("44 (0)7911 123456", "GB", Some("447911123456")),
            ("0151 12345678", "DE", Some("4915112345678")),
            ("4915112345678", "DE", Some("4915112345678")),
            ("333 123 4567", "IT", Some("393331234567")),
            ("06 1234 5678", "IT", Some("390612345678")),
            ("393331234567", "IT", Some("393331234567")),
            ("8123 4567", "SG", Some("6581234567")),
            ("65123456", "SG", Some("6565123456")),
            ("6581234567", "SG", Some("6581234567")),
            ("8 912 345-67-89", "RU", Some("79123456789")),
            ("06 20 123 4567", "HU", Some("36201234567")),
            ("050 123 4567", "AE", Some("971501234567")),
            ("12", "DE", None),
        ] {
            assert_eq!(read(text, country).as_deref(), expected, "{text} in {country}");
        }
    }

    #[test]
    fn every_scripts_digits_are_read() {
        for zero in ['0', '०', '০', '௦', '٠', '０'] {
            let digits: String = (0..10).filter_map(|n| char::from_u32(u32::from(zero) + n)).collect();
            let ascii: Vec<u8> = digits.chars().filter_map(ascii_digit).collect();
            assert_eq!(ascii, b"0123456789", "{digits}");
        }
        assert_eq!(ascii_digit('x'), None);
    }
}
