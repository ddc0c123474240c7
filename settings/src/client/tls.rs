//! TLS to the server: the CAs that are trusted, and the certificate that the program presents.

use std::path::{Path, PathBuf};

use tonic::transport::{Certificate, ClientTlsConfig, Identity};

use crate::keys::{Key, TANDEM_TLS_CA as CA, TANDEM_TLS_CLIENT_CERT as CERT, TANDEM_TLS_CLIENT_KEY as KEY};
use crate::source::{SettingError, Source};
use crate::watched::FileState;

/// Paths of PEM files. Without any, the system's CAs are trusted and no certificate is presented.
#[derive(Debug)]
pub(super) struct TlsFiles {
    ca: Option<PathBuf>,
    identity: Option<(PathBuf, PathBuf)>,
}

impl TlsFiles {
    pub(super) fn read(source: &Source) -> Result<Self, SettingError> {
        let without = |key: Key, other: Key| {
            SettingError::new(key.name, format!("is set without {}; set both", other.name))
        };
        let identity = match (source.get(CERT), source.get(KEY)) {
            (Some(cert), Some(key)) => Some((cert.into(), key.into())),
            (None, None) => None,
            (Some(_), None) => return Err(without(CERT, KEY)),
            (None, Some(_)) => return Err(without(KEY, CERT)),
        };
        Ok(Self { ca: source.get(CA).map(Into::into), identity })
    }

    /// Name of a setting in use that needs TLS.
    pub(super) fn any_name(&self) -> Option<&'static str> {
        self.ca.as_ref().map(|_| CA.name).or(self.identity.as_ref().map(|_| CERT.name))
    }

    pub(super) fn has_identity(&self) -> bool {
        self.identity.is_some()
    }

    pub(super) fn states(&self) -> Vec<Option<FileState>> {
        let identity = self.identity.iter().flat_map(|(cert, key)| [cert, key]);
        self.ca.iter().chain(identity).map(|path| FileState::of(path)).collect()
    }

    /// Text of the CA's file. `None` if no CA is set or its file cannot be read.
    pub(super) fn ca_pem(&self) -> Option<String> {
        std::fs::read_to_string(self.ca.as_ref()?).ok()
    }

    /// Reads the files. A configured CA replaces the system's CAs.
    pub(super) fn config(&self) -> Result<ClientTlsConfig, SettingError> {
        let mut config = match &self.ca {
            None => ClientTlsConfig::new().with_native_roots(),
            Some(path) => {
                let pem = pem(CA, path)?;
                if !pem.contains("-----BEGIN CERTIFICATE-----") {
                    let what = format!("{} contains no certificate in PEM", path.display());
                    return Err(SettingError::new(CA.name, what));
                }
                ClientTlsConfig::new().ca_certificate(Certificate::from_pem(pem))
            }
        };
        if let Some((cert, key)) = &self.identity {
            config = config.identity(Identity::from_pem(pem(CERT, cert)?, pem(KEY, key)?));
        }
        Ok(config)
    }
}

fn pem(key: Key, path: &Path) -> Result<String, SettingError> {
    let error = |error| SettingError::new(key.name, format!("{} cannot be read: {error}", path.display()));
    std::fs::read_to_string(path).map_err(error)
}
