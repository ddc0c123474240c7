//! First and last names: lower case, without white space and ASCII punctuation, like Meta's param
//! builder. Accents, other scripts and punctuation beyond ASCII stay, as in all of Meta's code.

use super::text::{Text, lowercase_without};
use crate::personal::is_removable;
use crate::unicode::UnicodeRules;

/// The result is empty for a name of punctuation alone. People without a last name type `.` or `-`
/// into a required field.
pub(super) fn normalise(text: &str, unicode: &impl UnicodeRules) -> Text {
    lowercase_without(text, unicode, |c| c.is_ascii_punctuation() || is_removable(c))
}
