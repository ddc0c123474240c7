//! Countries: codes, English names, and the form of their phone numbers.

use alloc::string::String;
use core::fmt;

mod table;

use table::{Entry, OTHER_NAMES, TABLE};

/// A country of ISO 3166-1, stored as its alpha-2 code.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Country([u8; 2]);

/// The error for a text that names no country. It does not repeat the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a country: its code (IN or IND) or its English name")]
pub struct UnknownCountry;

/// Order of day and month in a date that ends in its year.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DateOrder {
    /// Day first, e.g. 28/02/1990.
    DayFirst,
    /// Month first, e.g. 02/28/1990.
    MonthFirst,
    /// Both orders are in use.
    Mixed,
}

impl Country {
    /// India: calling code 91.
    pub const INDIA: Self = Self(*b"in");
    /// The United States: calling code 1, shared with Canada.
    pub const UNITED_STATES: Self = Self(*b"us");
    /// Canada: calling code 1, shared with the United States.
    pub const CANADA: Self = Self(*b"ca");

    /// Reads an alpha-2 code, an alpha-3 code or an English name, in any case, with or without
    /// spaces and punctuation. `UK` is no ISO code, but it is read as the United Kingdom.
    ///
    /// Names in other languages are refused. Meta's param builder cuts them to two letters, which
    /// turns `Bharat` into Bahrain. Unassigned codes (`XX`) are refused too.
    ///
    /// # Errors
    /// [`UnknownCountry`] when the text is not such a code or name.
    pub fn parse(text: &str) -> Result<Self, UnknownCountry> {
        let folded = fold(text).ok_or(UnknownCountry)?;
        let found = match folded.len() {
            2 => find(&folded),
            3 => TABLE.iter().find(|entry| entry.alpha3 == folded),
            _ => None,
        };
        found.or_else(|| by_name(&folded)).map(of_entry).ok_or(UnknownCountry)
    }

    /// The alpha-2 code in lower case, as Meta requires it.
    pub fn as_str(self) -> &'static str {
        self.entry().alpha2
    }

    /// The usual English name, without accents.
    pub fn name(self) -> &'static str {
        self.entry().name
    }

    /// Calling code without the plus sign, e.g. `91`.
    pub fn calling_code(self) -> &'static str {
        self.entry().calling_code
    }

    /// Trunk prefix: the digits that people dial before a national number inside the country. It is
    /// `0` in most countries, `1` in North America, and empty where there is none. (In Italy the
    /// zero is part of the number.)
    pub fn trunk_prefix(self) -> &'static str {
        self.entry().trunk_prefix
    }

    /// Fewest and most digits of a national number without the trunk prefix.
    pub fn national_digits(self) -> (usize, usize) {
        let (fewest, most) = self.entry().national_digits;
        (usize::from(fewest), usize::from(most))
    }

    /// Usual order of day and month in this country, in a date that ends in its year.
    pub fn date_order(self) -> DateOrder {
        match self.as_str() {
            "us" | "pr" | "vi" | "gu" | "as" | "mp" | "um" | "fm" | "mh" | "pw" => DateOrder::MonthFirst,
            // The year usually comes first, or both orders are in use.
            "ca" | "ph" | "za" | "ke" | "gh" | "cn" | "tw" | "jp" | "kr" | "kp" | "mn" | "hu" | "lt"
            | "ir" | "bt" | "se" => DateOrder::Mixed,
            _ => DateOrder::DayFirst,
        }
    }

    /// Whether these digits are the calling code of a country whose trunk prefix is `0`.
    pub(crate) fn dials_zero_after(calling_code: &str) -> bool {
        of_code(calling_code).any(|entry| entry.trunk_prefix == "0")
    }

    /// The calling code that an international number begins with; `None` when it is nobody's.
    pub(crate) fn calling_code_of(digits: &str) -> Option<&'static str> {
        TABLE.iter().map(|entry| entry.calling_code).find(|code| digits.starts_with(code))
    }

    /// Whether digits are a whole national number, without the trunk prefix, of a country with this
    /// calling code.
    pub(crate) fn is_national(calling_code: &str, digits: &str) -> bool {
        of_code(calling_code).any(|entry| {
            let (fewest, most) = entry.national_digits;
            let begins_well = match entry.trunk_prefix {
                "0" => !digits.starts_with('0'),
                "1" => !digits.starts_with(['0', '1']),
                _ => true,
            };
            begins_well && (usize::from(fewest)..=usize::from(most)).contains(&digits.len())
        })
    }

    /// Most digits that can follow a calling code: one more than in the table where the length varies,
    /// because the table leaves out rare numbers.
    pub(crate) fn national_digits_max(calling_code: &str) -> usize {
        let most = |entry: &Entry| {
            let (fewest, most) = entry.national_digits;
            usize::from(most) + usize::from(fewest != most)
        };
        of_code(calling_code).map(most).max().unwrap_or_default()
    }

    fn entry(self) -> &'static Entry {
        // The search always succeeds: every `Country` was made from an entry or is one of the
        // constants above, which a test looks up.
        let at = TABLE.binary_search_by(|entry| entry.alpha2.as_bytes().cmp(&self.0));
        &TABLE[at.unwrap_or_default()]
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

