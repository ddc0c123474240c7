//! For programs that call the server: its address, TLS, the internal token.

mod tls;
mod token;

use tonic::transport::Endpoint;
use url::Url;

use crate::keys::TANDEM_SERVER_URL;
use crate::loopback::is_loopback;
use crate::source::{SettingError, Source};
use crate::watched::FileState;
use tls::TlsFiles;
pub use token::InternalToken;

/// The server's address, checked, and how TLS to it is checked.
#[derive(Debug)]
pub struct ServerAddress {
    url: Url,
    tls: TlsFiles,
}

impl ServerAddress {
    /// Reads the server's URL (only scheme, host and port) and the TLS files. The URL in `argument`
    /// overrides the setting. Plain http to another machine needs `insecure`, because it shows the
    /// internal token to everyone on the way.
    ///
    /// # Errors
    /// [`SettingError`] if the URL or a TLS file cannot be used, or if plain http needs `insecure`.
    pub fn read(source: &Source, argument: Option<&str>, insecure: bool) -> Result<Self, SettingError> {
        let name = if argument.is_some() { "--server-url" } else { TANDEM_SERVER_URL.name };
        let error = |what: &str| SettingError::new(name, what);
        let url = parse(argument.unwrap_or(source.text(TANDEM_SERVER_URL)));
        let url = url.ok_or_else(|| error("is not a URL such as http://127.0.0.1:50051"))?;
        let is_plain = url.scheme() == "http";
        if is_plain && !insecure && !is_loopback(&url) {
            return Err(error(
                "would send the internal token over plain http to another machine; use https, \
                 or say --insecure if the network between is yours",
            ));
        }
        let tls = TlsFiles::read(source)?;
        if let (true, Some(file)) = (is_plain, tls.any_name()) {
            return Err(SettingError::new(file, format!("is set while {name} is plain http; use https")));
        }
        let server = Self { url, tls };
        server.endpoint()?;
        Ok(server)
    }

    /// The URL: scheme, host and port.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Whether the program presents a certificate. The server may accept it instead of the token.
    pub fn is_shown_a_certificate(&self) -> bool {
        self.tls.has_identity()
    }

    /// The endpoint to connect to, with the TLS files as they are now.
    ///
    /// # Errors
    /// [`SettingError`] if a TLS file cannot be read or used.
    pub fn endpoint(&self) -> Result<Endpoint, SettingError> {
        let name = self.tls.any_name().unwrap_or(TANDEM_SERVER_URL.name);
        let error = |error: tonic::transport::Error| {
            let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
            SettingError::new(name, format!("TLS cannot be prepared: {error} {cause}").trim_end())
        };
        let endpoint = Endpoint::from_shared(self.url.to_string()).map_err(error)?;
        if self.url.scheme() == "https" {
            endpoint.tls_config(self.tls.config()?).map_err(error)
        } else {
            Ok(endpoint)
        }
    }

    /// States of the TLS files. When they have changed, [`ServerAddress::endpoint`] gives a new endpoint.
    pub fn file_states(&self) -> Vec<Option<FileState>> {
        self.tls.states()
    }

    /// PEM of the CA that replaces the system's CAs. `None` if no CA is set or its file cannot be read.
    pub fn ca_pem(&self) -> Option<String> {
        self.tls.ca_pem()
    }
}

fn parse(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let is_bare = matches!(url.path(), "" | "/") && url.query().is_none() && url.username().is_empty();
    (matches!(url.scheme(), "http" | "https") && url.host().is_some() && is_bare).then_some(url)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::Program;

    fn read(pairs: &[(&str, &str)], insecure: bool) -> Result<ServerAddress, String> {
        let source = Source::from_variables(Program::Tool, pairs.iter().copied()).unwrap();
        ServerAddress::read(&source, None, insecure).map_err(|error| error.to_string())
    }

    fn server(url: &str, insecure: bool) -> Result<ServerAddress, String> {
        read(&[("TANDEM_SERVER_URL", url)], insecure)
    }

    #[test]
    fn plain_http_to_another_machine_needs_a_word() {
        for near in ["http://127.0.0.1:50051", "http://localhost", "http://[::1]:1/", "http://127.8.0.1"] {
            assert!(server(near, false).is_ok(), "{near}");
        }
        for far in ["http://10.0.0.5:50051", "http://server.example", "http://localhost.example"] {
            assert!(server(far, false).unwrap_err().contains("--insecure"), "{far}");
            assert!(server(far, true).is_ok(), "{far}");
        }
        assert!(server("https://server.example", false).is_ok());
    }

    #[test]
    fn only_scheme_host_and_port_are_taken_and_nothing_is_repeated() {
        for bad in [
            "server",
            "unix:/x",
            "http://",
            "ftp://127.0.0.1",
            "http://127.0.0.1/path",
            "http://u:s3cret@127.0.0.1",
            "http://u:s3cret@[127",
        ] {
            let error = server(bad, true).unwrap_err();
            assert!(error.starts_with("TANDEM_SERVER_URL: is not a URL"), "{bad}: {error}");
            assert!(!error.contains("s3cret"), "{error}");
        }
    }

    #[test]
    fn an_argument_goes_before_the_setting_and_is_named() {
        let source = Source::default();
        let server = ServerAddress::read(&source, Some("http://127.0.0.1:3"), false).unwrap();
        assert_eq!(server.url().port(), Some(3));
        let error = ServerAddress::read(&source, Some("x"), false).unwrap_err();
        assert!(error.to_string().starts_with("--server-url: "), "{error}");
    }

    #[test]
    fn certificates_need_https_and_come_in_pairs() {
        for (name, expected) in [
            ("TANDEM_TLS_CA", "TANDEM_TLS_CA: is set while TANDEM_SERVER_URL is plain http; use https"),
            (
                "TANDEM_TLS_CLIENT_CERT",
                "TANDEM_TLS_CLIENT_CERT: is set without TANDEM_TLS_CLIENT_KEY; set both",
            ),
            (
                "TANDEM_TLS_CLIENT_KEY",
                "TANDEM_TLS_CLIENT_KEY: is set without TANDEM_TLS_CLIENT_CERT; set both",
            ),
        ] {
            assert_eq!(read(&[(name, "/does/not/exist")], false).unwrap_err(), expected);
        }
    }

    #[test]
    fn certificates_that_cannot_be_used_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let empty = folder.path().join("empty.pem");
        std::fs::write(&empty, "").unwrap();
        let empty = empty.to_str().unwrap();
        let url = ("TANDEM_SERVER_URL", "https://server.example");
        let missing = read(&[url, ("TANDEM_TLS_CA", "/does/not/exist")], false).unwrap_err();
        assert!(missing.starts_with("TANDEM_TLS_CA: /does/not/exist cannot be read"), "{missing}");
        let none = read(&[url, ("TANDEM_TLS_CA", empty)], false).unwrap_err();
        assert!(none.contains("contains no certificate"), "{none}");
        let pair = [("TANDEM_TLS_CLIENT_CERT", empty), ("TANDEM_TLS_CLIENT_KEY", empty)];
        let broken = read(&[url, pair[0], pair[1]], false).unwrap_err();
        assert!(broken.starts_with("TANDEM_TLS_CLIENT_CERT: ") && !broken.contains('\n'), "{broken}");
    }
}
