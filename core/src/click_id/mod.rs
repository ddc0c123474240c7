//! `fbp` and `fbc`: Meta's browser ID and click ID (Meta, ClickID and the fbp and fbc
//! parameters).
//!
//! Both have the form `fb.<subdomain index>.<creation, Unix ms>.<payload>`. A fifth field can
//! follow: the appendix of Meta's param builder. Tandem sends them verbatim and unhashed.

use core::fmt;

use crate::hash::is_appendix;

/// Greatest age of an `fbc` that is sent, milliseconds: 90 days, the lifetime of the cookie.
pub const FBC_AGE_MAX_MS: u64 = 90 * 24 * 3600 * 1000;
/// Longest click ID that is accepted, bytes. Meta's client library ignores longer ones.
pub const FBCLID_BYTES_MAX: usize = 500;
/// Longest `fbp` or `fbc` that is accepted, bytes: the longest click ID and the other fields.
pub const COOKIE_BYTES_MAX: usize = FBCLID_BYTES_MAX + 50;
/// Subdomain index of a value that is not written as a cookie.
pub const SUBDOMAIN_INDEX_SERVER: u8 = 1;

/// Meta's browser ID: the value of the `_fbp` cookie.
#[derive(Clone, PartialEq, Eq)]
pub struct Fbp(Envelope);

/// Meta's click ID with the time when the click was first seen: the value of the `_fbc` cookie.
#[derive(Clone, PartialEq, Eq)]
pub struct Fbc(Envelope);

/// The form of both cookie values.
#[derive(Clone, PartialEq, Eq)]
struct Envelope {
    text: Box<str>,
    creation_ms: u64,
    /// Byte offset of the payload in `text`.
    payload_at: u16,
}

impl Envelope {
    fn parse(text: &str) -> Option<Self> {
        if text.len() > COOKIE_BYTES_MAX || text.split('.').count() > 5 {
            return None;
        }
        Self::read(text)
    }

    /// Reads a value like `parse`, but allows any number of dots in the payload.
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

    /// The text after the third dot.
    fn tail(&self) -> &str {
        &self.text[usize::from(self.payload_at)..]
    }

    /// The fourth field. If the text after the fourth dot is not an appendix, it belongs to the
    /// payload.
    fn payload(&self) -> &str {
        match self.tail().split_once('.') {
            Some((payload, appendix)) if is_appendix(appendix) => payload,
            _ => self.tail(),
        }
    }
}

impl Fbp {
    /// Reads the value of an `_fbp` cookie. `None` when it does not have the form of one.
    pub fn parse(text: &str) -> Option<Self> {
        Envelope::parse(text).map(Self)
    }

    /// Makes a new browser ID for a page whose pixel has made none. `random`: any number; `now_ms`:
    /// Unix milliseconds; `subdomain_index`: see [`subdomain_index`].
    pub fn mint(random: u32, now_ms: u64, subdomain_index: u8) -> Self {
        // Ten digits, like the random numbers of Meta's pixel.
        let payload = 1_000_000_000 + u64::from(random);
        let text = format!("fb.{subdomain_index}.{now_ms}.{payload}");
        let payload_at = u16::try_from(text.len() - 10).unwrap_or_default();
        Self(Envelope { text: text.into(), creation_ms: now_ms, payload_at })
    }

    /// The whole value, verbatim, e.g. `fb.1.1700000000000.1234567890`.
    pub fn as_str(&self) -> &str {
        &self.0.text
    }

    /// When the browser ID was made, Unix milliseconds.
    pub fn creation_ms(&self) -> u64 {
        self.0.creation_ms
    }

    /// The random number that identifies the browser.
    pub fn payload(&self) -> &str {
        self.0.payload()
    }
}

impl Fbc {
    /// Reads the value of an `_fbc` cookie. `None` when it does not have the form of one.
    pub fn parse(text: &str) -> Option<Self> {
        Envelope::parse(text).map(Self)
    }

