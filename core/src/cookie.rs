//! The cookies `_fbp` and `_fbc`: reads them from `Cookie` headers and writes `Set-Cookie` headers
//! (RFC 6265). Names, lifetime and attributes follow Meta (ClickID and the fbp and fbc parameters).
//!
//! Safari keeps a cookie that a script wrote for seven days, or for one day after an ad click. A
//! cookie that came by HTTP from the shop's own domain lives its whole lifetime, if the address that
//! it came from resembles the page's (since Safari 16.4: 16 bits of IPv4, 64 bits of IPv6). So a
//! server on that domain writes both cookies again with each answer.
//!
//! No cookie library is used: only two known names are read and two fixed lines are written.
//! `core` also builds for the browser, where each dependency costs bytes.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use core::fmt;

use crate::click_id::{Fbc, Fbp, Seen, choose_fbc_at, is_public_suffix};

/// Name of the cookie with the browser ID.
pub const FBP: &str = "_fbp";
/// Name of the cookie with the click ID.
pub const FBC: &str = "_fbc";
/// Lifetime of both cookies from each time they are written, seconds (90 days).
pub const LIFE_S: u32 = 90 * 24 * 3600;

/// Longest domain, bytes (RFC 1035).
const DOMAIN_BYTES_MAX: usize = 253;
/// Longest part of a domain, bytes (RFC 1035).
const LABEL_BYTES_MAX: usize = 63;

/// The domain that cookies are set for: the shop's own, such as `shop.example`, with all its
/// subdomains.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CookieDomain(Box<str>);

/// Why cookies cannot be set for a text as domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CookieDomainError {
    /// The text is not a domain name.
    #[error("must be a domain alone, such as shop.example: no scheme, port or path")]
    NotADomain,
    /// The text is an IP address.
    #[error("must be a domain; browsers do not share the cookies of an IP address with other hosts")]
    Address,
    /// The text is a name without a dot, or a domain under which anybody can register names.
    #[error("must be the shop's own domain, such as shop.example; browsers refuse cookies for a suffix")]
    Suffix,
}

impl CookieDomain {
    /// Reads a domain in ASCII (punycode). A dot in front, as older servers wrote it, is dropped.
    /// The list of suffixes is short, so a browser can still refuse a domain that passes here.
    ///
    /// # Errors
    /// [`CookieDomainError::Address`] for an IP address, [`CookieDomainError::NotADomain`] for a text
    /// that is not a domain name, and [`CookieDomainError::Suffix`] for a public suffix.
    pub fn parse(text: &str) -> Result<Self, CookieDomainError> {
        let text = text.strip_prefix('.').unwrap_or(text);
        if text.starts_with('[') || text.parse::<core::net::IpAddr>().is_ok() {
            return Err(CookieDomainError::Address);
        }
        let is_label = |label: &str| {
            (1..=LABEL_BYTES_MAX).contains(&label.len())
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        if text.len() > DOMAIN_BYTES_MAX || !text.split('.').all(is_label) {
            return Err(CookieDomainError::NotADomain);
        }
        let top = text.rsplit('.').next().unwrap_or_default();
        if top.bytes().all(|b| b.is_ascii_digit()) {
            return Err(CookieDomainError::Address);
        }
        if is_public_suffix(text) {
            return Err(CookieDomainError::Suffix);
        }
        Ok(Self(text.to_ascii_lowercase().into()))
    }

    /// The domain, in lower case, without a dot in front.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a browser sends this domain's cookies to `host` (without port).
    pub fn covers(&self, host: &str) -> bool {
        let at = host.len().checked_sub(self.0.len());
        at.and_then(|at| Some((host.get(..at)?, host.get(at..)?))).is_some_and(|(below, domain)| {
            domain.eq_ignore_ascii_case(&self.0) && (below.is_empty() || below.ends_with('.'))
        })
    }

    /// Subdomain index of cookie values made for this domain: the number of its dots.
    pub fn subdomain_index(&self) -> u8 {
        u8::try_from(self.0.matches('.').count()).unwrap_or(u8::MAX)
    }
}

/// The two cookies of a browser; `None` for a cookie that it does not have.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MetaCookies {
    /// Browser ID (`_fbp`).
    pub fbp: Option<Fbp>,
    /// Click ID (`_fbc`).
    pub fbc: Option<Fbc>,
}

