//! Cutting personal data out of URLs and free text.
//!
//! E-mail- and phone-shaped values are replaced by [`PLACEHOLDER`] wherever they stand:
//! in a path, in any query parameter, percent-encoded any number of times, in a URL
//! inside a URL. URLs lose their fragment, user name and password as well. Everything
//! else stays as it was written, byte for byte.
//!
//! What counts as a phone number is narrow, because click IDs, order IDs, prices, dates
//! and timestamps are numbers too: see `phone`. The work grows linearly with the text.

mod decoded;
mod email;
mod phone;

use decoded::{Piece, Unit, decode};

/// Stands where something was cut. Its brackets are part of no e-mail address and no
/// number, so nothing new can form around it, and they may stand in a URL.
pub const PLACEHOLDER: &str = "(removed)";

/// A text without personal data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scrubbed {
    /// What is left.
    pub text: String,
    /// How many values were cut out. A dropped fragment does not count.
    pub cuts: u32,
}

/// Cuts personal data out of free text.
pub fn scrub_text(text: &str) -> Scrubbed {
    if !may_hold_any(text) {
        return Scrubbed { text: text.to_owned(), cuts: 0 };
    }
    let units = decode(text);
    let mut pieces = email::find(&units);
    phone::find(&units, &mut pieces);
    cut(text, &units, pieces)
}

/// Cuts personal data out of a URL, absolute or relative, and drops its fragment, user
/// name and password. Control characters go too, as browsers do it.
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
        None => scrub_text(url),
        Some(at) => {
            // The whole is looked at, not the rest alone: without its login it may read otherwise.
            let inner = scrub_text(&format!("{scheme}{}", &rest[at + 1..]));
            Scrubbed { text: inner.text, cuts: inner.cuts + 1 }
        }
    }
}

/// What may stand before the slashes of an authority: nothing, or `https:` and the like.
fn is_scheme(text: &str) -> bool {
    let name = text.strip_suffix(':');
    text.is_empty()
        || name.is_some_and(|name| {
            name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
        })
}

/// A cheap look that lets most texts pass without decoding: neither an `@` nor ten
/// digits, nor a percent sign that could hide them.
fn may_hold_any(text: &str) -> bool {
    const DIGITS_MIN: usize = 10;
    let mut digits = 0;
    text.bytes().any(|byte| {
        digits += usize::from(byte.is_ascii_digit());
        // A digit beyond ASCII has three bytes or two; ten of them need twenty.
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
            // Overlaps the piece before it.
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
