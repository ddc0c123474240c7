//! The two Unicode operations that normalisation needs, as a trait. In the browser they call its own
//! `normalize` and `toLowerCase`, so that the package contains no Unicode tables.

use alloc::string::String;

/// Unicode operations. Both are the defaults of the Unicode standard, without a locale.
pub trait UnicodeRules {
    /// Brings a text into normalisation form C (UAX #15).
    fn nfc(&self, text: &str) -> String;
    /// Lower-cases a text with Unicode's full mapping: `İ` becomes two code points, a final `Σ` becomes
    /// `ς`.
    fn lowercase(&self, text: &str) -> String;
}

/// Implements the operations with the tables of Rust and of `unicode-normalization`.
#[cfg(feature = "full")]
#[derive(Debug, Clone, Copy, Default)]
pub struct NativeUnicode;

#[cfg(feature = "full")]
impl UnicodeRules for NativeUnicode {
    fn nfc(&self, text: &str) -> String {
        use unicode_normalization::UnicodeNormalization as _;
        text.nfc().collect()
    }

    fn lowercase(&self, text: &str) -> String {
        text.to_lowercase()
    }
}

#[cfg(test)]
#[cfg(feature = "full")]
mod tests {
    use super::*;

    #[test]
    fn composed_and_decomposed_spellings_meet() {
        assert_eq!(NativeUnicode.nfc("vale\u{301}ry"), "val\u{e9}ry");
        assert_eq!(NativeUnicode.lowercase("İ"), "i\u{307}");
    }
}
