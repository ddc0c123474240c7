//! The fake Graph API under the real one's name: a proxy that answers for `graph.facebook.com` with a certificate of a
//! test's own authority, and passes what it is told to the sandbox. The name is never resolved, and nothing leaves the
//! machine.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use crate::certificates::Authority;
use crate::process::Environment;

/// Meta's host.
const NAME: &str = "graph.facebook.com";
/// Largest head of a request to the proxy, in bytes.
const HEAD_BYTES_MAX: usize = 8 * 1024;

/// The running proxy. It stops when it is dropped.
#[derive(Debug)]
pub struct MetasName {
    task: JoinHandle<()>,
    /// What the server needs to believe that it speaks to Meta.
    pub environment: Environment,
}

impl Drop for MetasName {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl MetasName {
    /// Starts the proxy. `sandbox` is the sandbox's URL; the authority's certificate is written to `folder`.
    ///
    /// # Errors
    /// When no port is free, or the certificate cannot be made.
    pub async fn start(sandbox: &str, folder: &Path) -> anyhow::Result<Self> {
        let authority = Authority::new("Meta of the suites")?;
        let pair = authority.sign(NAME)?;
        let trusted = folder.join("meta-ca.pem");
        std::fs::write(&trusted, &authority.pem)?;
        drop(rustls::crypto::ring::default_provider().install_default());
        let config = ServerConfig::builder().with_no_client_auth().with_single_cert(
            vec![CertificateDer::from_pem_slice(pair.cert.as_bytes())?],
            PrivateKeyDer::from_pem_slice(pair.key.as_bytes())?,
        )?;
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let proxy = format!("http://{}", listener.local_addr()?);
        let behind = sandbox.trim_start_matches("http://").to_owned();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, behind) = (acceptor.clone(), behind.clone());
                tokio::spawn(async move { pass_on(stream, &acceptor, &behind).await });
            }
        });
        let environment = [
            ("META_GRAPH_URL", format!("https://{NAME}/graph")),
            ("https_proxy", proxy),
            ("SSL_CERT_FILE", trusted.display().to_string()),
        ];
        let environment = environment.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Ok(Self { task, environment })
    }
}

/// Serves one tunnel. A broken one ends, as at any proxy.
async fn pass_on(mut stream: TcpStream, acceptor: &TlsAcceptor, behind: &str) -> anyhow::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") && head.len() < HEAD_BYTES_MAX {
        head.push(stream.read_u8().await?);
    }
    anyhow::ensure!(head.starts_with(format!("CONNECT {NAME}:443 ").as_bytes()), "only to Meta");
    stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
    let mut tunnel = acceptor.accept(stream).await?;
    let mut sandbox = TcpStream::connect(behind).await.context("the sandbox is away")?;
    copy_bidirectional(&mut tunnel, &mut sandbox).await?;
    Ok(())
}
