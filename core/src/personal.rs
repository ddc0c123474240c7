//! Raw personal data, before it is normalised and hashed.

use alloc::string::String;
use core::fmt;

use zeroize::Zeroizing;

/// Raw personal text. `Debug` prints a placeholder, and there is no `Display` and no
/// serialisation. The memory is overwritten when the value is dropped.
#[derive(Clone, Default)]
pub struct Raw(Zeroizing<String>);

impl Raw {
    /// Wraps a text. A `String` is not copied.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The raw text. There is no other way to read it, so a search for `expose` finds every use.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether the text has no visible character: it is empty, or only white space and invisible
    /// characters.
    pub fn is_blank(&self) -> bool {
        self.0.chars().all(is_blank)
    }
}

impl fmt::Debug for Raw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Raw(..)")
    }
}

/// The normal form of a match key: the text that is hashed. It is as personal as the raw text, so
/// `Debug` hides it and the memory is overwritten when the value is dropped.
pub struct Normalised(Zeroizing<String>);

impl Normalised {
    /// Only normalisation calls this. `None` for an empty text.
    pub(crate) fn new(text: Zeroizing<String>) -> Option<Self> {
        (!text.is_empty()).then_some(Self(text))
    }

    /// The text of the normal form. Like [`Raw::expose`], this is the only way to read it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Normalised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Normalised(..)")
    }
}

/// Whether a character is white space, a control character or a mark that only changes the layout.
/// People paste such characters together with names and numbers from address books. U+200C and
/// U+200D do not count, because Indic scripts and Persian need them for spelling.
pub(crate) fn is_removable(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || matches!(c, '\u{ad}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}')
        || matches!(c, '\u{2060}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Whether a character is one of the two joiners.
pub(crate) fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}')
}

/// Whether a character is removable, or a joiner, which is invisible by itself.
fn is_blank(c: char) -> bool {
    is_removable(c) || is_joiner(c)
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
