//! Settings about TLS: three paths that belong together, and the names of the shop's own services.

use tandem_net::{ClientNames, PemFile, Tls, TlsError};
use tandem_settings::keys::{
    Key, TANDEM_TLS_CERT, TANDEM_TLS_CLIENT_CA, TANDEM_TLS_CLIENT_NAMES, TANDEM_TLS_KEY,
};
use tandem_settings::{SettingError, Source};

/// Reads the files at the start, so that a mistake shows then.
pub(super) fn read_tls(source: &Source) -> Result<Option<Tls>, SettingError> {
    let file = |key: Key| source.get(key).map(|path| PemFile { setting: key.name, path: path.into() });
    let without = |key: Key, other: &str| {
        Err(SettingError::new(key.name, format!("is set without {other}; set both, or neither")))
    };
    let client_names = source.optional(TANDEM_TLS_CLIENT_NAMES, ClientNames::parse)?;
    if client_names.is_some() && source.get(TANDEM_TLS_CLIENT_CA).is_none() {
        return without(TANDEM_TLS_CLIENT_NAMES, TANDEM_TLS_CLIENT_CA.name);
    }
    let client_names = client_names.unwrap_or_default();
    match (file(TANDEM_TLS_CERT), file(TANDEM_TLS_KEY), file(TANDEM_TLS_CLIENT_CA)) {
        (Some(cert), Some(key), client_ca) => Tls::load(cert, key, client_ca, client_names)
            .map(Some)
            .map_err(|TlsError { setting, what }| SettingError::new(setting, what)),
        (Some(_), None, _) => without(TANDEM_TLS_CERT, TANDEM_TLS_KEY.name),
        (None, Some(_), _) => without(TANDEM_TLS_KEY, TANDEM_TLS_CERT.name),
        (None, None, Some(_)) => without(TANDEM_TLS_CLIENT_CA, "TANDEM_TLS_CERT and TANDEM_TLS_KEY"),
        (None, None, None) => Ok(None),
    }
}
