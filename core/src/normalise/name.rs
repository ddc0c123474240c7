//! First and last names: lower case, without white space and ASCII punctuation (the
//! param builder's form). Accents and other scripts stay, and so does punctuation
//! beyond ASCII, as in all of Meta's own code.

use super::text::{Text, lowercase_without};
use crate::personal::is_removable;
use crate::unicode::UnicodeRules;

/// Empty for a name of punctuation alone: `.` and `-` are how people without a last
/// name get past a form.
pub(super) fn normalise(text: &str, unicode: &impl UnicodeRules) -> Text {
    lowercase_without(text, unicode, |c| c.is_ascii_punctuation() || is_removable(c))
}
