//! Operations on texts that several rules of normalisation share.

use alloc::borrow::ToOwned as _;
use alloc::string::String;

use zeroize::Zeroizing;

use crate::personal::{is_joiner, is_removable};
use crate::unicode::UnicodeRules;

/// A text that becomes a normal form. Its memory is overwritten when it is dropped, also after an
/// error.
pub(super) type Text = Zeroizing<String>;

/// The first character of the scripts that can need joiners: Arabic, then those of India. Latin, Greek
/// and Cyrillic come before it.
const FIRST_WITH_JOINERS: char = '\u{600}';

/// Brings a text into Unicode form C. ASCII is in form C already.
pub(super) fn compose(text: &str, unicode: &impl UnicodeRules) -> Text {
    Text::new(if text.is_ascii() { text.to_owned() } else { unicode.nfc(text) })
}

/// Lower-cases a text by Unicode's rules.
pub(super) fn lowercase(text: &str, unicode: &impl UnicodeRules) -> Text {
    Text::new(if text.is_ascii() { text.to_ascii_lowercase() } else { unicode.lowercase(text) })
}

/// Removes white space and invisible marks at both ends.
pub(super) fn trim(text: &str) -> &str {
    text.trim_matches(is_removable)
}

/// Lower-cases a text, removes the characters for which `drop` is true, and composes the rest. Joiners
/// (U+200C, U+200D) stay only after a character of a script that spells with them.
/// Composing comes last, because removing a character can bring a letter and its accent together.
pub(super) fn lowercase_without(
    text: &str,
    unicode: &impl UnicodeRules,
    drop: impl Fn(char) -> bool,
) -> Text {
    let lower = lowercase(text, unicode);
    // The capacity is reserved at once, because growing would leave copies in memory.
    let mut kept = Text::new(String::with_capacity(lower.len()));
    for c in lower.chars().filter(|c| !drop(*c)) {
        let is_stray = is_joiner(c) && !kept.ends_with(|before| before >= FIRST_WITH_JOINERS);
        if !is_stray {
            kept.push(c);
        }
    }
    compose(&kept, unicode)
}
