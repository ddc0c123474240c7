//! Where the server is, and the internal token: arguments, then variables, then the file
//! that `TANDEM_CONFIG` names, then defaults.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use secrecy::SecretString;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Certificate, ClientTlsConfig, Identity};
use url::{Host, Url};

use crate::failure::Failure;
use crate::groups::Connection;

const SERVER_URL_DEFAULT: &str = "http://127.0.0.1:50051";
const DATA_DIR_DEFAULT: &str = "./data";
const TOKEN_FILE: &str = "internal-token";
const CA: &str = "TANDEM_TLS_CA";
const CERT: &str = "TANDEM_TLS_CLIENT_CERT";
const KEY: &str = "TANDEM_TLS_CLIENT_KEY";
/// Cashfree's client secrets, sandbox and production: for doctor's ping alone.
const CASHFREE: [&str; 2] = ["CASHFREE_CLIENT_SECRET", "CASHFREE_CLIENT_SECRET_PRODUCTION"];

/// What this tool takes from the file; the rest of it is other programs', which check it.
const FILE_KEYS: [(&str, &str); 7] = [
    ("server_url", "TANDEM_SERVER_URL"),
    ("internal_token", "TANDEM_INTERNAL_TOKEN"),
    ("internal_token_file", "TANDEM_INTERNAL_TOKEN_FILE"),
    ("data_dir", "TANDEM_DATA_DIR"),
    ("tls_ca", CA),
    ("tls_client_cert", CERT),
    ("tls_client_key", KEY),
];

/// Texts of settings by variable name.
pub(crate) type Variables = BTreeMap<String, String>;

/// Everything a command needs to call the server.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) server_url: Url,
    /// How TLS to the server is checked; none over plain http.
    pub(crate) tls: Option<ClientTlsConfig>,
    /// Value of the `authorization` header; sensitive, so `Debug` shows no part of it. A
    /// certificate may stand for it.
    pub(crate) authorization: Option<MetadataValue<Ascii>>,
    /// PEM of the CA that takes the place of the system's.
    pub(crate) ca: Option<String>,
    /// Cashfree's client secrets in the environment: the sandbox's, and production's.
    cashfree: [Option<Given>; 2],
}

/// A secret as it was given; it is read when it is needed.
#[derive(Debug)]
enum Given {
    Inline(SecretString),
    File(PathBuf),
}

impl Settings {
    pub(crate) fn read(variables: &Variables, connection: &Connection) -> Result<Self, Failure> {
        let set =
            |name: &str| variables.get(name).map(|value| value.trim()).filter(|value| !value.is_empty());
        let file = match set("TANDEM_CONFIG") {
            Some(path) => read_file(Path::new(path))?,
            None => Variables::new(),
        };
        let get = |name: &str| set(name).or_else(|| file.get(name).map(String::as_str));
        let given = connection.server_url.as_deref().or_else(|| get("TANDEM_SERVER_URL"));
        let server_url = read_url(given.unwrap_or(SERVER_URL_DEFAULT), connection.insecure)?;
        let (tls, has_identity) = read_tls(&server_url, get)?;
        let ca = get(CA).and_then(|path| std::fs::read_to_string(path).ok());
        let cashfree = CASHFREE.map(|name| match (set(name), set(&format!("{name}_FILE"))) {
            (Some(secret), _) => Some(Given::Inline(SecretString::from(secret.to_owned()))),
            (None, Some(path)) => Some(Given::File(path.into())),
            (None, None) => None,
        });
        let token = match (get("TANDEM_INTERNAL_TOKEN"), get("TANDEM_INTERNAL_TOKEN_FILE")) {
            (Some(_), Some(_)) => {
                let what = "TANDEM_INTERNAL_TOKEN and TANDEM_INTERNAL_TOKEN_FILE are both set; keep one";
                return Err(Failure::Setting(what.to_owned()));
            }
            (Some(token), None) => SecretString::from(token.to_owned()),
            (None, Some(path)) => read_token(Path::new(path))?,
            (None, None) => {
                let folder = PathBuf::from(get("TANDEM_DATA_DIR").unwrap_or(DATA_DIR_DEFAULT));
                match read_token(&folder.join(TOKEN_FILE)) {
                    Err(_) if has_identity => {
                        return Ok(Self { server_url, tls, authorization: None, ca, cashfree });
                    }
                    token => token?,
                }
            }
        };
        Ok(Self { server_url, tls, authorization: Some(authorization(&token)?), ca, cashfree })
    }

