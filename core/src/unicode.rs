//! The two Unicode operations that normalisation needs, behind a trait: the browser
//! answers with its own `normalize` and `toLowerCase` and ships no tables.

/// Unicode operations. Both are the standard's defaults, free of any locale.
pub trait UnicodeRules {
    /// Normalisation form C (UAX #15).
    fn nfc(&self, text: &str) -> String;
    /// Full lower-casing: `İ` becomes two code points, a final `Σ` becomes `ς`.
    fn lowercase(&self, text: &str) -> String;
}

/// The operations from Rust's own tables and `unicode-normalization`'s.
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
