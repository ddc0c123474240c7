//! Tells whether an address is this machine's own.

use url::{Host, Url};

/// Whether a URL's host is this machine: `localhost` and names under it, 127.0.0.0/8, `[::1]`.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lookalikes_are_other_machines() {
        let near = |text: &str| is_loopback(&Url::parse(text).unwrap());
        for own in ["http://localhost:1", "https://shop.localhost", "http://127.8.9.1", "http://[::1]:3000"] {
            assert!(near(own), "{own}");
        }
        for other in ["http://localhost.example", "http://10.0.0.1", "http://mylocalhost", "file:///etc"] {
            assert!(!near(other), "{other}");
        }
    }
}
