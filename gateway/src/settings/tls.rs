//! How TLS to the server is checked: whose certificates are believed, and the one that the
//! gateway shows of its own. The files are read again when they change.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use tonic::transport::{Certificate, ClientTlsConfig, Identity};

use super::SettingProblem;

const CA: &str = "TANDEM_TLS_CA";
const CERT: &str = "TANDEM_TLS_CLIENT_CERT";
const KEY: &str = "TANDEM_TLS_CLIENT_KEY";

/// Paths of PEM files; without any, the system's roots are believed and nothing is shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct TlsFiles {
    ca: Option<PathBuf>,
    identity: Option<(PathBuf, PathBuf)>,
}

/// What tells one state of a file from the next.
pub(super) type Stamp = Option<(u64, Option<SystemTime>)>;

impl TlsFiles {
    /// Takes the paths from the settings.
    pub(super) fn read<'a>(get: impl Fn(&str) -> Option<&'a str>) -> Result<Self, SettingProblem> {
        let identity = match (get(CERT), get(KEY)) {
            (Some(cert), Some(key)) => Some((cert.into(), key.into())),
            (None, None) => None,
            (Some(_), None) => {
                return Err(SettingProblem::new(CERT, format!("is set without {KEY}; set both")));
            }
            (None, Some(_)) => {
                return Err(SettingProblem::new(KEY, format!("is set without {CERT}; set both")));
            }
        };
        Ok(Self { ca: get(CA).map(Into::into), identity })
    }

    /// Name of a setting that is of no use without TLS.
    pub(super) fn any_name(&self) -> Option<&'static str> {
        self.ca.as_ref().map(|_| CA).or(self.identity.as_ref().map(|_| CERT))
    }

    /// Whether a certificate is shown to the server, which may take it for the token.
    pub(super) fn has_identity(&self) -> bool {
        self.identity.is_some()
    }

    /// States of the files.
    pub(super) fn stamps(&self) -> Vec<Stamp> {
        let identity = self.identity.iter().flat_map(|(cert, key)| [cert, key]);
        let paths = self.ca.iter().chain(identity);
        paths
            .map(|path| {
                std::fs::metadata(path).ok().map(|metadata| (metadata.len(), metadata.modified().ok()))
            })
            .collect()
    }

    /// Reads the files. A named CA takes the place of the system's.
    pub(super) fn config(&self) -> Result<ClientTlsConfig, SettingProblem> {
        let mut config = match &self.ca {
            None => ClientTlsConfig::new().with_native_roots(),
            Some(path) => {
                let pem = pem(CA, path)?;
                if !pem.contains("-----BEGIN CERTIFICATE-----") {
                    return Err(SettingProblem::new(
                        CA,
                        format!("{} holds no certificate in PEM", path.display()),
                    ));
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

fn pem(name: &'static str, path: &Path) -> Result<String, SettingProblem> {
    std::fs::read_to_string(path)
        .map_err(|error| SettingProblem::new(name, format!("{} cannot be read: {error}", path.display())))
}