impl MetaCookies {
    /// Reads `Cookie` headers. A browser can send several cookies of one name, from other paths or
    /// domains. The first with a valid value counts.
    pub fn read<'a>(headers: impl Iterator<Item = &'a str>) -> Self {
        let mut found = Self::default();
        for (name, value) in headers.flat_map(|header| header.split(';')).filter_map(|c| c.split_once('=')) {
            match name.trim() {
                FBP => found.fbp = found.fbp.or_else(|| Fbp::parse(value.trim())),
                FBC => found.fbc = found.fbc.or_else(|| Fbc::parse(value.trim())),
                _ => {}
            }
        }
        found
    }

    /// The cookies that the browser should have after this visit. `named`: the values that the page
    /// sent; they win over the cookies, but a click keeps the earlier of the two times. `fbclid`:
    /// the click that led to the page; `seen`: when the page was visited; `random`: any number;
    /// `index`: the subdomain index of the domain that the cookies are written for. A missing browser ID is made. A click ID that is over 90 days old is dropped.
    pub fn after_visit(self, named: Self, fbclid: Option<&str>, seen: Seen, random: u32, index: u8) -> Self {
        let known = match (named.fbc, self.fbc) {
            (Some(named), Some(cookie))
                if cookie.is_of_click(named.payload()) && cookie.creation_ms() < named.creation_ms() =>
            {
                Some(cookie)
            }
            (named, cookie) => named.or(cookie),
        };
        Self {
            fbp: named.fbp.or(self.fbp).or_else(|| Some(Fbp::mint(random, seen.now_ms, index))),
            fbc: choose_fbc_at(known.as_ref().map(Fbc::as_str), fbclid, seen, index),
        }
    }

    /// The values of the `Set-Cookie` headers that write the cookies. They have no `HttpOnly`,
    /// because Meta's pixel must read them.
    pub fn set_cookie(&self, domain: &CookieDomain) -> impl Iterator<Item = String> {
        let fbc = self.fbc.as_ref().filter(|fbc| fbc.fits_cookie());
        let both = [(FBP, self.fbp.as_ref().map(Fbp::as_str)), (FBC, fbc.map(Fbc::as_str))];
        both.into_iter().filter_map(move |(name, value)| {
            let value = value?;
            Some(format!(
                "{name}={value}; Domain={}; Path=/; Max-Age={LIFE_S}; Secure; SameSite=Lax",
                domain.as_str()
            ))
        })
    }
}

