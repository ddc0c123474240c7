//! Lists of networks in settings.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::values::list;

/// Networks, such as those of trusted proxies.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Networks(Vec<IpNet>);

impl Networks {
    /// Reads a comma-separated list of networks (`10.0.0.0/8`) and single addresses.
    ///
    /// # Errors
    /// A sentence that quotes the first part that is neither a network nor an address, or says that
    /// there is no part.
    pub fn parse(text: &str) -> Result<Self, String> {
        let network = |part: &str| {
            let network = part.parse::<IpNet>().or_else(|_| part.parse::<IpAddr>().map(IpNet::from));
            network.map_err(|_| format!("{part:?} is neither an address nor a network such as 10.0.0.0/8"))
        };
        list(text, network).map(Self)
    }

    /// Whether one of the networks contains `address`. An IPv4-mapped IPv6 address counts as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_checked() {
        assert!(Networks::parse("52.66.101.190, 3.109.102.0/24").is_ok());
        assert!(Networks::parse("10.0.0.0/33").unwrap_err().contains("10.0.0.0/33"));
        for empty in ["", " ", ",", " , ,"] {
            assert!(Networks::parse(empty).unwrap_err().contains("at least one"), "{empty:?}");
        }
    }

    #[test]
    fn mapped_addresses_match_their_network() {
        let networks = Networks::parse("10.0.0.0/8, 192.0.2.7").unwrap();
        assert!(networks.contains("::ffff:10.1.2.3".parse().unwrap()));
        assert!(networks.contains("192.0.2.7".parse().unwrap()));
        assert!(!networks.contains("192.0.2.8".parse().unwrap()));
    }
}
