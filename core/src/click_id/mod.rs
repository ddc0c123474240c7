//! `fbp` and `fbc`: Meta's browser ID and click ID (Meta, ClickID and the fbp and fbc
//! parameters).
//!
//! Both are `fb.<subdomain index>.<creation, Unix ms>.<payload>`, and may carry a fifth
//! field, the appendix of Meta's param builder. They travel verbatim and unhashed; Tandem
//! reads them and adds nothing to them.

use core::fmt;

use crate::hash::is_appendix;

/// Oldest `fbc` that is sent, milliseconds (the cookie's life: 90 days).
pub const FBC_AGE_MAX_MS: u64 = 90 * 24 * 3600 * 1000;
/// Longest click ID taken, bytes (Meta's client library ignores longer ones).
pub const FBCLID_BYTES_MAX: usize = 500;
/// Longest `fbp` or `fbc` taken, bytes: a click ID and what stands around it.
pub const COOKIE_BYTES_MAX: usize = FBCLID_BYTES_MAX + 50;
/// Subdomain index of a value that no cookie was written for.
pub const SUBDOMAIN_INDEX_SERVER: u8 = 1;

/// Meta's browser ID, as the `_fbp` cookie holds it.
#[derive(Clone, PartialEq, Eq)]
pub struct Fbp(Envelope);

/// Meta's click ID with the time it was first seen, as the `_fbc` cookie holds it.
#[derive(Clone, PartialEq, Eq)]
pub struct Fbc(Envelope);

/// The form both have.
#[derive(Clone, PartialEq, Eq)]
struct Envelope {
    text: Box<str>,
    creation_ms: u64,
    /// Where the payload begins.
    payload_at: u16,
}

impl Envelope {
    fn parse(text: &str) -> Option<Self> {
        if text.len() > COOKIE_BYTES_MAX || text.split('.').count() > 5 {
            return None;
        }
        Self::read(text)
    }

    /// As `parse`, but the payload may hold any number of dots.
    fn read(text: &str) -> Option<Self> {
        let mut fields = text.splitn(4, '.');
        let (prefix, index, creation) = (fields.next()?, fields.next()?, fields.next()?);
        let payload = fields.next()?;
        let fits = prefix == "fb"
            && is_number(index, 3)
            && is_number(creation, 16)
            && is_payload(payload)
            && payload.split('.').all(|field| !field.is_empty());
        let envelope = || {
            Some(Self {
                creation_ms: creation.parse().ok()?,
                payload_at: u16::try_from(text.len() - payload.len()).ok()?,
                text: text.into(),
            })
        };
        if fits { envelope() } else { None }
    }

    /// Everything behind the third dot.
    fn tail(&self) -> &str {
        &self.text[usize::from(self.payload_at)..]
    }

    /// The fourth field. A fifth that has the form of no appendix belongs to it: then the
    /// dot is the payload's own.
    fn payload(&self) -> &str {
        match self.tail().split_once('.') {
            Some((payload, appendix)) if is_appendix(appendix) => payload,
            _ => self.tail(),
        }
    }
}

impl Fbp {
    /// Reads a cookie's value. `None` unless it has the form of one.
    pub fn parse(text: &str) -> Option<Self> {
        Envelope::parse(text).map(Self)
    }

    /// Makes a new browser ID for a page whose pixel has made none. `random`: any number.
    pub fn mint(random: u32, now_ms: u64, subdomain_index: u8) -> Self {
        // Ten digits, as the pixel's own.
        let payload = 1_000_000_000 + u64::from(random);
        let text = format!("fb.{subdomain_index}.{now_ms}.{payload}");
        let payload_at = u16::try_from(text.len() - 10).unwrap_or_default();
        Self(Envelope { text: text.into(), creation_ms: now_ms, payload_at })
    }

    /// The value, verbatim.
    pub fn as_str(&self) -> &str {
        &self.0.text
    }

    /// When it was made, Unix milliseconds.
    pub fn creation_ms(&self) -> u64 {
        self.0.creation_ms
    }

    /// The random number.
    pub fn payload(&self) -> &str {
        self.0.payload()
    }
}

impl Fbc {
    /// Reads a cookie's value. `None` unless it has the form of one.
    pub fn parse(text: &str) -> Option<Self> {
        Envelope::parse(text).map(Self)
    }

    /// The value, verbatim.
    pub fn as_str(&self) -> &str {
        &self.0.text
    }

    /// When the click was first seen, Unix milliseconds.
    pub fn creation_ms(&self) -> u64 {
        self.0.creation_ms
    }

    /// The click ID (`fbclid`).
    pub fn payload(&self) -> &str {
        self.0.payload()
    }

    /// Whether it is of this click. Case counts.
    pub fn is_of_click(&self, fbclid: &str) -> bool {
        // A click ID with a dot could be taken for one with an appendix.
        self.0.payload() == fbclid || self.0.tail() == fbclid
    }

    /// Whether it is too old to be sent. One from the future is not.
    pub fn is_expired(&self, now_ms: u64) -> bool {
        now_ms.saturating_sub(self.0.creation_ms) > FBC_AGE_MAX_MS
    }

