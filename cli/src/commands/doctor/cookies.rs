//! Checks the cookies that the server sets by HTTP: whether browsers take them, and how long Safari keeps them.

use std::net::IpAddr;
use std::time::Duration;

use url::Url;

use super::finding::Finding;

/// Longest wait for the addresses of a host.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(5);

const DOMAIN: &str =
    "the server must be reached under TANDEM_COOKIE_DOMAIN, such as https://track.shop.example";
const ONE_ADDRESS: &str = "let the web server or CDN that serves the shop also serve the tracking host, and pass its \
    requests on to Tandem (docs/operating.md, cookies for Safari); without it, Safari keeps the cookies as long as a page's own";

/// Runs the checks. `domain` is the server's `TANDEM_COOKIE_DOMAIN`. Without one, there is nothing to check.
pub(super) async fn check(public: &Url, shop: &Url, domain: &str) -> Vec<Finding> {
    let Some(host) = public.host_str().filter(|_| !domain.is_empty()) else { return Vec::new() };
    let is_under = host == domain || host.strip_suffix(domain).is_some_and(|below| below.ends_with('.'));
    if !is_under {
        let detail = format!("browsers drop cookies for {domain} that come from {host}");
        return vec![Finding::warning("cookies", "not_under_domain", &detail, DOMAIN)];
    }
    let (tracking, shops) = tokio::join!(addresses(public), addresses(shop));
    vec![
        Finding::ok("cookies", "under_domain", &format!("{host} may set cookies for {domain}")),
        life(&tracking, &shops),
    ]
}

/// The addresses of a URL's host, as this machine is told them. Empty if it is told none.
async fn addresses(url: &Url) -> Vec<IpAddr> {
    let Some(host) = url.host_str() else { return Vec::new() };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let found = tokio::net::lookup_host((host, url.port_or_known_default().unwrap_or(443)));
    match tokio::time::timeout(LOOKUP_TIMEOUT, found).await {
        Ok(Ok(found)) => found.map(|address| address.ip()).collect(),
        Ok(Err(_)) | Err(_) => Vec::new(),
    }
}

/// Since 16.4, Safari keeps a cookie of a host for seven days only, if the first half of its address is not that of
/// the page's host (WebKit, third-party IP addresses). Which of several addresses Safari will use is not known.
fn life(tracking: &[IpAddr], shop: &[IpAddr]) -> Finding {
    if tracking.is_empty() || shop.is_empty() {
        return Finding::skipped(
            "cookies",
            "address_unknown",
            "the addresses of shop and server are not known here",
        );
    }
    if tracking.iter().all(|address| shop.iter().any(|other| is_near(*address, *other))) {
        return Finding::ok(
            "cookies",
            "address_near",
            "Safari keeps them for 90 days: shop and server share an address range",
        );
    }
    let detail = "Safari keeps them for seven days only: the server's address does not resemble the shop's";
    Finding::warning("cookies", "address_apart", detail, ONE_ADDRESS)
}

/// Whether the first halves are equal: 16 bits of IPv4, 64 of IPv6.
fn is_near(one: IpAddr, other: IpAddr) -> bool {
    match (one.to_canonical(), other.to_canonical()) {
        (IpAddr::V4(one), IpAddr::V4(other)) => one.octets()[..2] == other.octets()[..2],
        (IpAddr::V6(one), IpAddr::V6(other)) => one.octets()[..8] == other.octets()[..8],
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn codes(public: &str, domain: &str) -> Vec<String> {
        let (public, shop) = (Url::parse(public).unwrap(), Url::parse("http://127.0.0.1/").unwrap());
        check(&public, &shop, domain).await.into_iter().map(|found| found.code).collect()
    }

    #[tokio::test]
    async fn cookies_need_a_server_under_their_domain() {
        assert_eq!(codes("https://track.shop.example", "").await, [""; 0]);
        for bad in ["https://evilshop.example", "http://127.0.0.1:50051"] {
            assert_eq!(codes(bad, "shop.example").await, ["not_under_domain"]);
        }
        assert_eq!(codes("http://127.0.0.1:50051", "127.0.0.1").await, ["under_domain", "address_near"]);
    }

    #[test]
    fn safari_keeps_cookies_of_an_address_that_resembles_the_shops() {
        let code = |tracking: &[&str], shop: &[&str]| {
            let parsed = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<_>>();
            life(&parsed(tracking), &parsed(shop)).code
        };
        assert_eq!(code(&["203.0.113.7"], &["203.0.200.1"]), "address_near");
        assert_eq!(code(&["203.0.113.7"], &["203.1.113.7"]), "address_apart");
        assert_eq!(code(&["2001:db8:1:2::7"], &["2001:db8:1:2:ffff::1"]), "address_near");
        assert_eq!(code(&["2001:db8:1:2::7"], &["2001:db8:1:3::7"]), "address_apart");
        // Safari may use any of them.
        let both = ["203.0.113.7", "2001:db8:1:2::7"];
        assert_eq!(code(&both, &both), "address_near");
        assert_eq!(code(&both, &["203.0.113.9"]), "address_apart");
        assert_eq!(code(&["203.0.113.9"], &both), "address_near");
        assert_eq!(code(&[], &["203.0.113.9"]), "address_unknown");
    }
}
