//! Where the server is, and how to reach it.

use std::time::Duration;

use tonic::transport::{Channel, ClientTlsConfig, Endpoint};
use url::{Host, Url};

/// Longest wait for a connection to the server.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(1500);
/// How often a connection is checked, and for how long its answer is waited for: a
/// server that vanished without a word is noticed within the sum.
const PING_EVERY: Duration = Duration::from_secs(10);
const PING_TIMEOUT: Duration = Duration::from_secs(3);

/// The server's address, checked.
#[derive(Debug, Clone)]
pub struct Server(Endpoint);

impl Server {
    /// Reads a URL with scheme and host. Plain http to another machine would show the
    /// internal token to everyone in between, so it needs `insecure`.
    ///
    /// # Errors
    /// What is wrong with it, in a sentence.
    pub fn parse(text: &str, insecure: bool) -> Result<Self, String> {
        let hint = "is not a URL such as http://127.0.0.1:50051";
        let url = Url::parse(text).map_err(|_| format!("{text:?} {hint}"))?;
        let is_plain = match url.scheme() {
            "http" => true,
            "https" => false,
            _ => return Err(format!("{text:?} {hint}")),
        };
        let is_bare = matches!(url.path(), "" | "/") && url.query().is_none() && url.username().is_empty();
        if url.host().is_none() || !is_bare {
            return Err(format!("{:?} {hint}", url.origin().ascii_serialization()));
        }
        if is_plain && !insecure && !is_loopback(&url) {
            return Err("would send the internal token over plain http to another machine; use https, \
                        or say --insecure if the network between is yours"
                .to_owned());
        }
        let mut endpoint = Endpoint::from_shared(url.to_string())
            .map_err(|_| format!("{text:?} {hint}"))?
            .connect_timeout(CONNECT_TIMEOUT)
            .http2_keep_alive_interval(PING_EVERY)
            .keep_alive_timeout(PING_TIMEOUT);
        if !is_plain {
            endpoint = endpoint
                .tls_config(ClientTlsConfig::new().with_native_roots())
                .map_err(|error| format!("cannot prepare TLS: {error}"))?;
        }
        Ok(Self(endpoint))
    }

    /// A channel that connects when it is first used, and again when it broke.
    pub(crate) fn channel(&self) -> Channel {
        self.0.connect_lazy()
    }
}

fn is_loopback(url: &Url) -> bool {
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
    fn plain_http_to_another_machine_needs_a_word() {
        for near in ["http://127.0.0.1:50051", "http://localhost", "http://[::1]:1/", "http://127.8.0.1"] {
            assert!(Server::parse(near, false).is_ok(), "{near}");
        }
        for far in ["http://10.0.0.5:50051", "http://server.example", "http://localhost.example"] {
            assert!(Server::parse(far, false).unwrap_err().contains("--insecure"), "{far}");
            assert!(Server::parse(far, true).is_ok(), "{far}");
        }
        assert!(Server::parse("https://server.example", false).is_ok());
    }

    #[test]
    fn only_scheme_host_and_port_are_taken() {
        for bad in [
            "",
            "server",
            "unix:/x",
            "http://",
            "ftp://127.0.0.1",
            "http://127.0.0.1/path",
            "http://u:p@127.0.0.1",
        ] {
            let problem = Server::parse(bad, true).unwrap_err();
            assert!(problem.contains("is not a URL"), "{bad}: {problem}");
        }
        assert!(!Server::parse("http://u:secret@127.0.0.1", true).unwrap_err().contains("secret"));
    }
}
