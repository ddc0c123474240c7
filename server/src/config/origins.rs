//! The origins of the shop's pages. Whatever compares an origin or a page's address with the shop's
//! asks here, so that a wildcard means the same everywhere.

use std::fmt;

use tandem_core::cookie::CookieDomain;
use tandem_core::page_url::PageUrl;
use tandem_settings::is_loopback;
use tandem_settings::values::list;
use url::Url;

/// Stands for one label in front of a name, as in `https://*.shop.example`.
const ANY_LABEL: &str = "*.";
/// Takes the wildcard's place where an address must be a whole one.
const SOME_LABEL: &str = "any.";

/// Longest origin, bytes: a scheme, the longest name of a host (RFC 1035: 253) and a port.
const ORIGIN_BYTES_MAX: usize = 270;

/// Origins of the shop's pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origins {
    /// This machine's own names, with any scheme and port. This is the default, for trials.
    Loopback,
    /// These origins. There is at least one.
    Listed(Vec<ListedOrigin>),
}

/// One origin of a list, or all origins that differ in their first label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedOrigin {
    /// Scheme, host and port. Of a wildcard, the label's place is taken by [`SOME_LABEL`].
    url: Url,
    is_wildcard: bool,
}

/// The origin of a page: scheme, host and port, and nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(Url);

impl Origin {
    /// Reads an `Origin` header. Browsers write an origin in one form (RFC 6454, section 6.2): what has a path, a
    /// query, a login or a default port comes from none. `null` is nobody's origin.
    pub fn parse(header: &str) -> Option<Self> {
        if header.len() > ORIGIN_BYTES_MAX {
            return None;
        }
        let url = Url::parse(header).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
        (url.origin().ascii_serialization() == header).then_some(Self(url))
    }

    /// The origin of a page.
    pub fn of(page: &Url) -> Option<Self> {
        Self::parse(&page.origin().ascii_serialization())
    }

    /// The address of the origin's first page.
    pub fn page(&self) -> Option<PageUrl> {
        PageUrl::clean(self.0.as_str()).map(|(page, _)| page)
    }

    pub fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }
}

impl Origins {
    /// Reads a comma-separated list of origins such as `https://shop.example`.
    pub fn parse(text: &str) -> Result<Self, String> {
        list(text, ListedOrigin::parse).map(Self::Listed)
    }

    /// Whether pages of this origin may be served.
    pub fn allows(&self, origin: &Origin) -> bool {
        match self {
            Self::Listed(list) => list.iter().any(|listed| listed.allows(&origin.0)),
            Self::Loopback => is_loopback(&origin.0),
        }
    }

    /// Whether a page's address lies on a listed origin or on a subdomain of one. Without a list,
    /// every address does.
    pub fn covers(&self, page: &Url) -> bool {
        let Self::Listed(list) = self else { return true };
        list.iter().any(|listed| listed.covers(page))
    }
}

impl ListedOrigin {
    fn parse(text: &str) -> Result<Self, String> {
        let hint = |why: &str| {
            format!(
                "{text:?} {why}; write scheme and host, such as https://shop.example or https://*.shop.example"
            )
        };
        let (whole, is_wildcard) = match text.split_once("://") {
            Some((scheme, rest)) if rest.starts_with(ANY_LABEL) => {
                (format!("{scheme}://{SOME_LABEL}{}", &rest[ANY_LABEL.len()..]), true)
            }
            _ => (text.to_owned(), false),
        };
        if whole.contains('*') {
            return Err(hint("has a * that is not its whole first label"));
        }
        let url = Url::parse(&whole).map_err(|_| hint("is not an origin"))?;
        let plain = matches!(url.scheme(), "http" | "https")
            && url.host().is_some()
            && url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none();
        if !plain {
            return Err(hint("is not an origin"));
        }
        let listed = Self { url, is_wildcard };
        if is_wildcard && !is_loopback(&listed.url) && CookieDomain::parse(listed.name()).is_err() {
            return Err(hint("allows names that anybody can register"));
        }
        Ok(listed)
    }

    /// The host, of a wildcard without its first label.
    fn name(&self) -> &str {
        let host = self.url.host_str().unwrap_or_default();
        if self.is_wildcard { host.strip_prefix(SOME_LABEL).unwrap_or(host) } else { host }
    }

    fn allows(&self, origin: &Url) -> bool {
        let same_place = origin.scheme() == self.url.scheme()
            && origin.port_or_known_default() == self.url.port_or_known_default();
        same_place && origin.host_str().is_some_and(|host| self.rest_before(host) == Some(""))
    }

    fn covers(&self, page: &Url) -> bool {
        let rest = page.host_str().and_then(|host| self.rest_before(host));
        rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    }

    /// What stands in `host` before this origin's host. `None`: `host` does not end like it.
    fn rest_before<'a>(&self, host: &'a str) -> Option<&'a str> {
        let rest = host.strip_suffix(self.name())?;
        if !self.is_wildcard {
            return Some(rest);
        }
        let labels = rest.strip_suffix('.').filter(|labels| !labels.is_empty() && !labels.ends_with('.'))?;
        Some(labels.rfind('.').map_or("", |dot| &labels[..=dot]))
    }

    /// The address of a page, where there is one: not for a wildcard, nor for this machine's names.
    pub(super) fn page(&self) -> Option<PageUrl> {
        let is_one = !self.is_wildcard && !is_loopback(&self.url);
        PageUrl::clean(self.url.as_str()).filter(|_| is_one).map(|(page, _)| page)
    }

    /// Whether its pages can have cookies of this domain.
    pub fn is_under(&self, domain: &CookieDomain) -> bool {
        self.url.host_str().is_some_and(|host| domain.covers(host))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.origin().ascii_serialization())
    }
}

