//! Where the server is, and how to reach it.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tonic::transport::{Channel, Endpoint};
use url::{Host, Url};

use super::SettingProblem;
use super::tls::{Stamp, TlsFiles};

/// Longest wait for a connection to the server.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(1500);
/// How often a connection is checked, and for how long its answer is waited for: a
/// server that vanished without a word is noticed within the sum.
const PING_EVERY: Duration = Duration::from_secs(10);
const PING_TIMEOUT: Duration = Duration::from_secs(3);

/// Variable that names the server.
const NAME: &str = "TANDEM_SERVER_URL";

/// The server's address, checked, and the connection to it.
#[derive(Debug)]
pub struct Server {
    url: Url,
    tls: TlsFiles,
    known: Mutex<Known>,
}

#[derive(Debug)]
struct Known {
    stamps: Vec<Stamp>,
    endpoint: Endpoint,
    channel: Option<Channel>,
}

impl Server {
    /// Reads a URL with scheme and host. Plain http to another machine would show the
    /// internal token to everyone in between, so it needs `insecure`.
    pub(super) fn parse(text: &str, insecure: bool, tls: TlsFiles) -> Result<Self, SettingProblem> {
        let problem = |what: String| SettingProblem::new(NAME, what);
        let hint = "is not a URL such as http://127.0.0.1:50051";
        let url = Url::parse(text).map_err(|_| problem(format!("{text:?} {hint}")))?;
        let is_plain = match url.scheme() {
            "http" => true,
            "https" => false,
            _ => return Err(problem(format!("{text:?} {hint}"))),
        };
        let is_bare = matches!(url.path(), "" | "/") && url.query().is_none() && url.username().is_empty();
        if url.host().is_none() || !is_bare {
            return Err(problem(format!("{:?} {hint}", url.origin().ascii_serialization())));
        }
        if is_plain && !insecure && !is_loopback(&url) {
            return Err(problem(
                "would send the internal token over plain http to another machine; use https, \
                 or say --insecure if the network between is yours"
                    .to_owned(),
            ));
        }
        if let (true, Some(name)) = (is_plain, tls.any_name()) {
            return Err(SettingProblem::new(name, format!("is set while {NAME} is plain http; use https")));
        }
        let stamps = tls.stamps();
        let endpoint = endpoint(&url, &tls)?;
        Ok(Self { url, tls, known: Mutex::new(Known { stamps, endpoint, channel: None }) })
    }

    /// Whether the gateway shows a certificate, which the server may take for the token.
    pub(crate) fn is_shown_a_certificate(&self) -> bool {
        self.tls.has_identity()
    }

    /// A channel that connects when it is first used, and again when it broke. Certificates
    /// that have changed make a new one; ones that cannot be used change nothing.
    pub(crate) fn channel(&self) -> Channel {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let stamps = self.tls.stamps();
        if stamps != known.stamps {
            match endpoint(&self.url, &self.tls) {
                Ok(endpoint) => {
                    known.endpoint = endpoint;
                    known.channel = None;
                }
                Err(problem) => {
                    tracing::warn!(%problem, "the changed certificates cannot be used; the ones before stay");
                }
            }
            known.stamps = stamps;
        }
        let Known { endpoint, channel, .. } = &mut *known;
        channel.get_or_insert_with(|| endpoint.connect_lazy()).clone()
    }
}

fn endpoint(url: &Url, tls: &TlsFiles) -> Result<Endpoint, SettingProblem> {
    let problem = |what: String| SettingProblem::new(NAME, what);
    let endpoint = Endpoint::from_shared(url.to_string())
        .map_err(|error| problem(format!("cannot be used: {error}")))?
        .connect_timeout(CONNECT_TIMEOUT)
        .http2_keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PING_TIMEOUT);
    if url.scheme() != "https" {
        return Ok(endpoint);
    }
    let name = tls.any_name().unwrap_or(NAME);
    endpoint.tls_config(tls.config()?).map_err(|error| {
        let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
        SettingProblem::new(name, format!("TLS cannot be prepared: {error} {cause}").trim_end())
    })
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

    fn parse(text: &str, insecure: bool) -> Result<Server, String> {
        Server::parse(text, insecure, TlsFiles::default()).map_err(|problem| problem.to_string())
    }

    #[test]
    fn plain_http_to_another_machine_needs_a_word() {
        for near in ["http://127.0.0.1:50051", "http://localhost", "http://[::1]:1/", "http://127.8.0.1"] {
            assert!(parse(near, false).is_ok(), "{near}");
        }
        for far in ["http://10.0.0.5:50051", "http://server.example", "http://localhost.example"] {
            assert!(parse(far, false).unwrap_err().contains("--insecure"), "{far}");
            assert!(parse(far, true).is_ok(), "{far}");
        }
        assert!(parse("https://server.example", false).is_ok());
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
            let problem = parse(bad, true).unwrap_err();
            assert!(problem.contains("is not a URL"), "{bad}: {problem}");
        }
        assert!(!parse("http://u:secret@127.0.0.1", true).unwrap_err().contains("secret"));
    }
}
