//! `fbp` and `fbc`: Meta's browser ID and click ID (Meta, ClickID and the fbp and fbc
//! parameters).
//!
//! Both have the form `fb.<subdomain index>.<creation, Unix ms>.<payload>`. A fifth field can
//! follow: the appendix of Meta's param builder. Tandem sends them verbatim and unhashed, except that a time in
//! seconds or microseconds becomes milliseconds.

use alloc::boxed::Box;
use core::fmt;
use core::ops::Range;

use crate::cut::holds;

mod text;

pub use text::{COOKIE_BYTES_MAX, FBCLID_BYTES_MAX, fbclid_of, is_fbclid, page_cookies};

use text::{Fields, decimal, is_browser_number, is_click_id, joined, random_number};

/// Greatest age of an `fbc` that is sent, milliseconds: 90 days, the lifetime of the cookie.
pub const FBC_AGE_MAX_MS: u64 = 90 * 24 * 3600 * 1000;
/// Subdomain index of a value that is not written as a cookie.
pub const SUBDOMAIN_INDEX_SERVER: u8 = 1;

/// How much later than an event a click can be dated and still have led to it, milliseconds: browser and
/// server have clocks of their own.
const SKEW_MAX_MS: u64 = 10 * 60 * 1000;

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
    /// Where the payload is in `text`, bytes.
    payload: Range<usize>,
}

impl Envelope {
    /// Reads a value whose payload fits.
    fn parse(text: &str, fits: impl Fn(&str) -> bool) -> Option<Self> {
        let fields = Fields::read(text).filter(|fields| fits(fields.payload))?;
        let Fields { index, creation, payload, tail } = fields;
        let creation_ms = in_ms(creation);
        if creation_ms != creation {
            return Some(Self::of(index, creation_ms, tail, payload.len()));
        }
        let start = text.len() - tail.len();
        Some(Self { text: text.into(), creation_ms, payload: start..start + payload.len() })
    }

    /// Writes a value. The first bytes of `tail` are the payload, and the appendix follows.
    fn of(index: &str, creation_ms: u64, tail: &str, payload_bytes: usize) -> Self {
        let text = joined(index, creation_ms, tail).into_boxed_str();
        let start = text.len() - tail.len();
        Self { text, creation_ms, payload: start..start + payload_bytes }
    }

    fn payload(&self) -> &str {
        self.text.get(self.payload.clone()).unwrap_or_default()
    }
}

/// A cookie's time in milliseconds. Some shops write seconds or microseconds. Read as milliseconds, such
/// times are before 1973, when nobody clicked on ads, or thousands of years away.
fn in_ms(time: u64) -> u64 {
    match time {
        1_000_000_000..100_000_000_000 => time * 1000,
        1_000_000_000_000_000.. => time / 1000,
        _ => time,
    }
}

impl Fbp {
    /// Reads the value of an `_fbp` cookie. `None` when it does not have the form of one. The payload is a
    /// random number (Meta, ClickID and the fbp and fbc parameters); other texts are placeholders.
    pub fn parse(text: &str) -> Option<Self> {
        Envelope::parse(text, is_browser_number).map(Self)
    }

    /// Makes a new browser ID for a page whose pixel has made none. `random`: any number; `now_ms`:
    /// Unix milliseconds; `subdomain_index`: see [`subdomain_index`].
    pub fn mint(random: u32, now_ms: u64, subdomain_index: u8) -> Self {
        let payload = random_number(random);
        Self(Envelope::of(&decimal(subdomain_index.into()), now_ms, &payload, payload.len()))
    }

    /// The whole value, e.g. `fb.1.1700000000000.1234567890`: verbatim, but its time is in milliseconds.
    pub fn as_str(&self) -> &str {
        &self.0.text
    }

    /// When the browser ID was made, Unix milliseconds.
    pub fn creation_ms(&self) -> u64 {
        self.0.creation_ms
    }

    /// What recognises the browser of an `fbp`: its time and random number. Meta's param builder on the shop's
    /// server adds its appendix to the value of the page, and the subdomain index says where the cookie was set.
    /// Another text recognises itself.
    #[cfg(feature = "full")]
    pub(crate) fn recognised(text: &str) -> String {
        Self::parse(text).map_or_else(
            || text.to_owned(),
            |fbp| format!("fb.{SUBDOMAIN_INDEX_SERVER}.{}.{}", fbp.creation_ms(), fbp.payload()),
        )
    }

    /// The random number that identifies the browser.
    pub fn payload(&self) -> &str {
        self.0.payload()
    }
}