impl fmt::Display for ListedOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.url.origin().ascii_serialization();
        match self.is_wildcard {
            true => f.write_str(&text.replacen(SOME_LABEL, ANY_LABEL, 1)),
            false => f.write_str(&text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn allows(origins: &Origins, header: &str) -> bool {
        Origin::parse(header).is_some_and(|origin| origins.allows(&origin))
    }

    #[test]
    fn loopback_origins_are_the_default_and_null_never_is_one() {
        let origins = Origins::Loopback;
        for yes in ["http://localhost", "http://localhost:8090", "https://127.8.9.1:1", "http://[::1]:3000"] {
            assert!(allows(&origins, yes), "{yes}");
        }
        for no in ["null", "", "http://localhost.evil.example", "http://10.0.0.1", "file:///etc/passwd"] {
            assert!(!allows(&origins, no), "{no}");
        }
    }

    #[test]
    fn a_list_replaces_the_default_and_is_exact() {
        let origins = Origins::parse("https://shop.example, http://localhost:3000").unwrap();
        assert!(allows(&origins, "https://shop.example"));
        for no in ["http://shop.example", "https://www.shop.example", "http://localhost:3001", "null"] {
            assert!(!allows(&origins, no), "{no}");
        }
    }

    #[test]
    fn what_no_browser_writes_is_no_origin() {
        for no in [
            "https://shop.example/",
            "https://shop.example/?email=asha@example.com",
            "https://shop.example?x",
            "https://shop.example#x",
            "https://asha:pass@shop.example",
            "https://shop.example:443",
            "https://Shop.example",
            " https://shop.example",
            "https:shop.example",
            "https:\\\\shop.example",
            "ftp://shop.example",
            "null",
            "",
        ] {
            assert_eq!(Origin::parse(no), None, "{no}");
        }
        let origin = Origin::parse("https://shop.example:8443").unwrap();
        assert_eq!(origin.page().unwrap().as_str(), "https://shop.example:8443/");
    }

    #[test]
    fn a_wildcard_is_one_label() {
        let origins = Origins::parse("https://shop.example,https://*.example.in,http://*.test.example:8080");
        let origins = origins.unwrap();
        for yes in [
            "https://shop.example",
            "https://www.example.in",
            "https://www2.example.in",
            "https://any.example.in",
            "http://a.test.example:8080",
        ] {
            assert!(allows(&origins, yes), "{yes}");
        }
        for no in [
            "https://example.in",
            "https://a.b.example.in",
            "https://.example.in",
            "https://evilexample.in",
            "https://www.example.in.evil.example",
            "http://www.example.in",
            "https://www.example.in:8443",
            "http://a.test.example",
            "https://*.shop.example",
            "https://www.shop.example",
            "null",
        ] {
            assert!(!allows(&origins, no), "{no}");
        }
    }

    #[test]
    fn what_can_allow_nobody_or_everybody_is_refused() {
        for bad in [
            "",
            " ",
            ",",
            " , ,",
            "shop.example",
            "*",
            "*.shop.example",
            "https://*",
            "https://*.in",
            "https://*.co.in",
            "https://*.com",
            "https://*.127.0.0.1",
            "https://w*.shop.example",
            "https://*.*.shop.example",
            "https://www.*.example",
            "https://*shop.example",
            "*://shop.example",
            "https://shop.example:*",
            "https://shop.example/path",
            "https://me:pass@shop.example",
            "ftp://shop.example",
        ] {
            assert!(Origins::parse(bad).is_err(), "{bad}");
            assert!(
                Origins::parse(&format!("https://good.example,{bad}")).is_err()
                    || bad.trim_matches([',', ' ']).is_empty()
            );
        }
        assert!(allows(&Origins::parse("http://*.localhost:3000").unwrap(), "http://shop.localhost:3000"));
    }

    #[test]
    fn pages_on_subdomains_are_covered_and_lookalikes_are_not() {
        let origins = Origins::parse("https://shop.example,https://*.example.in").unwrap();
        let covers = |page: &str| origins.covers(&Url::parse(page).unwrap());
        for yes in [
            "https://shop.example/",
            "https://www.shop.example/x",
            "https://a.example.in/",
            "https://b.a.example.in/",
        ] {
            assert!(covers(yes), "{yes}");
        }
        for no in [
            "https://evilshop.example/x",
            "https://example.in/",
            "https://evilexample.in/",
            "https://..example.in/",
        ] {
            assert!(!covers(no), "{no}");
        }
    }

    #[test]
    fn it_is_shown_as_it_was_written() {
        for text in ["https://shop.example", "https://*.shop.example:8443", "http://localhost:3000"] {
            assert_eq!(ListedOrigin::parse(text).unwrap().to_string(), text);
        }
    }

    proptest! {
        #[test]
        fn a_wildcard_allows_what_ends_like_it_with_one_label_more(host in "[a-c.]{0,6}(example[.]in|in|[.]example[.]in)") {
            let wildcard = Origins::parse("https://*.example.in").unwrap();
            let label = host.strip_suffix(".example.in").unwrap_or_default();
            let expected = !label.is_empty() && !label.contains('.');
            prop_assert_eq!(allows(&wildcard, &format!("https://{host}")), expected, "{}", host);
        }
    }
}
