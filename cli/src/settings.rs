//! Where the server is, and the internal token: arguments, then variables, then the file
//! that `TANDEM_CONFIG` names, then defaults.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use secrecy::SecretString;
use tonic::metadata::{Ascii, MetadataValue};
use url::{Host, Url};

use crate::arguments::Connection;
use crate::failure::Failure;

const SERVER_URL_DEFAULT: &str = "http://127.0.0.1:50051";
const DATA_DIR_DEFAULT: &str = "./data";
const TOKEN_FILE: &str = "internal-token";

/// What this tool takes from the file; the rest of it is other programs', which check it.
const FILE_KEYS: [(&str, &str); 4] = [
    ("server_url", "TANDEM_SERVER_URL"),
    ("internal_token", "TANDEM_INTERNAL_TOKEN"),
    ("internal_token_file", "TANDEM_INTERNAL_TOKEN_FILE"),
    ("data_dir", "TANDEM_DATA_DIR"),
];

/// Texts of settings by variable name.
pub(crate) type Variables = BTreeMap<String, String>;

/// Everything a command needs to call the server.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) server_url: Url,
    /// Value of the `authorization` header; sensitive, so `Debug` shows no part of it.
    pub(crate) authorization: MetadataValue<Ascii>,
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
        let token = match (get("TANDEM_INTERNAL_TOKEN"), get("TANDEM_INTERNAL_TOKEN_FILE")) {
            (Some(_), Some(_)) => {
                let what = "TANDEM_INTERNAL_TOKEN and TANDEM_INTERNAL_TOKEN_FILE are both set; keep one";
                return Err(Failure::Setting(what.to_owned()));
            }
            (Some(token), None) => SecretString::from(token.to_owned()),
            (None, Some(path)) => read_token(Path::new(path))?,
            (None, None) => {
                let folder = PathBuf::from(get("TANDEM_DATA_DIR").unwrap_or(DATA_DIR_DEFAULT));
                read_token(&folder.join(TOKEN_FILE))?
            }
        };
        Ok(Self { server_url, authorization: authorization(&token)? })
    }
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

fn read_url(text: &str, insecure: bool) -> Result<Url, Failure> {
    let problem = |what: &str| Failure::Setting(format!("the server's URL {what}"));
    let hint = "must be one such as http://127.0.0.1:50051";
    let url = Url::parse(text).map_err(|_| problem(hint))?;
    let is_bare = matches!(url.path(), "" | "/") && url.query().is_none() && url.username().is_empty();
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() || !is_bare {
        return Err(problem(hint));
    }
    let is_near = match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    if url.scheme() == "http" && !is_near && !insecure {
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
        assert_eq!(settings.authorization.to_str().unwrap(), "Bearer s3cret");
        assert!(!format!("{settings:?}").contains("s3cret"));
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
    fn a_missing_token_says_where_it_was_looked_for() {
        let problem = read(&[("TANDEM_DATA_DIR", "/does/not/exist")], None, false).unwrap_err();
        assert!(problem.contains("/does/not/exist/internal-token") && problem.contains("TANDEM_DATA_DIR"));
        let problem = read(&[("TANDEM_INTERNAL_TOKEN", "a s3cret")], None, false).unwrap_err();
        assert!(problem.contains("without spaces") && !problem.contains("s3cret"));
        let first = read(&[("TANDEM_INTERNAL_TOKEN", "newest, older")], None, false).unwrap();
        assert_eq!(first.authorization.to_str().unwrap(), "Bearer newest");
    }
}
