//! Amounts as decimal text.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// An amount as decimal text, e.g. `1499.00`. Its digits stay as they were given.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Amount(String);

impl Amount {
    /// Parses digits with at most four decimals.
    ///
    /// # Errors
    /// Why the text is not an amount, in one sentence.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (whole, decimals) =
            text.split_once('.').map_or((text, None), |(whole, rest)| (whole, Some(rest)));
        let digits = |part: &str, max: usize| {
            (1..=max).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
        };
        let canonical = whole == "0" || !whole.starts_with('0');
        if digits(whole, 12) && canonical && decimals.is_none_or(|part| digits(part, 4)) {
            Ok(Self(text.to_owned()))
        } else {
            Err("an amount is a decimal number such as \"1499.00\"".to_owned())
        }
    }

    /// The text as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = match Value::deserialize(deserializer)? {
            Value::String(text) => text,
            Value::Number(number) => number.to_string(),
            _ => String::new(),
        };
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_keep_their_digits() {
        for text in ["1499.00", "0.5", "1", "0"] {
            assert_eq!(Amount::parse(text).unwrap().as_str(), text);
        }
        for bad in ["", ".", "1.", ".5", "-1", "1e3", "01", "1,499.00", "1.23456"] {
            assert!(Amount::parse(bad).is_err(), "{bad:?} was taken");
        }
    }

    #[test]
    fn json_strings_and_numbers_are_taken() {
        let parse = |json: &str| serde_json::from_str::<Amount>(json);
        assert_eq!(parse("\"1499.00\"").unwrap().as_str(), "1499.00");
        assert_eq!(parse("12").unwrap().as_str(), "12");
        assert!(parse("\"12x\"").is_err());
        assert!(parse("null").is_err());
    }
}