    /// The whole value, verbatim, e.g. `fb.1.1700000000000.1234567890`.
    pub fn as_str(&self) -> &str {
        &self.0.text
    }

    /// When the click was first seen, Unix milliseconds.
    pub fn creation_ms(&self) -> u64 {
        self.0.creation_ms
    }

    /// The click ID: the `fbclid` parameter of the landing page.
    pub fn payload(&self) -> &str {
        self.0.payload()
    }

    /// Whether this value belongs to the click `fbclid`. Case counts.
    pub fn is_of_click(&self, fbclid: &str) -> bool {
        // A click ID with a dot can look like a click ID with an appendix, so both are compared.
        self.0.payload() == fbclid || self.0.tail() == fbclid
    }

    /// Whether the click is too old to be sent ([`FBC_AGE_MAX_MS`]). `now_ms`: Unix milliseconds. A
    /// time in the future is not too old.
    pub fn is_expired(&self, now_ms: u64) -> bool {
        now_ms.saturating_sub(self.0.creation_ms) > FBC_AGE_MAX_MS
    }

    /// Whether the value can be stored as a cookie. Other readers of the cookie would cut a click ID
    /// at a dot.
    pub fn fits_cookie(&self) -> bool {
        !self.0.payload().contains('.')
    }
}

/// Makes an `fbc` from the `fbclid` parameter of a page's URL. `now_ms`: when the click was seen,
/// Unix milliseconds. `None` when `fbclid` does not have the form of a click ID.
pub fn mint_fbc(fbclid: &str, now_ms: u64, subdomain_index: u8) -> Option<Fbc> {
    if fbclid.len() > FBCLID_BYTES_MAX {
        return None;
    }
    Envelope::read(&format!("fb.{subdomain_index}.{now_ms}.{fbclid}")).map(Fbc)
}

/// The `fbc` to send, from the browser's cookie and the `fbclid` parameter of the page's URL. If
/// the cookie belongs to that click, it keeps its time. If the cookie is then too old, the result
/// is `None`; the click never gets a new time. `now_ms`: when the click was seen, Unix
/// milliseconds.
pub fn choose_fbc(cookie: Option<&str>, fbclid: Option<&str>, now_ms: u64) -> Option<Fbc> {
    choose_fbc_at(cookie, fbclid, now_ms, SUBDOMAIN_INDEX_SERVER)
}

/// Like [`choose_fbc`], for a caller that writes the cookie and knows its [`subdomain_index`].
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

/// Second-level labels under which names belong to separate owners (`co` in `co.in`). Browsers
/// refuse cookies for such domains. The whole public suffix list has 300 kB, so only those that
/// shops use are here.
const SECOND_LEVELS: [&str; 20] = [
    "co", "com", "net", "org", "gov", "govt", "edu", "ac", "sch", "mil", "gen", "firm", "ind", "nic", "res",
    "info", "web", "ne", "or", "gob",
];
/// Domains of shop hosters. Browsers treat each as a public suffix.
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

/// The widest domain that a page of this host may set cookies for: `example.co.in` for
/// `shop.example.co.in:443`. IP addresses and single names stay unchanged; a port is dropped.
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

/// Whether names below this domain belong to separate owners, by the lists above.
pub(crate) fn is_public_suffix(domain: &str) -> bool {
    let Some((below, top)) = domain.split_once('.') else { return true };
    (top.len() == 2 && contains(&SECOND_LEVELS, below)) || contains(&SHARED_HOSTS, domain)
}

/// Number of dots in the host's cookie domain: 1 for `example.com`, 2 for `example.co.in`, 0 for
/// `localhost` and IP addresses.
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

/// Whether a payload is visible ASCII without the characters that a cookie cannot hold. Meta's own
/// IDs are base64url. `@` is refused, because it would let an unhashed e-mail address pass.
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
