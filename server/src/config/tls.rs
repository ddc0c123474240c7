//! Settings about TLS: three paths that belong together.

use tandem_settings::keys::{Key, TANDEM_TLS_CERT, TANDEM_TLS_CLIENT_CA, TANDEM_TLS_KEY};
use tandem_settings::{SettingError, Source};

use crate::net::{Tls, TlsFault};

/// Reads the files at once, so that a mistake shows at the start.
pub(super) fn read_tls(source: &Source) -> Result<Option<Tls>, SettingError> {
    let client_ca = source.get(TANDEM_TLS_CLIENT_CA);
    let without = |key: Key, other: &str| {
        Err(SettingError::new(key.name, format!("is set without {other}; set both, or neither")))
    };
    match (source.get(TANDEM_TLS_CERT), source.get(TANDEM_TLS_KEY)) {
        (Some(cert), Some(key)) => Tls::load(cert.into(), key.into(), client_ca.map(Into::into))
            .map(Some)
            .map_err(|TlsFault { name, what }| SettingError::new(name, what)),
        (Some(_), None) => without(TANDEM_TLS_CERT, TANDEM_TLS_KEY.name),
        (None, Some(_)) => without(TANDEM_TLS_KEY, TANDEM_TLS_CERT.name),
        (None, None) if client_ca.is_some() => {
            without(TANDEM_TLS_CLIENT_CA, "TANDEM_TLS_CERT and TANDEM_TLS_KEY")
        }
        (None, None) => Ok(None),
    }
}
