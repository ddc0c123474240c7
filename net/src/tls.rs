//! Certificates. They are read at the start, and again for the next connection when their files have
//! changed. If the changed files cannot be used, an error is logged and the old certificates stay in use.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::verify_server_name;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};
use tandem_settings::FileState;

/// Protocols, the preferred one first. Native gRPC needs HTTP/2. Pages may use either.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// Why certificates cannot be used: the setting at fault, and what is expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{setting}: {what}")]
pub struct TlsError {
    /// The setting that names the file.
    pub setting: &'static str,
    /// What is wrong.
    pub what: String,
}

/// A PEM file, and the setting that names it.
#[derive(Debug, Clone)]
pub struct PemFile {
    pub setting: &'static str,
    pub path: PathBuf,
}

impl PemFile {
    fn error(&self, what: impl std::fmt::Display) -> TlsError {
        TlsError { setting: self.setting, what: format!("{} {what}", self.path.display()) }
    }
}

/// Which of the accepted client certificates prove an internal caller.
#[derive(Debug, Clone, Default)]
pub enum ClientNames {
    /// All of them: the CA signs nothing else.
    #[default]
    All,
    /// Those that are valid for one of these names (subject alternative names; RFC 9525 gives the common
    /// name no meaning).
    Listed(Vec<ServerName<'static>>),
}

impl ClientNames {
    /// Reads DNS names and addresses, separated by commas.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, String> {
        let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
        let read = |name: &str| {
            let what = || format!("{name:?} is neither a DNS name nor an address; a wildcard is not taken");
            ServerName::try_from(name.to_owned()).map_err(|_| what())
        };
        let names = names.map(read).collect::<Result<Vec<_>, _>>()?;
        if names.is_empty() {
            Err("names nobody; unset it, or give a name".into())
        } else {
            Ok(Self::Listed(names))
        }
    }

    fn include(&self, certificate: &CertificateDer<'_>) -> bool {
        match self {
            Self::All => true,
            Self::Listed(names) => ParsedCertificate::try_from(certificate).is_ok_and(|certificate| {
                names.iter().any(|name| verify_server_name(&certificate, name).is_ok())
            }),
        }
    }
}

/// The server's certificate, and the CAs whose client certificates it accepts.
pub struct Tls {
    files: Files,
    client_names: ClientNames,
    known: Mutex<Known>,
}

#[derive(Debug)]
struct Files {
    cert: PemFile,
    key: PemFile,
    client_ca: Option<PemFile>,
}

struct Known {
    states: Vec<Option<FileState>>,
    config: Arc<ServerConfig>,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls").field("files", &self.files).finish_non_exhaustive()
    }
}

impl Tls {
    /// Reads the PEM files: the certificate with its intermediate certificates, its key, and the CAs
    /// whose client certificates are accepted. `client_names` says which of those prove an internal caller.
    ///
    /// # Errors
    /// [`TlsError`] if a file cannot be read or used. It names the file's setting.
    pub fn load(
        cert: PemFile,
        key: PemFile,
        client_ca: Option<PemFile>,
        client_names: ClientNames,
    ) -> Result<Self, TlsError> {
        let files = Files { cert, key, client_ca };
        let states = files.states();
        let config = Arc::new(files.read()?);
        Ok(Self { files, client_names, known: Mutex::new(Known { states, config }) })
    }

    /// Whether every client certificate of the CA proves an internal caller.
    pub fn trusts_whole_ca(&self) -> bool {
        self.files.client_ca.is_some() && matches!(self.client_names, ClientNames::All)
    }

    /// Whether a connection's client certificates prove an internal caller. The handshake has verified them.
    pub(crate) fn proves_internal(&self, presented: Option<&[CertificateDer<'_>]>) -> bool {
        presented.and_then(<[_]>::first).is_some_and(|certificate| self.client_names.include(certificate))
    }

    /// The configuration for the next connection.
    pub fn current(&self) -> Arc<ServerConfig> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let states = self.files.states();
        if states != known.states {
            match self.files.read() {
                Ok(config) => {
                    known.config = Arc::new(config);
                    tracing::info!("the certificates have changed and are used from now on");
                }
                Err(TlsError { setting, what }) => {
                    tracing::warn!(
                        setting,
                        error = what,
                        "the changed certificates cannot be used; the old ones stay in use"
                    );
                }
            }
            // The new state is stored in both cases, so that one change gives one line in the log.
            known.states = states;
        }
        Arc::clone(&known.config)
    }
}

impl Files {
    fn states(&self) -> Vec<Option<FileState>> {
        let files = [Some(&self.cert), Some(&self.key), self.client_ca.as_ref()];
        files.into_iter().flatten().map(|file| FileState::of(&file.path)).collect()
    }

