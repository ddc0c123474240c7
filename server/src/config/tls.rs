//! Settings about TLS: three paths that belong together.

use tandem_net::{PemFile, Tls, TlsError};

use super::source::{ConfigError, Source};

/// Reads the files at once, so that a mistake shows at the start.
pub(super) fn read_tls(source: &Source) -> Result<Option<Tls>, ConfigError> {
    let (cert, key, client_ca) = ("TANDEM_TLS_CERT", "TANDEM_TLS_KEY", "TANDEM_TLS_CLIENT_CA");
    let file = |setting| source.get(setting).map(|path| PemFile { setting, path: path.into() });
    let without =
        |name, other| Err(ConfigError::new(name, format!("is set without {other}; set both, or neither")));
    match (file(cert), file(key), file(client_ca)) {
        (Some(cert), Some(key), client_ca) => Tls::load(cert, key, client_ca)
            .map(Some)
            .map_err(|TlsError { setting, what }| ConfigError::new(setting, what)),
        (Some(_), None, _) => without(cert, key),
        (None, Some(_), _) => without(key, cert),
        (None, None, Some(_)) => without(client_ca, "TANDEM_TLS_CERT and TANDEM_TLS_KEY"),
        (None, None, None) => Ok(None),
    }
}