    /// Cashfree's client secret for `SANDBOX` or `PRODUCTION`, if the environment has one;
    /// the newest of a list.
    pub(crate) fn cashfree_secret(&self, environment: &str) -> Result<Option<SecretString>, Failure> {
        use secrecy::ExposeSecret as _;
        let [sandbox, production] = &self.cashfree;
        let given = if environment == "PRODUCTION" {
            production.as_ref().or(sandbox.as_ref())
        } else {
            sandbox.as_ref()
        };
        let text = match given {
            None => return Ok(None),
            Some(Given::Inline(secret)) => secret.clone(),
            Some(Given::File(path)) => {
                SecretString::from(std::fs::read_to_string(path).map_err(|error| {
                    Failure::Setting(format!(
                        "Cashfree's client secret: {} cannot be read: {error}",
                        path.display()
                    ))
                })?)
            }
        };
        let first = text.expose_secret().split(',').map(str::trim).find(|secret| !secret.is_empty());
        Ok(first.map(|secret| SecretString::from(secret.to_owned())))
    }
}

/// How TLS is checked, and whether a certificate is shown. A named CA takes the place of
/// the system's.
fn read_tls<'a>(
    url: &Url,
    get: impl Fn(&str) -> Option<&'a str>,
) -> Result<(Option<ClientTlsConfig>, bool), Failure> {
    let problem = |name: &str, what: &str| Failure::Setting(format!("{name}: {what}"));
    let pem = |name: &str, path: &str| {
        std::fs::read_to_string(path)
            .map_err(|error| problem(name, &format!("{path} cannot be read: {error}")))
    };
    let identity = match (get(CERT), get(KEY)) {
        (Some(cert), Some(key)) => Some((cert, key)),
        (None, None) => None,
        (Some(_), None) => return Err(problem(CERT, &format!("is set without {KEY}; set both"))),
        (None, Some(_)) => return Err(problem(KEY, &format!("is set without {CERT}; set both"))),
    };
    if url.scheme() != "https" {
        return match get(CA).map(|_| CA).or(identity.map(|_| CERT)) {
            Some(name) => Err(problem(name, "is set while the server's URL is plain http; use https")),
            None => Ok((None, false)),
        };
    }
    let mut config = match get(CA) {
        None => ClientTlsConfig::new().with_native_roots(),
        Some(path) => {
            let pem = pem(CA, path)?;
            if !pem.contains("-----BEGIN CERTIFICATE-----") {
                return Err(problem(CA, &format!("{path} holds no certificate in PEM")));
            }
            ClientTlsConfig::new().ca_certificate(Certificate::from_pem(pem))
        }
    };
    if let Some((cert, key)) = identity {
        config = config.identity(Identity::from_pem(pem(CERT, cert)?, pem(KEY, key)?));
    }
    Ok((Some(config), identity.is_some()))
}

fn read_file(path: &Path) -> Result<Variables, Failure> {
    let problem = |what: String| Failure::Setting(format!("TANDEM_CONFIG: {}: {what}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|error| problem(error.to_string()))?;
    // The message alone: the error's own text repeats the line, which may hold a secret.
    let table: toml::Table =
        text.parse().map_err(|error: toml::de::Error| problem(error.message().to_owned()))?;
    let mut variables = Variables::new();
    for (key, name) in FILE_KEYS {
        match table.get(key) {
            None => {}
            Some(toml::Value::String(value)) => {
                variables.insert(name.to_owned(), value.trim().to_owned());
            }
            Some(_) => return Err(problem(format!("{key} must be a text"))),
        }
    }
    variables.retain(|_, value| !value.is_empty());
    Ok(variables)
}

fn read_token(path: &Path) -> Result<SecretString, Failure> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(SecretString::from(text.trim().to_owned())),
        Err(error) => Err(Failure::Setting(format!(
            "no internal token: {} cannot be read ({error}); set TANDEM_INTERNAL_TOKEN or \
             TANDEM_INTERNAL_TOKEN_FILE, or point TANDEM_DATA_DIR at the server's data directory",
            path.display()
        ))),
    }
}

fn authorization(token: &SecretString) -> Result<MetadataValue<Ascii>, Failure> {
    use secrecy::ExposeSecret as _;
    // The server takes a list while tokens are being changed; the first is the newest.
    let first = token.expose_secret().split(',').map(str::trim).find(|token| !token.is_empty());
    let usable = first.filter(|token| token.bytes().all(|b| b.is_ascii_graphic()));
    let value = usable.and_then(|token| MetadataValue::try_from(format!("Bearer {token}")).ok());
    let mut value = value.ok_or_else(|| {
        let what = "the internal token must be visible ASCII characters without spaces, and not empty";
        Failure::Setting(what.to_owned())
    })?;
    value.set_sensitive(true);
    Ok(value)
}

