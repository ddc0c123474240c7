//! Removes personal data from URLs and free text.
//!
//! Values with the form of an e-mail address or a phone number are replaced by [`PLACEHOLDER`] wherever
//! they stand: in a path, in any query parameter, percent-encoded any number of times, or in a URL
//! inside a URL. So is the whole value of a query parameter whose name says that it is a person's, such
//! as `first_name`. The fragment, user name and password of a URL are removed too. All other text stays
//! byte for byte.
//!
//! Only a few forms count as a phone number, because click IDs, order IDs, prices, dates and timestamps
//! are numbers too; see `phone`. The time grows linearly with the length of the text.

mod decoded;
mod email;
mod field;
mod phone;

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

pub use decoded::PLACEHOLDER;
use decoded::{Piece, Unit, decode};
pub use field::names_person;

/// A text without personal data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scrubbed {
    /// The text, with [`PLACEHOLDER`] for each removed value.
    pub text: String,
    /// Number of removed values. A removed fragment does not count.
    pub cuts: u32,
}

/// Removes e-mail addresses and phone numbers from free text.
pub fn scrub_text(text: &str) -> Scrubbed {
    if !may_hold_any(text) {
        return Scrubbed { text: text.to_owned(), cuts: 0 };
    }
    let units = decode(text);
    let mut pieces = email::find(&units);
    phone::find(&units, &mut pieces, phone::Numbers::Any);
    cut(text, &units, pieces)
}

/// Removes e-mail addresses and phone numbers from an identifier, such as a product's or an
/// experiment's. Identifiers are numbers too: only what has a plus sign or spaces is a phone number
/// here. An A/B test `9876543210` would be lost otherwise.
pub fn scrub_id(id: &str) -> Scrubbed {
    if !may_hold_any(id) {
        return Scrubbed { text: id.to_owned(), cuts: 0 };
    }
    let units = decode(id);
    let mut pieces = email::find(&units);
    phone::find(&units, &mut pieces, phone::Numbers::Written);
    cut(id, &units, pieces)
}

/// Whether a text holds an e-mail address, or the login of a URL.
pub fn holds_address(text: &str) -> bool {
    text.contains(['@', '%']) && !email::find(&decode(text)).is_empty()
}

/// Removes personal data from an absolute or relative URL, and its fragment, user name and password.
/// Control characters are removed too, as browsers do.
pub fn scrub_url(url: &str) -> Scrubbed {
    let clean: String;
    let mut url = url.trim();
    if url.contains(char::is_control) {
        clean = url.chars().filter(|c| !c.is_control()).collect();
        url = clean.trim();
    }
    let url = url.split('#').next().unwrap_or_default().trim_end();
    let (scheme, rest) = match url.split_once("//") {
        Some((scheme, rest)) if is_scheme(scheme) => (&url[..scheme.len() + 2], rest),
        _ => ("", url),
    };
    let authority_end = if scheme.is_empty() { 0 } else { rest.find(['/', '?', '\\']).unwrap_or(rest.len()) };
    match rest[..authority_end].rfind('@') {
        None => scrub_query(url),
        Some(at) => {
            // The URL without its login is scrubbed as a whole, because scheme and rest can form a new value.
            let inner = scrub_query(&format!("{scheme}{}", &rest[at + 1..]));
            Scrubbed { text: inner.text, cuts: inner.cuts + 1 }
        }
    }
}

/// Removes personal data from the text of a URL.
fn scrub_query(url: &str) -> Scrubbed {
    let units = decode(url);
    let pieces = field::find(&units);
    let named = cut(url, &units, pieces);
    let rest = scrub_text(&named.text);
    Scrubbed { text: rest.text, cuts: named.cuts + rest.cuts }
}

/// Whether a text can stand before the slashes of an authority: it is empty or a scheme such as
/// `https:`.
fn is_scheme(text: &str) -> bool {
    let name = text.strip_suffix(':');
    text.is_empty()
        || name.is_some_and(|name| {
            name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
        })
}

/// Whether a text needs decoding and a full search. This is cheap, and false for most texts: they have
/// no `@`, no percent sign and fewer than ten digits.
fn may_hold_any(text: &str) -> bool {
    const DIGITS_MIN: usize = 10;
    let mut digits = 0;
    text.bytes().any(|byte| {
        digits += usize::from(byte.is_ascii_digit());
        // A digit beyond ASCII has two or three bytes, so ten of them have at least twenty.
        digits += usize::from(!byte.is_ascii());
        matches!(byte, b'@' | b'%') || digits >= DIGITS_MIN
    })
}

fn cut(text: &str, units: &[Unit], mut pieces: Vec<Piece>) -> Scrubbed {
    pieces.sort_unstable_by_key(|piece| piece.start);
    let mut out = String::with_capacity(text.len());
    let (mut written, mut cuts) = (0, 0);
    for piece in pieces {
        let (start, end) = (units[piece.start].start, units[piece.end - 1].end);
        if start < written {
            // This piece overlaps the piece before it.
            written = written.max(end);
            continue;
        }
        out.push_str(&text[written..start]);
        out.push_str(PLACEHOLDER);
        written = end;
        cuts += 1;
    }
    out.push_str(&text[written..]);
    Scrubbed { text: out, cuts }
}

#[cfg(test)]
mod tests;
