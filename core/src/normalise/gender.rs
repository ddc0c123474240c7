//! Gender: `f` or `m`, the two values that Meta knows. Any other answer is valid but no match key, so
//! it is left out and is never an error.

use alloc::borrow::ToOwned as _;

use super::text::{Text, lowercase_without};
use crate::unicode::UnicodeRules;

const FEMALE: [&str; 10] = ["f", "female", "woman", "women", "girl", "lady", "mrs", "ms", "miss", "feminine"];
const MALE: [&str; 9] = ["m", "male", "man", "men", "boy", "gentleman", "mr", "sir", "masculine"];

pub(super) fn normalise(text: &str, unicode: &impl UnicodeRules) -> Text {
    let word = lowercase_without(text, unicode, |c| c == '.');
    let initial = if FEMALE.contains(&word.as_str()) {
        "f"
    } else if MALE.contains(&word.as_str()) {
        "m"
    } else {
        ""
    };
    Text::new(initial.to_owned())
}