fn of_code(calling_code: &str) -> impl Iterator<Item = &'static Entry> {
    TABLE.iter().filter(move |entry| entry.calling_code == calling_code)
}

fn of_entry(entry: &'static Entry) -> Country {
    let code = entry.alpha2.as_bytes();
    Country([code[0], code[1]])
}

fn find(alpha2: &str) -> Option<&'static Entry> {
    TABLE.binary_search_by(|entry| entry.alpha2.cmp(alpha2)).ok().map(|at| &TABLE[at])
}

fn by_name(folded: &str) -> Option<&'static Entry> {
    // The table's names are ASCII, so folding them only drops everything but the letters.
    let is_named = |name: &str| {
        let letters = name.bytes().filter(u8::is_ascii_alphabetic).map(|b| b.to_ascii_lowercase());
        letters.eq(folded.bytes())
    };
    TABLE.iter().find(|entry| is_named(entry.name)).or_else(|| {
        let (_, alpha2) = OTHER_NAMES.iter().find(|(name, _)| *name == folded)?;
        find(alpha2)
    })
}

/// Longest text that is read as a country, bytes.
const NAME_BYTES_MAX: usize = 80;

/// Reduces a name to lower-case letters without accents; `&` becomes "and" and a leading "the" is
/// dropped. `None` when the text holds a character that no English name of a country has.
fn fold(text: &str) -> Option<String> {
    if text.len() > NAME_BYTES_MAX {
        return None;
    }
    let mut folded = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            'a'..='z' => folded.push(c),
            'A'..='Z' => folded.push(c.to_ascii_lowercase()),
            '&' => folded.push_str("and"),
            'À'..='Å' | 'à'..='å' => folded.push('a'),
            'Ç' | 'ç' => folded.push('c'),
            'È'..='Ë' | 'è'..='ë' => folded.push('e'),
            'Í' | 'í' | 'ı' | 'İ' => folded.push('i'),
            'Ó'..='Ö' | 'ó'..='ö' => folded.push('o'),
            'Ü' | 'ü' => folded.push('u'),
            '’' | '‘' => {}
            _ if c.is_ascii_punctuation() || crate::personal::is_removable(c) => {}
            _ => return None,
        }
    }
    if folded.len() > 5 && folded.starts_with("the") {
        folded.drain(..3);
    }
    Some(folded)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> Option<&'static str> {
        Country::parse(text).ok().map(Country::as_str)
    }

    #[test]
    fn codes_and_names_are_read() {
        for (text, expected) in [
            ("IN", "in"),
            (" in ", "in"),
            ("IND", "in"),
            ("India", "in"),
            ("U.S.A.", "us"),
            ("The United States", "us"),
            ("UK", "gb"),
            ("Great Britain", "gb"),
            ("Côte d’Ivoire", "ci"),
            ("Trinidad & Tobago", "tt"),
            ("Viet Nam", "vn"),
            ("TÜRKİYE", "tr"),
            ("Thailand", "th"),
            ("the netherlands", "nl"),
            ("Bahrain", "bh"),
        ] {
            assert_eq!(code(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn nothing_is_guessed() {
        for text in ["", " ", "XX", "ZZZ", "Bharat", "भारत", "91", "Indi", "Indiana", "EU", "--", "🇮🇳"]
        {
            assert_eq!(code(text), None, "{text}");
        }
        assert_eq!(code(&"India".repeat(1000)), None);
    }

    #[test]
    fn the_table_is_sorted_and_consistent() {
        assert!(TABLE.windows(2).all(|pair| pair[0].alpha2 < pair[1].alpha2));
        for entry in &TABLE {
            let (fewest, most) = entry.national_digits;
            assert!(fewest >= 4 && fewest <= most, "{}", entry.alpha2);
            assert!(usize::from(most) + entry.calling_code.len() <= 15, "{}", entry.alpha2);
            assert!((1..=3).contains(&entry.calling_code.len()) && !entry.calling_code.starts_with('0'));
            for text in [entry.alpha2, entry.alpha3, entry.name] {
                assert_eq!(code(text), Some(entry.alpha2), "{text}");
            }
        }
        for (name, alpha2) in OTHER_NAMES {
            assert_eq!(code(name), Some(alpha2), "{name}");
            assert_eq!(fold(name).as_deref(), Some(name), "is not in its folded form");
        }
    }

    #[test]
    fn calling_codes_are_prefix_free() {
        for a in &TABLE {
            for b in &TABLE {
                assert!(a.calling_code == b.calling_code || !b.calling_code.starts_with(a.calling_code));
            }
        }
        assert!(Country::dials_zero_after("91") && Country::dials_zero_after("44"));
        assert!(!Country::dials_zero_after("39") && !Country::dials_zero_after("1"));
    }

    #[test]
    fn the_constants_are_in_the_table() {
        for (country, code, calling_code) in
            [(Country::INDIA, "in", "91"), (Country::UNITED_STATES, "us", "1"), (Country::CANADA, "ca", "1")]
        {
            assert_eq!((country.as_str(), country.calling_code()), (code, calling_code));
            assert_eq!(Country::parse(code), Ok(country));
        }
    }
}
