//! Texts on their way to a normal form, and what every rule does to them.

use zeroize::Zeroizing;

use crate::personal::is_removable;
use crate::unicode::UnicodeRules;

/// A normal form being made: overwritten when it goes, whichever way it goes.
pub(super) type Text = Zeroizing<String>;

/// Unicode form C; plain ASCII already is.
pub(super) fn compose(text: &str, unicode: &impl UnicodeRules) -> Text {
    Text::new(if text.is_ascii() { text.to_owned() } else { unicode.nfc(text) })
}

/// Lower case by Unicode's rules.
pub(super) fn lowercase(text: &str, unicode: &impl UnicodeRules) -> Text {
    Text::new(if text.is_ascii() { text.to_ascii_lowercase() } else { unicode.lowercase(text) })
}

/// Cuts white space and invisible marks off both ends.
pub(super) fn trim(text: &str) -> &str {
    text.trim_matches(is_removable)
}

/// What is left of a text without the characters that `drop` names, lower-cased first
/// and composed after: taking characters away can bring a letter and its accent together.
pub(super) fn lowercase_without(
    text: &str,
    unicode: &impl UnicodeRules,
    drop: impl Fn(char) -> bool,
) -> Text {
    let lower = lowercase(text, unicode);
    // Room for all of it at once: growing would leave copies behind in memory.
    let mut kept = Text::new(String::with_capacity(lower.len()));
    kept.extend(lower.chars().filter(|c| !drop(*c)));
    compose(&kept, unicode)
}
