//! Settings: variables first, then the file that `TANDEM_CONFIG` names, then defaults.

mod file;
mod server;
mod tls;
mod token;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use tandem_settings::Networks;

pub use server::Server;
pub use token::Token;

/// Where the gateway listens unless told otherwise.
const ADDR_DEFAULT: &str = "127.0.0.1:8080";
/// Where the server listens unless told otherwise.
const SERVER_URL_DEFAULT: &str = "http://127.0.0.1:50051";
/// Where the server keeps its data, and with it the internal token, unless told otherwise.
const DATA_DIR_DEFAULT: &str = "./data";
/// Name of the file in it that holds the token.
const TOKEN_FILE: &str = "internal-token";

/// Everything the gateway can be told.
#[derive(Debug)]
pub struct Settings {
    /// Address to listen on; port 0 picks a free one.
    pub addr: SocketAddr,
    /// The server.
    pub server: Server,
    /// The token for its internal calls.
    pub token: Token,
    /// Networks that may send webhooks; `None`: any.
    pub allowed: Option<Networks>,
    /// Proxies whose `X-Forwarded-For` counts.
    pub trusted_proxies: Networks,
    /// Filter of the log.
    pub log: String,
}

/// A setting that cannot be used: its name, and what is expected. Never a value that
/// may be secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name}: {what}")]
pub struct SettingProblem {
    name: String,
    what: String,
}

impl SettingProblem {
    /// Makes a problem with a setting.
    pub fn new(name: &str, what: impl Into<String>) -> Self {
        Self { name: name.to_owned(), what: what.into() }
    }
}

/// Texts of settings by variable name.
pub type Variables = BTreeMap<String, String>;