/// Whether an address is this machine's.
pub(crate) fn is_near(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

fn read_url(text: &str, insecure: bool) -> Result<Url, Failure> {
    let problem = |what: &str| Failure::Setting(format!("the server's URL {what}"));
    let hint = "must be one such as http://127.0.0.1:50051";
    let url = Url::parse(text).map_err(|_| problem(hint))?;
    let is_bare = matches!(url.path(), "" | "/") && url.query().is_none() && url.username().is_empty();
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() || !is_bare {
        return Err(problem(hint));
    }
    if url.scheme() == "http" && !is_near(&url) && !insecure {
        return Err(problem(
            "would send the internal token over plain http to another machine; use https, \
             or say --insecure if the network between is yours",
        ));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)], server_url: Option<&str>, insecure: bool) -> Result<Settings, String> {
        let variables = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let connection = Connection { server_url: server_url.map(str::to_owned), insecure };
        Settings::read(&variables, &connection).map_err(|failure| failure.to_string())
    }

    const TOKEN: (&str, &str) = ("TANDEM_INTERNAL_TOKEN", "s3cret");

    #[test]
    fn arguments_win_over_variables_and_variables_over_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tandem.toml");
        std::fs::write(
            &path,
            "server_url = 'http://127.0.0.1:1'\ninternal_token = 'other'\nmeta_timeout = '10s'\n",
        )
        .unwrap();
        let config = ("TANDEM_CONFIG", path.to_str().unwrap());
        assert_eq!(read(&[config], None, false).unwrap().server_url.port(), Some(1));
        let variable = ("TANDEM_SERVER_URL", "http://127.0.0.1:2");
        assert_eq!(read(&[config, variable], None, false).unwrap().server_url.port(), Some(2));
        let settings = read(&[config, variable, TOKEN], Some("http://127.0.0.1:3"), false).unwrap();
        assert_eq!(settings.server_url.port(), Some(3));
        assert!(!format!("{settings:?}").contains("s3cret"));
        assert_eq!(settings.authorization.unwrap().to_str().unwrap(), "Bearer s3cret");
    }

    #[test]
    fn plain_http_to_another_machine_needs_a_word() {
        assert!(read(&[TOKEN], Some("http://10.0.0.5:1"), false).unwrap_err().contains("--insecure"));
        assert!(read(&[TOKEN], Some("http://10.0.0.5:1"), true).is_ok());
        assert!(read(&[TOKEN], Some("https://10.0.0.5:1"), false).is_ok());
        assert!(read(&[TOKEN], Some("http://localhost:1"), false).is_ok());
        for bad in ["10.0.0.5:1", "ftp://x", "http://127.0.0.1/x"] {
            assert!(read(&[TOKEN], Some(bad), false).unwrap_err().contains("must be one such as"), "{bad}");
        }
    }

    #[test]
    fn certificates_need_https_and_come_in_pairs() {
        let url = Some("https://server.example");
        let plain = read(&[TOKEN, (CA, "/x")], None, false).unwrap_err();
        assert!(plain.starts_with("TANDEM_TLS_CA: ") && plain.contains("use https"), "{plain}");
        let missing = read(&[TOKEN, (CA, "/does/not/exist")], url, false).unwrap_err();
        assert!(missing.starts_with("TANDEM_TLS_CA: /does/not/exist cannot be read"), "{missing}");
        assert!(read(&[TOKEN, (CERT, "/x")], url, false).unwrap_err().contains("set both"));
        assert!(read(&[TOKEN, (KEY, "/x")], url, false).unwrap_err().contains("set both"));
    }

    #[test]
    fn a_missing_token_says_where_it_was_looked_for() {
        let problem = read(&[("TANDEM_DATA_DIR", "/does/not/exist")], None, false).unwrap_err();
        assert!(problem.contains("/does/not/exist/internal-token") && problem.contains("TANDEM_DATA_DIR"));
        let problem = read(&[("TANDEM_INTERNAL_TOKEN", "a s3cret")], None, false).unwrap_err();
        assert!(problem.contains("without spaces") && !problem.contains("s3cret"));
        let first = read(&[("TANDEM_INTERNAL_TOKEN", "newest, older")], None, false).unwrap();
        assert_eq!(first.authorization.unwrap().to_str().unwrap(), "Bearer newest");
    }
}
