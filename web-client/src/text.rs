//! Parses numbers without the standard library, whose parser would make the package larger.

/// Parses a text of 1 to 18 decimal digits. `None` for any other text.
pub(crate) fn number(digits: &[u8]) -> Option<u64> {
    let is_number = matches!(digits.len(), 1..=18) && digits.iter().all(u8::is_ascii_digit);
    is_number.then(|| digits.iter().fold(0, |number, digit| number * 10 + u64::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_digits_are_numbers() {
        for n in [0, 9, 10, 1_700_000_000_000, 999_999_999_999_999_999] {
            assert_eq!(number(n.to_string().as_bytes()), Some(n));
        }
        for text in ["", "-1", "1.5", " 1", "1000000000000000000"] {
            assert_eq!(number(text.as_bytes()), None, "{text}");
        }
    }
}
