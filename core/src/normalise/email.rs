//! E-mail addresses: they are trimmed and lower-cased. Dots and `+tag` stay, because Meta keeps them
//! too.

use super::error::MatchKeyError;
use super::text::{Text, lowercase};
use crate::personal::is_removable;
use crate::unicode::UnicodeRules;

/// Longest address, bytes (RFC 5321: 256 with its brackets).
const ADDRESS_BYTES_MAX: usize = 254;
/// Longest label of a domain, characters (RFC 1035).
const LABEL_CHARS_MAX: usize = 63;

pub(super) fn normalise(text: &str, unicode: &impl UnicodeRules) -> Result<Text, MatchKeyError> {
    let lower = lowercase(text, unicode);
    if lower.len() > ADDRESS_BYTES_MAX {
        return Err(MatchKeyError::TooLong);
    }
    if is_address(&lower) { Ok(lower) } else { Err(MatchKeyError::EmailMalformed) }
}

/// Whether a text has the form `local@domain.tld`, in any script. The RFCs also allow quoted local
/// parts and IP addresses in brackets; customers do not use them, so they are refused.
pub(crate) fn is_address(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else { return false };
    let local_fits = !local.is_empty() && local.chars().all(is_local);
    let mut labels = domain.rsplit('.');
    let top_fits = labels.next().is_some_and(is_top_level);
    let mut others = 0;
    local_fits
        && top_fits
        && labels.all(|label| {
            others += 1;
            is_label(label)
        })
        && others > 0
}

/// Whether a character may stand in a local part: RFC 5322's `atext`, a dot, or anything visible
/// beyond ASCII (RFC 6531).
pub(crate) fn is_local(c: char) -> bool {
    if c.is_ascii() {
        c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c)
    } else {
        !is_removable(c)
    }
}

/// Whether a character may stand in a label of a domain: a letter, a digit, a hyphen, or anything
/// visible beyond ASCII.
pub(crate) fn is_domain(c: char) -> bool {
    if c.is_ascii() { c.is_ascii_alphanumeric() || c == '-' } else { !is_removable(c) }
}

fn is_label(label: &str) -> bool {
    !label.is_empty()
        && label.chars().count() <= LABEL_CHARS_MAX
        && label.chars().all(is_domain)
        && !label.starts_with('-')
        && !label.ends_with('-')
}

/// Whether a label can be a top-level domain: at least two characters without a digit in front. So
/// an IP address is no domain.
fn is_top_level(label: &str) -> bool {
    is_label(label) && label.chars().count() >= 2 && !label.starts_with(|c: char| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_people_are_taken() {
        for text in [
            "a@b.in",
            "user+tag@example.com",
            "o'brien@example.co.in",
            "first..last.@docomo.ne.jp",
            "x@xn--p1b6ci4b4b3a.xn--11b5bs3a9aj6g",
            "राम@उदाहरण.भारत",
            "user@exämple.com",
            "a@1.2.com",
        ] {
            assert!(is_address(text), "{text}");
        }
    }

    #[test]
    fn other_texts_are_not() {
        for text in [
            "",
            "@",
            "a@",
            "@b.com",
            "a@b",
            "a@b.",
            "a@.com",
            "a@b..com",
            "a@b.c",
            "a@@b.com",
            "a@b@c.com",
            "a b@c.com",
            "a@b .com",
            "a,b@c.com",
            "<a@b.com>",
            "\"a b\"@c.com",
            "a@[127.0.0.1]",
            "a@127.0.0.1",
            "a@-b.com",
            "a@b-.com",
            "a@b_c.com",
            "mailto:a@b.com",
            "a@b\u{200b}.com",
        ] {
            assert!(!is_address(text), "{text:?}");
        }
        assert!(!is_address(&format!("a@{}.com", "b".repeat(64))));
    }
}