impl fmt::Display for CookieDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: u64 = 1_700_000_000_000;

    fn domain() -> CookieDomain {
        CookieDomain::parse("shop.example").unwrap()
    }

    fn cookies(header: &str) -> MetaCookies {
        MetaCookies::read([header].into_iter())
    }

    /// The values of both cookies after a visit.
    fn after(cookie: &str, named: &str, fbclid: Option<&str>) -> (String, Option<String>) {
        let after = cookies(cookie).after_visit(
            cookies(named),
            fbclid,
            Seen::now(NOW),
            7,
            domain().subdomain_index(),
        );
        (after.fbp.unwrap().as_str().to_owned(), after.fbc.map(|fbc| fbc.as_str().to_owned()))
    }

    #[test]
    fn a_domain_is_one_that_browsers_take_cookies_for() {
        for (text, domain, index) in [
            ("shop.example", "shop.example", 1),
            (".Shop.Example", "shop.example", 1),
            ("shop.co.in", "shop.co.in", 2),
            ("asha.myshopify.com", "asha.myshopify.com", 2),
            ("xn--bcher-kva.example", "xn--bcher-kva.example", 1),
        ] {
            let parsed = CookieDomain::parse(text).unwrap();
            assert_eq!((parsed.as_str(), parsed.subdomain_index()), (domain, index), "{text}");
        }
        use CookieDomainError::{Address, NotADomain, Suffix};
        for (text, error) in [
            ("", NotADomain),
            ("https://shop.example", NotADomain),
            ("shop.example:443", NotADomain),
            ("shop.example/", NotADomain),
            ("shop..example", NotADomain),
            ("shop.example.", NotADomain),
            ("-shop.example", NotADomain),
            ("bücher.example", NotADomain),
            ("*.shop.example", NotADomain),
            ("shop.example; Secure", NotADomain),
            ("127.0.0.1", Address),
            ("1.2.3", Address),
            ("::1", Address),
            ("[::1]", Address),
            ("localhost", Suffix),
            ("com", Suffix),
            ("co.in", Suffix),
            ("myshopify.com", Suffix),
        ] {
            assert_eq!(CookieDomain::parse(text), Err(error), "{text}");
        }
    }

    #[test]
    fn a_domain_covers_itself_and_its_subdomains_alone() {
        for yes in ["shop.example", "www.shop.example", "a.b.SHOP.example"] {
            assert!(domain().covers(yes), "{yes}");
        }
        for no in
            ["evilshop.example", "shop.example.evil.example", "example", "", "é.example", "éshop.example"]
        {
            assert!(!domain().covers(no), "{no}");
        }
    }

    #[test]
    fn cookies_are_found_among_others_and_only_in_their_form() {
        let found = cookies("a=b; _fbp=garbage; _fbp=fb.1.1600000000000.1;_fbc=fb.1.1600000000000.AbC ; x");
        assert_eq!(found.fbp.unwrap().as_str(), "fb.1.1600000000000.1");
        assert_eq!(found.fbc.unwrap().as_str(), "fb.1.1600000000000.AbC");
        assert_eq!(cookies("_fbp=; x_fbp=fb.1.1600000000000.1; _fbc=fb.1.x.AbC"), MetaCookies::default());
        let two = MetaCookies::read(["_fbp=fb.1.1600000000000.1", "_fbc=fb.1.1600000000000.A"].into_iter());
        assert!(two.fbp.is_some() && two.fbc.is_some());
    }

    #[test]
    fn a_browser_id_is_made_once_and_a_click_keeps_its_time() {
        let made = "fb.1.1700000000000.1000000007";
        let (old_fbp, old) = ("fb.1.1699000000000.5", "fb.1.1699000000000.A");
        let cookie = format!("_fbp={old_fbp}; _fbc={old}");
        for (header, named, fbclid, fbp, fbc) in [
            ("", "", None, made, None),
            ("", "", Some("A"), made, Some("fb.1.1700000000000.A")),
            (cookie.as_str(), "", None, old_fbp, Some(old)),
            (&cookie, "", Some("A"), old_fbp, Some(old)),
            (&cookie, "", Some("B"), old_fbp, Some("fb.1.1700000000000.B")),
            // The page's value wins, but the click keeps its time.
            (&cookie, "_fbp=fb.1.1699900000000.6", None, "fb.1.1699900000000.6", Some(old)),
            (&cookie, "_fbc=fb.1.1699900000000.A", None, old_fbp, Some(old)),
            (&cookie, "_fbc=fb.1.1698000000000.A", None, old_fbp, Some("fb.1.1698000000000.A")),
            (&cookie, "_fbc=fb.1.1699900000000.C", None, old_fbp, Some("fb.1.1699900000000.C")),
            // Over 90 days.
            ("_fbc=fb.1.1600000000000.A", "", Some("A"), made, None),
            // Placeholders are neither kept nor written.
            ("_fbp=fb.1.1699000000000.abc; _fbc=fb.1.1699000000000.None", "", Some("[fbclid]"), made, None),
            ("", "_fbc=fb.1.1699000000000.null", Some("A"), made, Some("fb.1.1700000000000.A")),
        ] {
            let expected = (fbp.to_owned(), fbc.map(str::to_owned));
            assert_eq!(after(header, named, fbclid), expected, "{header} | {named} | {fbclid:?}");
        }
    }

    #[test]
    fn the_header_is_metas_cookie_for_the_whole_domain() {
        let set = |cookies: MetaCookies| cookies.set_cookie(&domain()).collect::<Vec<_>>();
        let both = cookies("_fbp=fb.1.1600000000000.1; _fbc=fb.1.1600000000000.AbC");
        let attributes = "Domain=shop.example; Path=/; Max-Age=7776000; Secure; SameSite=Lax";
        let expected = [
            format!("_fbp=fb.1.1600000000000.1; {attributes}"),
            format!("_fbc=fb.1.1600000000000.AbC; {attributes}"),
        ];
        assert_eq!(set(both), expected);
        assert_eq!(set(MetaCookies::default()), Vec::<String>::new());
        // Other readers would cut this click ID at the dot.
        let dotted = MetaCookies { fbc: crate::click_id::mint_fbc("A.BCD", NOW, 1), fbp: None };
        assert_eq!(set(dotted), Vec::<String>::new());
    }

    proptest! {
        /// For any input of a stranger, each `Set-Cookie` line holds one cookie that reads back.
        #[test]
        fn what_is_set_is_read_back(header in ".{0,80}", named in "_fb[pc]=fb\\.1\\.[0-9]{13}\\.\\PC{1,20}", fbclid in ".{0,30}") {
            let after = cookies(&header).after_visit(cookies(&named), Some(&fbclid), Seen::now(NOW), 1, domain().subdomain_index());
            for line in after.set_cookie(&domain()) {
                let suffix = "; Domain=shop.example; Path=/; Max-Age=7776000; Secure; SameSite=Lax";
                let pair = line.strip_suffix(suffix).unwrap();
                prop_assert!(pair.bytes().all(|b| b.is_ascii_graphic() && b != b';'));
                prop_assert!(cookies(pair) != MetaCookies::default(), "{}", pair);
            }
        }
    }
}
