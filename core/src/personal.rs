//! Raw personal data as it came in, before it is normalised and hashed.

use core::fmt;

use zeroize::Zeroizing;

/// Raw personal text. `Debug` prints a placeholder, there is no `Display` and no
/// serialisation, and the memory is overwritten when the value goes.
#[derive(Clone, Default)]
pub struct Raw(Zeroizing<String>);

impl Raw {
    /// Takes the text over. A `String` is not copied.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The text. The one way to it, so that a search for `expose` finds every use.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether there is nothing to see in it: empty, white space, invisible characters.
    pub fn is_blank(&self) -> bool {
        self.0.chars().all(is_blank)
    }
}

impl fmt::Debug for Raw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Raw(..)")
    }
}

/// The normal form of a match key: what is hashed. As personal as the raw text, so it is
/// overwritten when it goes and `Debug` hides it.
pub struct Normalised(Zeroizing<String>);

impl Normalised {
    /// Only normalisation makes one, and never an empty one.
    pub(crate) fn new(text: Zeroizing<String>) -> Option<Self> {
        (!text.is_empty()).then_some(Self(text))
    }

    /// The normal form.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Normalised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Normalised(..)")
    }
}

/// White space, control characters and marks that only steer layout. People paste them
/// along with names and numbers from address books. U+200C and U+200D are not among
/// them: Indic scripts and Persian spell with those.
pub(crate) fn is_removable(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || matches!(c, '\u{ad}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}')
        || matches!(c, '\u{2060}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Removable, or a joiner, which shows nothing by itself.
fn is_blank(c: char) -> bool {
    is_removable(c) || matches!(c, '\u{200c}' | '\u{200d}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_hides_the_text() {
        let raw = Raw::new("asha@example.com");
        assert_eq!(format!("{raw:?} {:?}", Some(&raw)), "Raw(..) Some(Raw(..))");
        let normal = Normalised::new(Zeroizing::new("asha".to_owned())).unwrap();
        assert_eq!(format!("{normal:?}"), "Normalised(..)");
    }

    #[test]
    fn blank_means_nothing_to_see() {
        for blank in ["", " ", "\t\r\n", "\u{a0}\u{feff}", "\u{200b}\u{200d}", "\0"] {
            assert!(Raw::new(blank).is_blank(), "{blank:?}");
        }
        for text in ["0", ".", " a ", "—", "र"] {
            assert!(!Raw::new(text).is_blank(), "{text:?}");
        }
    }

    #[test]
    fn an_empty_normal_form_cannot_be_made() {
        assert!(Normalised::new(Zeroizing::new(String::new())).is_none());
    }
}
