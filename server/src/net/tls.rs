//! Certificates: read at the start, and again for the next connection when their files have
//! changed. Files that cannot be used change nothing but the log.

use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};

/// Protocols, the preferred first: native gRPC needs HTTP/2, pages may have either.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// Why certificates cannot be used: the setting at fault, and what is expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name}: {what}")]
pub struct TlsFault {
    /// Variable whose file it is.
    pub name: &'static str,
    /// What is wrong.
    pub what: String,
}

/// The server's certificate, and who may call with one of their own.
pub struct Tls {
    cert: PathBuf,
    key: PathBuf,
    client_ca: Option<PathBuf>,
    known: Mutex<Known>,
}

struct Known {
    stamps: Vec<Option<Stamp>>,
    config: Arc<ServerConfig>,
}

/// What tells one state of a file from the next: length, time, and the number that changes
/// when another file takes its name.
type Stamp = (u64, Option<SystemTime>, u64);

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls").field("cert", &self.cert).field("client_ca", &self.client_ca).finish()
    }
}

impl Tls {
    /// Reads the PEM files: the certificate with what stands between it and its root, its
    /// key, and the CAs whose certificates make an internal caller.
    ///
    /// # Errors
    /// When a file cannot be read or used.
    pub fn load(cert: PathBuf, key: PathBuf, client_ca: Option<PathBuf>) -> Result<Self, TlsFault> {
        let stamps = stamps(&cert, &key, client_ca.as_deref());
        let config = Arc::new(read(&cert, &key, client_ca.as_deref())?);
        Ok(Self { cert, key, client_ca, known: Mutex::new(Known { stamps, config }) })
    }

    /// What the next connection is served with.
    pub fn current(&self) -> Arc<ServerConfig> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let client_ca = self.client_ca.as_deref();
        let stamps = stamps(&self.cert, &self.key, client_ca);
        if stamps != known.stamps {
            match read(&self.cert, &self.key, client_ca) {
                Ok(config) => {
                    known.config = Arc::new(config);
                    tracing::info!("the certificates have changed and are used from now on");
                }
                Err(fault) => {
                    tracing::warn!(
                        setting = fault.name,
                        fault = fault.what,
                        "the changed certificates cannot be used; the ones before stay"
                    );
                }
            }
            // Noted either way: one change is one line in the log.
            known.stamps = stamps;
        }
        Arc::clone(&known.config)
    }
}

fn stamps(cert: &Path, key: &Path, client_ca: Option<&Path>) -> Vec<Option<Stamp>> {
    let stamp = |metadata: &Metadata| {
        (metadata.len(), metadata.modified().ok(), std::os::unix::fs::MetadataExt::ino(metadata))
    };
    let paths = [Some(cert), Some(key), client_ca];
    paths.into_iter().flatten().map(|path| std::fs::metadata(path).ok().as_ref().map(stamp)).collect()
}

fn read(cert: &Path, key: &Path, client_ca: Option<&Path>) -> Result<ServerConfig, TlsFault> {
    let certs = certificates("TANDEM_TLS_CERT", cert)?;
    let fault = |name, path: &Path, what: &dyn std::fmt::Display| TlsFault {
        name,
        what: format!("{} {what}", path.display()),
    };
    let key_name = "TANDEM_TLS_KEY";
    let secret = PrivateKeyDer::from_pem_file(key).map_err(|error| {
        fault(key_name, key, &format_args!("holds no usable private key in PEM: {error}"))
    })?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| fault("TANDEM_TLS_CERT", cert, &error))?;
    let builder = match client_ca {
        None => builder.with_no_client_auth(),
        Some(path) => builder.with_client_cert_verifier(verifier(path, provider)?),
    };
    let mut config = builder.with_single_cert(certs, secret).map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => fault(
            key_name,
            key,
            &format_args!("is not the key of the certificate in {} (TANDEM_TLS_CERT)", cert.display()),
        ),
        error => fault("TANDEM_TLS_CERT", cert, &format_args!("cannot be used: {error}")),
    })?;
    config.alpn_protocols = PROTOCOLS.iter().map(|name| name.to_vec()).collect();
    Ok(config)
}

/// A page has no certificate, so none is asked for in earnest; one that is presented must
/// be good.
fn verifier(
    path: &Path,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn rustls::server::danger::ClientCertVerifier>, TlsFault> {
    let name = "TANDEM_TLS_CLIENT_CA";
    let fault = |error: &dyn std::fmt::Display| TlsFault {
        name,
        what: format!("{} cannot be used: {error}", path.display()),
    };
    let mut roots = RootCertStore::empty();
    for certificate in certificates(name, path)? {
        roots.add(certificate).map_err(|error| fault(&error))?;
    }
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
        .allow_unauthenticated()
        .build()
        .map_err(|error| fault(&error))
}

fn certificates(name: &'static str, path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsFault> {
    let fault = |what: String| TlsFault { name, what: format!("{} {what}", path.display()) };
    let certificates: Vec<_> = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(|error| fault(format!("cannot be read as PEM: {error}")))?;
    if certificates.is_empty() {
        Err(fault("holds no certificate in PEM".to_owned()))
    } else {
        Ok(certificates)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Files {
        folder: tempfile::TempDir,
    }

    impl Files {
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

        fn load(&self, client_ca: Option<&str>) -> Result<Tls, TlsFault> {
            Tls::load(self.path("cert.pem"), self.path("key.pem"), client_ca.map(|name| self.path(name)))
        }
    }

    #[test]
    fn files_that_cannot_be_used_are_one_line_that_names_the_setting() {
        let files = Files::new();
        std::fs::write(files.path("empty.pem"), "").unwrap();
        let fault = |client_ca| files.load(client_ca).expect_err("must be refused").to_string();
        assert!(fault(Some("missing.pem")).starts_with("TANDEM_TLS_CLIENT_CA: "));
        assert!(fault(Some("empty.pem")).contains("holds no certificate"));
        let key = std::fs::read(files.path("key.pem")).unwrap();
        files.write_pair("other.example");
        std::fs::write(files.path("key.pem"), key).unwrap();
        let mismatch = fault(None);
        assert!(
            mismatch.starts_with("TANDEM_TLS_KEY: ") && mismatch.contains("is not the key"),
            "{mismatch}"
        );
        std::fs::write(files.path("key.pem"), "no key").unwrap();
        let broken = fault(None);
        assert!(broken.starts_with("TANDEM_TLS_KEY: ") && !broken.contains('\n'), "{broken}");
        std::fs::remove_file(files.path("cert.pem")).unwrap();
        assert!(fault(None).starts_with("TANDEM_TLS_CERT: "));
    }

    #[test]
    fn changed_files_are_used_and_broken_ones_change_nothing() {
        let files = Files::new();
        let tls = files.load(None).unwrap();
        let first = tls.current();
        assert!(Arc::ptr_eq(&first, &tls.current()), "nothing has changed");
        std::fs::write(files.path("cert.pem"), "half a fi").unwrap();
        assert!(Arc::ptr_eq(&first, &tls.current()), "the broken file is not used");
        files.write_pair("renewed.example");
        let renewed = tls.current();
        assert!(!Arc::ptr_eq(&first, &renewed));
        std::fs::remove_file(files.path("key.pem")).unwrap();
        assert!(Arc::ptr_eq(&renewed, &tls.current()), "the last known one stays");
    }
}