impl Settings {
    /// Reads the settings from `variables`. `insecure`: the token may travel over plain
    /// http to another machine.
    ///
    /// # Errors
    /// The first setting that cannot be used.
    pub fn read(mut variables: Variables, insecure: bool) -> Result<Self, SettingProblem> {
        variables.retain(|_, value| !value.trim().is_empty());
        if let Some(path) = variables.get("TANDEM_CONFIG") {
            for (name, value) in file::read(path)? {
                variables.entry(name).or_insert(value);
            }
        }
        let get = |name: &str| variables.get(name).map(|value| value.trim());
        let parsed = |name: &str, parse: fn(&str) -> Result<Networks, String>| {
            get(name).map(|text| parse(text).map_err(|what| SettingProblem::new(name, what))).transpose()
        };
        let addr = get("TANDEM_GATEWAY_ADDR").unwrap_or(ADDR_DEFAULT);
        let addr = addr.parse().map_err(|_| {
            SettingProblem::new(
                "TANDEM_GATEWAY_ADDR",
                format!("{addr:?} is not an address such as {ADDR_DEFAULT}"),
            )
        })?;
        let tls = tls::TlsFiles::read(get)?;
        let server = Server::parse(get("TANDEM_SERVER_URL").unwrap_or(SERVER_URL_DEFAULT), insecure, tls)?;
        let token = match (get("TANDEM_INTERNAL_TOKEN"), get("TANDEM_INTERNAL_TOKEN_FILE")) {
            (Some(_), Some(_)) => {
                let what = "is set together with TANDEM_INTERNAL_TOKEN_FILE; keep one";
                return Err(SettingProblem::new("TANDEM_INTERNAL_TOKEN", what));
            }
            (Some(text), None) => {
                Token::inline(text).map_err(|what| SettingProblem::new("TANDEM_INTERNAL_TOKEN", what))?
            }
            (None, Some(path)) => Token::file(path),
            (None, None) => {
                let folder = PathBuf::from(get("TANDEM_DATA_DIR").unwrap_or(DATA_DIR_DEFAULT));
                Token::file(folder.join(TOKEN_FILE))
            }
        };
        Ok(Self {
            addr,
            server,
            token,
            allowed: parsed("CASHFREE_ALLOWED_ADDRESSES", Networks::parse)?,
            trusted_proxies: parsed("TANDEM_TRUSTED_PROXIES", Networks::parse)?.unwrap_or_default(),
            log: get("TANDEM_LOG").unwrap_or("info").to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Settings, String> {
        let variables = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Settings::read(variables, false).map_err(|problem| problem.to_string())
    }

    #[test]
    fn the_defaults_are_the_contracts() {
        let settings = read(&[("TANDEM_GATEWAY_ADDR", " ")]).unwrap();
        assert_eq!(settings.addr.to_string(), "127.0.0.1:8080");
        assert_eq!(settings.log, "info");
        assert!(settings.allowed.is_none());
    }

    #[test]
    fn unusable_settings_are_named() {
        for (name, value, expected) in [
            ("TANDEM_GATEWAY_ADDR", "8080", "TANDEM_GATEWAY_ADDR: "),
            ("TANDEM_SERVER_URL", "127.0.0.1:50051", "TANDEM_SERVER_URL: "),
            ("TANDEM_SERVER_URL", "http://server.example:50051", "--insecure"),
            ("CASHFREE_ALLOWED_ADDRESSES", "everyone", "CASHFREE_ALLOWED_ADDRESSES: "),
            ("TANDEM_TRUSTED_PROXIES", "10.0.0.0/99", "TANDEM_TRUSTED_PROXIES: "),
            ("TANDEM_CONFIG", "/does/not/exist", "TANDEM_CONFIG: "),
            ("TANDEM_TLS_CA", "/does/not/exist", "TANDEM_TLS_CA: is set while TANDEM_SERVER_URL is plain"),
            ("TANDEM_TLS_CLIENT_CERT", "/x", "TANDEM_TLS_CLIENT_CERT: is set without TANDEM_TLS_CLIENT_KEY"),
            ("TANDEM_TLS_CLIENT_KEY", "/x", "TANDEM_TLS_CLIENT_KEY: is set without TANDEM_TLS_CLIENT_CERT"),
        ] {
            let problem = read(&[(name, value)]).unwrap_err();
            assert!(problem.contains(expected), "{problem}");
            assert_eq!(problem.lines().count(), 1);
        }
    }

    #[test]
    fn certificates_that_cannot_be_used_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let empty = folder.path().join("empty.pem");
        std::fs::write(&empty, "").unwrap();
        let empty = empty.to_str().unwrap();
        let url = ("TANDEM_SERVER_URL", "https://server.example");
        let missing = read(&[url, ("TANDEM_TLS_CA", "/does/not/exist")]).unwrap_err();
        assert!(missing.starts_with("TANDEM_TLS_CA: /does/not/exist cannot be read"), "{missing}");
        let none = read(&[url, ("TANDEM_TLS_CA", empty)]).unwrap_err();
        assert!(none.contains("holds no certificate"), "{none}");
        let pair = [("TANDEM_TLS_CLIENT_CERT", empty), ("TANDEM_TLS_CLIENT_KEY", empty)];
        let broken = read(&[url, pair[0], pair[1]]).unwrap_err();
        assert!(broken.starts_with("TANDEM_TLS_CLIENT_CERT: ") && !broken.contains('\n'), "{broken}");
    }

    #[test]
    fn a_secret_is_never_part_of_a_problem() {
        let problem = read(&[("TANDEM_INTERNAL_TOKEN", "s3cret other")]).unwrap_err();
        assert!(problem.starts_with("TANDEM_INTERNAL_TOKEN: ") && !problem.contains("s3cret"));
        let both = read(&[("TANDEM_INTERNAL_TOKEN", "s3cret"), ("TANDEM_INTERNAL_TOKEN_FILE", "/x")]);
        assert!(both.unwrap_err().contains("keep one"));
        assert!(!format!("{:?}", read(&[("TANDEM_INTERNAL_TOKEN", "s3cret")]).unwrap()).contains("s3cret"));
    }

    #[test]
    fn variables_win_over_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tandem.toml");
        std::fs::write(&path, "gateway_addr = \"127.0.0.1:1\"\nlog = \"debug\"\n").unwrap();
        let path = path.to_str().unwrap();
        let settings = read(&[("TANDEM_CONFIG", path), ("TANDEM_LOG", "warn")]).unwrap();
        assert_eq!((settings.addr.port(), settings.log.as_str()), (1, "warn"));
    }
}
