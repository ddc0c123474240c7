//! Settings about TLS: three paths that belong together.

use super::source::{ConfigError, Source};
use crate::net::{Tls, TlsFault};

/// Reads the files at once, so that a mistake shows at the start.
pub(super) fn read_tls(source: &Source) -> Result<Option<Tls>, ConfigError> {
    let (cert, key) = ("TANDEM_TLS_CERT", "TANDEM_TLS_KEY");
    let client_ca = source.get("TANDEM_TLS_CLIENT_CA");
    let without =
        |name, other| Err(ConfigError::new(name, format!("is set without {other}; set both, or neither")));
    match (source.get(cert), source.get(key)) {
        (Some(cert), Some(key)) => Tls::load(cert.into(), key.into(), client_ca.map(Into::into))
            .map(Some)
            .map_err(|TlsFault { name, what }| ConfigError::new(name, what)),
        (Some(_), None) => without(cert, key),
        (None, Some(_)) => without(key, cert),
        (None, None) if client_ca.is_some() => {
            without("TANDEM_TLS_CLIENT_CA", "TANDEM_TLS_CERT and TANDEM_TLS_KEY")
        }
        (None, None) => Ok(None),
    }
}
