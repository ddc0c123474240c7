//! The form of `fbp` and `fbc` as text, without an allocation for reading it. A page's own cookies need no more, and the
//! browser package has this file and not the types.

use alloc::string::String;

use crate::cut::{cut, pieces};
use crate::hash::is_appendix;
use crate::placeholder::is_no_click;

/// Longest click ID that is accepted, bytes. Meta's client library ignores longer ones.
pub const FBCLID_BYTES_MAX: usize = 500;
/// Longest `fbp` or `fbc` that is accepted, bytes: the longest click ID and the other fields.
pub const COOKIE_BYTES_MAX: usize = FBCLID_BYTES_MAX + 50;

/// The fields of a cookie value.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a> {
    pub(super) index: &'a str,
    pub(super) creation: u64,
    pub(super) payload: &'a str,
    /// The payload with the appendix.
    pub(super) tail: &'a str,
}

impl<'a> Fields<'a> {
    /// Reads a value of any payload. A fifth field must be an appendix. Meta's param builder refuses
    /// others too, for example `fb.1.1699000000000.9998.AbC`, whose time was written with a fraction.
    pub(super) fn read(text: &'a str) -> Option<Self> {
        let (prefix, rest) = cut(text, b'.')?;
        let (index, rest) = cut(rest, b'.')?;
        let (creation, tail) = cut(rest, b'.')?;
        let payload = match cut(tail, b'.') {
            Some((payload, appendix)) if is_appendix(appendix) => payload,
            Some(_) => return None,
            None => tail,
        };
        let is_valid = text.len() <= COOKIE_BYTES_MAX
            && prefix == "fb"
            && is_number(index, 3)
            && is_number(creation, 16);
        is_valid.then(|| {
            // At most 16 digits: no overflow.
            let creation = creation.bytes().fold(0, |number, digit| number * 10 + u64::from(digit - b'0'));
            Self { index, creation, payload, tail }
        })
    }
}

/// The cookies that a page writes, `_fbp` and `_fbc`, from the values that it has (or empty texts), the click that led to
/// it (or an empty text) and the subdomain index of the cookies. An empty `_fbc` is not written. A missing browser ID
/// is made from `random`. A click keeps the time at which it was first seen, and another click takes its place.
///
/// These are the rules of `Fbp` and `choose_fbc_at`. A browser drops a cookie that is too old by itself.
pub fn page_cookies(
    fbp: &str,
    fbc: &str,
    click: &str,
    now_ms: u64,
    subdomain_index: u8,
    random: u32,
) -> (String, String) {
    let index = &*decimal(subdomain_index.into());
    let fbp = match Fields::read(fbp) {
        Some(known) if is_browser_number(known.payload) => String::from(fbp),
        _ => joined(index, now_ms, &random_number(random)),
    };
    let known = Fields::read(fbc).filter(|known| is_click_id(known.payload));
    let fbc = match known {
        Some(known) if known.payload == click || !is_click_id(click) => fbc,
        _ if is_click_id(click) => return (fbp, joined(index, now_ms, click)),
        _ => "",
    };
    (fbp, fbc.into())
}

/// Ten digits, like the random numbers of Meta's pixel.
pub(super) fn random_number(random: u32) -> String {
    decimal(1_000_000_000 + u64::from(random))
}

/// A cookie value.
pub(super) fn joined(index: &str, creation_ms: u64, tail: &str) -> String {
    let mut text = String::with_capacity(COOKIE_BYTES_MAX);
    for (field, end) in [("fb", "."), (index, "."), (&*decimal(creation_ms), "."), (tail, "")] {
        text.push_str(field);
        text.push_str(end);
    }
    text
}

/// The first usable click ID in the addresses of pages, else the first one at all: the server counts what is unusable.
/// The values are as they stand in the addresses. A percent sign stands in no click ID, so nothing is decoded.
pub fn fbclid_of<'a>(addresses: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let mut first = None;
    for address in addresses {
        let address = cut(address, b'#').map_or(address, |(address, _)| address);
        let mut rest = cut(address, b'?').map(|(_, query)| query);
        while let Some(query) = rest {
            let (pair, after) = cut(query, b'&').map_or((query, None), |(pair, after)| (pair, Some(after)));
            rest = after;
            let Some(click) = pair.strip_prefix("fbclid=").filter(|click| !click.is_empty()) else {
                continue;
            };
            if is_fbclid(click) {
                return Some(click);
            }
            if click.len() <= FBCLID_BYTES_MAX {
                first = first.or(Some(click));
            }
        }
    }
    first
}

/// Whether an `fbclid` parameter can be a click ID: base64url, or dots in it, no longer than
/// [`FBCLID_BYTES_MAX`], and no placeholder. Meta refuses an event with other characters (error 100/2804001).
pub fn is_fbclid(text: &str) -> bool {
    text.len() <= FBCLID_BYTES_MAX && pieces(text, b'.').all(is_click_id)
}

/// A number as decimal text. The formatting of the standard library would be a tenth of the browser package.
pub(super) fn decimal(number: u64) -> String {
    let mut digits = if number > 9 { decimal(number / 10) } else { String::new() };
    digits.push(char::from(b'0' + (number % 10) as u8));
    digits
}

pub(super) fn is_number(field: &str, digits_max: usize) -> bool {
    (1..=digits_max).contains(&field.len()) && field.bytes().all(|b| b.is_ascii_digit())
}

/// Whether a text has the alphabet of Meta's click IDs (base64url) and is no placeholder.
pub(super) fn is_click_id(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
        && !is_no_click(text)
}

/// Whether a text is the random number of a browser ID. Meta's libraries make up to 18 digits.
pub(super) fn is_browser_number(text: &str) -> bool {
    is_number(text, 32) && text.bytes().any(|b| b != b'0')
}
