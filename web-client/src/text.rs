//! Small work on texts, without the standard library's parsing: the package has no room for it.

/// The number that decimal digits spell.
pub(crate) fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |number, byte| match byte {
        b'0'..=b'9' => number.checked_mul(10)?.checked_add(u64::from(byte - b'0')),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_digits_are_numbers() {
        for n in [0, 9, 10, 1_700_000_000_000, u64::MAX] {
            assert_eq!(number(n.to_string().as_bytes()), Some(n));
        }
        for text in ["", "-1", "1.5", " 1", "18446744073709551616"] {
            assert_eq!(number(text.as_bytes()), None, "{text}");
        }
    }
}
