//! Who sent a request, past the proxies we trust, and which networks may send.

use std::net::{IpAddr, SocketAddr};

use http::HeaderMap;
use ipnet::IpNet;

/// Most entries of `X-Forwarded-For` walked.
const HOPS_MAX: usize = 32;

/// A list of networks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Networks(Vec<IpNet>);

impl Networks {
    /// Reads comma-separated networks (`10.0.0.0/8`) and addresses.
    ///
    /// # Errors
    /// The first part that is neither, in a sentence.
    pub fn parse(text: &str) -> Result<Self, String> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        parts
            .map(|part| {
                let network = part.parse::<IpNet>().or_else(|_| part.parse::<IpAddr>().map(IpNet::from));
                network
                    .map_err(|_| format!("{part:?} is neither an address nor a network such as 10.0.0.0/8"))
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Whether an address belongs to one of them.
    pub(crate) fn contain(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }
}

/// The sender: the peer, or, while that is a trusted proxy, whom it forwards for. The
/// header is walked from the right, because everything left of the first address that is
/// not trusted can be made up.
pub(crate) fn sender(peer: SocketAddr, headers: &HeaderMap, trusted: &Networks) -> IpAddr {
    let mut sender = peer.ip().to_canonical();
    let lines = headers.get_all("x-forwarded-for").iter().rev();
    let hops = lines.flat_map(|line| line.to_str().unwrap_or_default().rsplit(','));
    for hop in hops.take(HOPS_MAX) {
        if !trusted.contain(sender) {
            break;
        }
        let Some(address) = hop_address(hop.trim()) else { break };
        sender = address;
    }
    sender
}

/// An address as proxies write it: plain, with a port, or in brackets.
fn hop_address(text: &str) -> Option<IpAddr> {
    let plain = text.parse::<IpAddr>().or_else(|_| text.parse::<SocketAddr>().map(|address| address.ip()));
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    plain.ok().or_else(bracketed).map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent_by(peer: &str, forwarded: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append("x-forwarded-for", line.parse().unwrap());
        }
        let trusted = Networks::parse("10.0.0.0/8, 192.0.2.7, ::1").unwrap();
        sender(peer.parse().unwrap(), &headers, &trusted).to_string()
    }

    #[test]
    fn without_a_trusted_proxy_the_peer_is_the_sender() {
        assert_eq!(sent_by("203.0.113.5:1", &["198.51.100.1"]), "203.0.113.5");
        assert_eq!(sent_by("[::ffff:203.0.113.5]:1", &[]), "203.0.113.5");
    }

    #[test]
    fn the_first_untrusted_address_from_the_right_is_the_sender() {
        assert_eq!(sent_by("10.1.1.1:1", &["6.6.6.6, 198.51.100.1, 192.0.2.7"]), "198.51.100.1");
        assert_eq!(sent_by("10.1.1.1:1", &["6.6.6.6", "198.51.100.1", "192.0.2.7"]), "198.51.100.1");
        assert_eq!(sent_by("[::1]:9", &["198.51.100.1:4711"]), "198.51.100.1");
        assert_eq!(sent_by("[::1]:9", &["[2001:db8::1]:4711"]), "2001:db8::1");
        assert_eq!(sent_by("[::1]:9", &["[2001:db8::1]"]), "2001:db8::1");
    }

    #[test]
    fn garbage_ends_the_walk() {
        assert_eq!(sent_by("10.1.1.1:1", &["198.51.100.1, unknown"]), "10.1.1.1");
        assert_eq!(sent_by("10.1.1.1:1", &[""]), "10.1.1.1");
        assert_eq!(sent_by("10.1.1.1:1", &["10.0.0.9"]), "10.0.0.9");
    }

    #[test]
    fn networks_are_checked() {
        assert!(Networks::parse("52.66.101.190, 3.109.102.0/24").is_ok());
        assert!(Networks::parse("10.0.0.0/33").unwrap_err().contains("10.0.0.0/33"));
    }
}