impl Fbc {
    /// Reads the value of an `_fbc` cookie. `None` when it does not have the form of one, or holds a
    /// placeholder in place of a click ID.
    pub fn parse(text: &str) -> Option<Self> {
        Envelope::parse(text, is_click_id).map(Self)
    }

    /// The whole value, e.g. `fb.1.1700000000000.IwAR0`: verbatim, but its time is in milliseconds.
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
        self.0.payload() == fbclid
    }

    /// Whether the click is too old to be sent ([`FBC_AGE_MAX_MS`]). `now_ms`: Unix milliseconds. A
    /// time in the future is not too old.
    pub fn is_expired(&self, now_ms: u64) -> bool {
        now_ms.saturating_sub(self.0.creation_ms) > FBC_AGE_MAX_MS
    }

    /// Whether the value can be stored as a cookie. Other readers of the cookie would cut a click ID
    /// at a dot.
    pub fn fits_cookie(&self) -> bool {
        !holds(self.0.payload(), b'.')
    }

    /// The value for an event at `event_ms`, Unix milliseconds. A click that the server dated by a visit after
    /// the event gets the time of the event. The server dates clicks by whole seconds; a browser's own
    /// times stay as they are.
    #[must_use]
    pub fn at_event(self, event_ms: u64) -> Self {
        let made = self.0.creation_ms;
        if made <= event_ms || !made.is_multiple_of(1000) {
            return self;
        }
        let index = self.0.text.split('.').nth(1).unwrap_or_default();
        Self(Envelope::of(index, event_ms, &self.0.text[self.0.payload.start..], self.0.payload.len()))
    }

    /// Whether the click came after an event, so that it did not lead to it. A time in the future is a wrong
    /// clock, and says nothing.
    fn is_after(&self, seen: Seen) -> bool {
        let made = self.0.creation_ms;
        made > seen.at_ms.saturating_add(SKEW_MAX_MS) && made <= seen.now_ms.saturating_add(SKEW_MAX_MS)
    }
}

/// When a page was visited, and when its report came in. Unix milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// The time of the visit. A click that nobody has dated gets it: then its ID was first observed
    /// (Meta, ClickID and the fbp and fbc parameters).
    pub at_ms: u64,
    /// The current time. It decides which clicks are too old.
    pub now_ms: u64,
}

impl Seen {
    /// A visit that is reported at once.
    pub fn now(now_ms: u64) -> Self {
        Self { at_ms: now_ms, now_ms }
    }
}

/// Makes an `fbc` from the `fbclid` parameter of a page's URL. `seen_ms`: when the click was seen,
/// Unix milliseconds. `None` when `fbclid` does not have the form of a click ID.
pub fn mint_fbc(fbclid: &str, seen_ms: u64, subdomain_index: u8) -> Option<Fbc> {
    is_fbclid(fbclid)
        .then(|| Fbc(Envelope::of(&decimal(subdomain_index.into()), seen_ms, fbclid, fbclid.len())))
}

/// The `fbc` to send, from the browser's cookie and the `fbclid` parameter of the page's URL. If
/// the cookie belongs to that click, it keeps its time. If the cookie is then too old, the result
/// is `None`; the click never gets a new time. A cookie of a later click than the visit is left out.
/// An `fbclid` that is a whole `fbc` is read as one.
pub fn choose_fbc(cookie: Option<&str>, fbclid: Option<&str>, seen: Seen) -> Option<Fbc> {
    choose_fbc_at(cookie, fbclid, seen, SUBDOMAIN_INDEX_SERVER)
}

/// Like [`choose_fbc`], for a caller that writes the cookie and knows its [`subdomain_index`].
pub fn choose_fbc_at(
    cookie: Option<&str>,
    fbclid: Option<&str>,
    seen: Seen,
    subdomain_index: u8,
) -> Option<Fbc> {
    let known = cookie.and_then(Fbc::parse).filter(|known| !known.is_after(seen));
    let click = fbclid.and_then(|click| match click.strip_prefix("fb.") {
        Some(_) => Fbc::parse(click).filter(|fbc| !fbc.is_after(seen)),
        None => mint_fbc(click, seen.at_ms, subdomain_index),
    });
    let is_known = |click: &Fbc| known.as_ref().is_some_and(|known| known.is_of_click(click.payload()));
    let fresh = click.filter(|click| !is_known(click));
    fresh.or(known).filter(|fbc| !fbc.is_expired(seen.now_ms))
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
