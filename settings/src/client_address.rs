//! The address of the client that sent a request, seen through trusted proxies.

use std::net::{IpAddr, SocketAddr};

use http::HeaderMap;

use crate::networks::Networks;

/// Most entries of `X-Forwarded-For` that are read.
const HOPS_MAX: usize = 32;

/// The client's address. It is the peer's address, or if that is a trusted proxy, the address that the
/// proxy forwards for. `X-Forwarded-For` is read from the right, because a client can make up
/// everything to the left of the first address that is not trusted. Some proxies write an entry
/// with a port or in brackets, which is accepted.
pub fn client_address(peer: IpAddr, headers: &HeaderMap, trusted: &Networks) -> IpAddr {
    let mut client = peer.to_canonical();
    let lines = headers.get_all("x-forwarded-for").iter().rev();
    let hops = lines.flat_map(|line| line.to_str().unwrap_or_default().rsplit(','));
    for hop in hops.take(HOPS_MAX) {
        if !trusted.contains(client) {
            break;
        }
        let Some(address) = hop_address(hop.trim()) else { break };
        client = address;
    }
    client
}

/// Parses an address as proxies write it: plain, with a port, or in brackets.
fn hop_address(text: &str) -> Option<IpAddr> {
    let plain = text.parse::<IpAddr>().or_else(|_| text.parse::<SocketAddr>().map(|address| address.ip()));
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    plain.ok().or_else(bracketed).map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, forwarded: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append("x-forwarded-for", line.parse().unwrap());
        }
        let trusted = Networks::parse("10.0.0.0/8, 192.0.2.7, ::1").unwrap();
        client_address(peer.parse().unwrap(), &headers, &trusted).to_string()
    }

    #[test]
    fn without_a_trusted_proxy_the_peer_is_the_client() {
        assert_eq!(client("203.0.113.5", &["198.51.100.1"]), "203.0.113.5");
        assert_eq!(client("::ffff:203.0.113.5", &[]), "203.0.113.5");
    }

    #[test]
    fn the_first_untrusted_address_from_the_right_is_the_client() {
        assert_eq!(client("10.1.1.1", &["6.6.6.6, 198.51.100.1, 192.0.2.7"]), "198.51.100.1");
        assert_eq!(client("10.1.1.1", &["6.6.6.6", "198.51.100.1", "192.0.2.7"]), "198.51.100.1");
        assert_eq!(client("::1", &["198.51.100.1:4711"]), "198.51.100.1");
        assert_eq!(client("::1", &["[2001:db8::1]:4711"]), "2001:db8::1");
        assert_eq!(client("::1", &["[2001:db8::1]"]), "2001:db8::1");
        assert_eq!(client("::ffff:10.0.0.1", &["2001:db8::7"]), "2001:db8::7");
    }

    #[test]
    fn garbage_ends_the_walk() {
        assert_eq!(client("10.1.1.1", &["198.51.100.1, unknown"]), "10.1.1.1");
        assert_eq!(client("10.1.1.1", &[""]), "10.1.1.1");
        assert_eq!(client("10.1.1.1", &["10.0.0.9"]), "10.0.0.9");
    }

    #[test]
    fn the_walk_has_a_bound() {
        let line = vec!["10.0.0.9"; HOPS_MAX + 1].join(", ");
        assert_eq!(client("10.1.1.1", &["198.51.100.1", &line]), "10.0.0.9");
    }
}