    /// Whether it may be stored as a cookie: other readers would take a dot in the click
    /// ID for the end of it.
    pub fn fits_cookie(&self) -> bool {
        !self.0.payload().contains('.')
    }
}

/// Makes an `fbc` from the `fbclid` parameter of a page's address. `now_ms`: when the
/// click was seen, Unix milliseconds. `None` for what is no click ID.
pub fn mint_fbc(fbclid: &str, now_ms: u64, subdomain_index: u8) -> Option<Fbc> {
    if fbclid.len() > FBCLID_BYTES_MAX {
        return None;
    }
    Envelope::read(&format!("fb.{subdomain_index}.{now_ms}.{fbclid}")).map(Fbc)
}

/// The `fbc` to send, from what the browser brought: its cookie, and the `fbclid` of the
/// page's address. A cookie of that click is kept with its time, and is gone when it is
/// too old: it is never dated anew. `now_ms`: when the click was seen, Unix milliseconds.
pub fn choose_fbc(cookie: Option<&str>, fbclid: Option<&str>, now_ms: u64) -> Option<Fbc> {
    choose_fbc_at(cookie, fbclid, now_ms, SUBDOMAIN_INDEX_SERVER)
}

/// As [`choose_fbc`], for a page that writes the cookie itself and knows its
/// [`subdomain_index`].
pub fn choose_fbc_at(
    cookie: Option<&str>,
    fbclid: Option<&str>,
    now_ms: u64,
    subdomain_index: u8,
) -> Option<Fbc> {
    let known = cookie.and_then(Fbc::parse);
    let fresh = match (&known, fbclid) {
        (Some(known), Some(click)) if known.is_of_click(click) => None,
        (_, Some(click)) => mint_fbc(click, now_ms, subdomain_index),
        (_, None) => None,
    };
    fresh.or(known).filter(|fbc| !fbc.is_expired(now_ms))
}

/// Endings below which names are sold or given to separate owners. Browsers refuse
/// cookies for these. Not the public suffix list (300 kB), but what shops sit on.
const SECOND_LEVELS: [&str; 20] = [
    "co", "com", "net", "org", "gov", "govt", "edu", "ac", "sch", "mil", "gen", "firm", "ind", "nic", "res",
    "info", "web", "ne", "or", "gob",
];
/// Hosts of many shops, each a public suffix of its own.
const SHARED_HOSTS: [&str; 14] = [
    "myshopify.com",
    "mybigcommerce.com",
    "wixsite.com",
    "webflow.io",
    "github.io",
    "gitlab.io",
    "netlify.app",
    "vercel.app",
    "pages.dev",
    "workers.dev",
    "web.app",
    "firebaseapp.com",
    "herokuapp.com",
    "blogspot.com",
];

/// The widest domain a page of this host may set cookies for: `example.co.in` for
/// `shop.example.co.in:443`. Addresses and single names stay what they are.
pub fn cookie_domain(host: &str) -> &str {
    let host = without_port(host);
    if host.starts_with('[') || host.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        return host;
    }
    let mut dots = host.rmatch_indices('.').map(|(at, _)| at);
    let (Some(_), Some(second)) = (dots.next(), dots.next()) else { return host };
    let suffix = &host[second + 1..];
    if is_public_suffix(suffix) { dots.next().map_or(host, |third| &host[third + 1..]) } else { suffix }
}

/// Whether names below this domain belong to separate owners, as far as the lists above know.
pub(crate) fn is_public_suffix(domain: &str) -> bool {
    let Some((below, top)) = domain.split_once('.') else { return true };
    (top.len() == 2 && contains(&SECOND_LEVELS, below)) || contains(&SHARED_HOSTS, domain)
}

/// Number of the cookie domain's dots: `example.com` 1, `example.co.in` 2, `localhost`
/// and addresses 0.
pub fn subdomain_index(host: &str) -> u8 {
    let domain = cookie_domain(host);
    if domain.starts_with('[') || domain.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        return 0;
    }
    u8::try_from(domain.matches('.').count()).unwrap_or(u8::MAX)
}

fn without_port(host: &str) -> &str {
    let end = match host.rfind(']') {
        Some(bracket) => bracket + 1,
        None => host.find(':').unwrap_or(host.len()),
    };
    host[..end].trim_end_matches('.')
}

fn contains(list: &[&str], text: &str) -> bool {
    list.iter().any(|entry| entry.eq_ignore_ascii_case(text))
}

fn is_number(field: &str, digits_max: usize) -> bool {
    (1..=digits_max).contains(&field.len()) && field.bytes().all(|b| b.is_ascii_digit())
}

/// Visible ASCII without what a cookie cannot hold. Meta's own IDs are base64url; an `@`
/// would let an e-mail address through unhashed.
fn is_payload(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic() && !b"@\"\\,;<>".contains(&b))
}

impl fmt::Debug for Fbp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fbp(..)")
    }
}

impl fmt::Debug for Fbc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fbc(..)")
    }
}

#[cfg(test)]
mod tests;