    fn read(&self) -> Result<ServerConfig, TlsError> {
        let Self { cert, key, client_ca } = self;
        let certs = certificates(cert)?;
        let secret = PrivateKeyDer::from_pem_file(&key.path)
            .map_err(|error| key.error(format_args!("contains no usable private key in PEM: {error}")))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| cert.error(error))?;
        let builder = match client_ca {
            None => builder.with_no_client_auth(),
            Some(file) => builder.with_client_cert_verifier(verifier(file, provider)?),
        };
        let mut config = builder.with_single_cert(certs, secret).map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => key.error(format_args!(
                "is not the key of the certificate in {} ({})",
                cert.path.display(),
                cert.setting
            )),
            error => cert.error(format_args!("cannot be used: {error}")),
        })?;
        config.alpn_protocols = PROTOCOLS.iter().map(|name| name.to_vec()).collect();
        Ok(config)
    }
}

/// Client certificates are optional, because pages have none. A certificate that is presented must
/// be valid.
fn verifier(
    file: &PemFile,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn rustls::server::danger::ClientCertVerifier>, TlsError> {
    let unusable = |error: &dyn std::fmt::Display| file.error(format_args!("cannot be used: {error}"));
    let mut roots = RootCertStore::empty();
    for certificate in certificates(file)? {
        roots.add(certificate).map_err(|error| unusable(&error))?;
    }
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
        .allow_unauthenticated()
        .build()
        .map_err(|error| unusable(&error))
}

fn certificates(file: &PemFile) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let certificates: Vec<_> = CertificateDer::pem_file_iter(&file.path)
        .and_then(Iterator::collect)
        .map_err(|error| file.error(format_args!("cannot be read as PEM: {error}")))?;
    if certificates.is_empty() { Err(file.error("contains no certificate in PEM")) } else { Ok(certificates) }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Folder {
        folder: tempfile::TempDir,
    }

    impl Folder {
        fn new() -> Self {
            let files = Self { folder: tempfile::tempdir().unwrap() };
            files.write_pair("server.example");
            files
        }

        fn path(&self, name: &str) -> PathBuf {
            self.folder.path().join(name)
        }

        fn write_pair(&self, name: &str) {
            let rcgen::CertifiedKey { cert, signing_key } =
                rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
            std::fs::write(self.path("cert.pem"), cert.pem()).unwrap();
            std::fs::write(self.path("key.pem"), signing_key.serialize_pem()).unwrap();
        }

        fn load(&self, client_ca: Option<&str>) -> Result<Tls, TlsError> {
            let file = |setting, name| PemFile { setting, path: self.path(name) };
            Tls::load(
                file("CERT", "cert.pem"),
                file("KEY", "key.pem"),
                client_ca.map(|name| file("CLIENT_CA", name)),
                ClientNames::All,
            )
        }
    }

    #[test]
    fn files_that_cannot_be_used_are_one_line_that_names_the_setting() {
        let files = Folder::new();
        std::fs::write(files.path("empty.pem"), "").unwrap();
        let error = |client_ca| files.load(client_ca).expect_err("must be refused").to_string();
        assert!(error(Some("missing.pem")).starts_with("CLIENT_CA: "));
        assert!(error(Some("empty.pem")).contains("contains no certificate"));
        let key = std::fs::read(files.path("key.pem")).unwrap();
        files.write_pair("other.example");
        std::fs::write(files.path("key.pem"), key).unwrap();
        let mismatch = error(None);
        assert!(mismatch.starts_with("KEY: ") && mismatch.contains("is not the key"), "{mismatch}");
        std::fs::write(files.path("key.pem"), "no key").unwrap();
        let broken = error(None);
        assert!(broken.starts_with("KEY: ") && !broken.contains('\n'), "{broken}");
        std::fs::remove_file(files.path("cert.pem")).unwrap();
        assert!(error(None).starts_with("CERT: "));
    }

    #[test]
    fn changed_files_are_used_and_broken_ones_change_nothing() {
        let files = Folder::new();
        let tls = files.load(None).unwrap();
        let first = tls.current();
        assert!(Arc::ptr_eq(&first, &tls.current()), "nothing has changed");
        std::fs::write(files.path("cert.pem"), "half a fi").unwrap();
        assert!(Arc::ptr_eq(&first, &tls.current()), "the broken file is not used");
        files.write_pair("renewed.example");
        let renewed = tls.current();
        assert!(!Arc::ptr_eq(&first, &renewed));
        std::fs::remove_file(files.path("key.pem")).unwrap();
        assert!(Arc::ptr_eq(&renewed, &tls.current()), "the last good certificate stays in use");
    }

    #[test]
    fn a_certificate_is_internal_by_one_of_its_alternative_names() {
        let signed = |name: &str| {
            let names = [name.to_owned()];
            rcgen::generate_simple_self_signed(names).unwrap().cert.der().to_owned()
        };
        let names = ClientNames::parse("gateway.internal, Reports.shop.internal,10.0.0.7").unwrap();
        for internal in ["gateway.internal", "reports.shop.internal", "10.0.0.7", "*.shop.internal"] {
            assert!(names.include(&signed(internal)), "{internal}");
        }
        for other in
            ["laptop.internal", "internal", "a.gateway.internal", "gateway.internal.example", "10.0.0.8"]
        {
            assert!(!names.include(&signed(other)), "{other}");
        }
        assert!(ClientNames::All.include(&signed("laptop.internal")));
        for unusable in ["", " , ", "*.internal", "gate way", "https://gateway.internal"] {
            assert!(ClientNames::parse(unusable).is_err(), "{unusable}");
        }
    }
}
