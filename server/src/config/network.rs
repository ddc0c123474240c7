//! Settings about who may call: origins and rates.

use std::num::NonZeroU32;

use tandem_settings::is_loopback;
use url::Url;

/// Origins of the shop's pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origins {
    /// This machine's own names, with any scheme and port. This is the default, for trials.
    Loopback,
    /// Exactly these origins.
    Listed(Vec<String>),
}

impl Origins {
    /// Reads a comma-separated list of origins such as `https://shop.example`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        parts.map(one_origin).collect::<Result<Vec<_>, _>>().map(Self::Listed)
    }

    /// Whether a request's `Origin` header may be served. `null` never is.
    pub fn allows(&self, origin: &str) -> bool {
        match self {
            Self::Listed(list) => {
                Url::parse(origin).is_ok_and(|url| list.contains(&url.origin().ascii_serialization()))
            }
            Self::Loopback => Url::parse(origin)
                .is_ok_and(|url| matches!(url.scheme(), "http" | "https") && is_loopback(&url)),
        }
    }

    /// Whether a page's address lies on a listed origin or on a subdomain of one. Without a list,
    /// every address does.
    pub fn covers(&self, page: &Url) -> bool {
        let Self::Listed(list) = self else { return true };
        list.iter().filter_map(|origin| Url::parse(origin).ok()).any(|origin| {
            match (origin.host_str(), page.host_str()) {
                (Some(shop), Some(host)) => {
                    host == shop || host.strip_suffix(shop).is_some_and(|rest| rest.ends_with('.'))
                }
                _ => false,
            }
        })
    }
}

fn one_origin(text: &str) -> Result<String, String> {
    let hint = || format!("{text:?} is not an origin; write scheme and host, such as https://shop.example");
    let url = Url::parse(text).map_err(|_| hint())?;
    let plain = matches!(url.scheme(), "http" | "https")
        && url.host().is_some()
        && url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty();
    if plain { Ok(url.origin().ascii_serialization()) } else { Err(hint()) }
}

/// How often one client address may call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// Calls per second.
    pub per_second: NonZeroU32,
    /// Most calls at once after a pause.
    pub burst: NonZeroU32,
}

impl RateLimit {
    /// Reads `50/s burst 200`, or `off`.
    pub fn parse(text: &str) -> Result<Option<Self>, String> {
        if text.eq_ignore_ascii_case("off") {
            return Ok(None);
        }
        let parts: Vec<&str> = text.split_whitespace().collect();
        let rate = |text: &str| text.strip_suffix("/s").and_then(|n| n.parse::<NonZeroU32>().ok());
        match parts.as_slice() {
            [per_second] => rate(per_second).map(|n| Self { per_second: n, burst: n }),
            [per_second, "burst", burst] => {
                rate(per_second).zip(burst.parse().ok()).map(|(per_second, burst)| Self { per_second, burst })
            }
            _ => None,
        }
        .map(Some)
        .ok_or_else(|| "must be such as \"50/s burst 200\", or \"off\"".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_origins_are_the_default_and_null_never_is_one() {
        let origins = Origins::Loopback;
        for yes in ["http://localhost", "http://localhost:8090", "https://127.8.9.1:1", "http://[::1]:3000"] {
            assert!(origins.allows(yes), "{yes}");
        }
        for no in ["null", "", "http://localhost.evil.example", "http://10.0.0.1", "file:///etc/passwd"] {
            assert!(!origins.allows(no), "{no}");
        }
    }

    #[test]
    fn a_list_replaces_the_default_and_is_exact() {
        let origins = Origins::parse("https://shop.example, http://localhost:3000").unwrap();
        assert!(origins.allows("https://shop.example"));
        assert!(origins.allows("https://shop.example:443"));
        for no in ["http://shop.example", "https://www.shop.example", "http://localhost:3001", "null"] {
            assert!(!origins.allows(no), "{no}");
        }
        assert!(Origins::parse("shop.example").is_err());
        assert!(Origins::parse("https://shop.example/path").is_err());
    }

    #[test]
    fn pages_on_subdomains_are_covered_and_lookalikes_are_not() {
        let origins = Origins::parse("https://shop.example").unwrap();
        let covers = |page: &str| origins.covers(&Url::parse(page).unwrap());
        assert!(covers("https://www.shop.example/x"));
        assert!(!covers("https://evilshop.example/x"));
    }

    #[test]
    fn rates_are_read_as_documented() {
        let rate = RateLimit::parse("50/s burst 200").unwrap().unwrap();
        assert_eq!((rate.per_second.get(), rate.burst.get()), (50, 200));
        assert_eq!(RateLimit::parse("off"), Ok(None));
        assert!(RateLimit::parse("fast").is_err());
        assert!(RateLimit::parse("0/s").is_err());
    }
}
