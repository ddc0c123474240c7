//! HTTP clients for the checks.

use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, Response};

use crate::error::CliError;

/// Longest wait for an answer.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Most bytes of a page that are read.
const PAGE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// A client that follows no redirect.
pub(super) fn strict(ca: Option<&str>) -> Result<Client, CliError> {
    client(ca, Policy::none())
}

/// A client that follows a site's own redirects, as a browser does on the way to a page.
pub(super) fn browsing(ca: Option<&str>) -> Result<Client, CliError> {
    client(ca, tandem_lint::redirects_of_one_site())
}

fn client(ca: Option<&str>, redirects: Policy) -> Result<Client, CliError> {
    // An error means that a provider is installed already. It serves as well.
    drop(rustls::crypto::ring::default_provider().install_default());
    let unusable = |error: reqwest::Error| CliError::Setting(format!("TLS cannot be prepared: {error}"));
    let mut client = Client::builder()
        .timeout(TIMEOUT)
        .redirect(redirects)
        .user_agent(concat!("tandem-doctor/", env!("CARGO_PKG_VERSION")));
    for certificate in ca.map(|pem| Certificate::from_pem_bundle(pem.as_bytes())).into_iter() {
        for certificate in certificate.map_err(unusable)? {
            client = client.add_root_certificate(certificate);
        }
    }
    client.build().map_err(unusable)
}

/// Why no answer came, in a few words and without the address.
pub(super) fn why(error: reqwest::Error) -> String {
    if error.is_timeout() {
        return "it is too slow".to_owned();
    }
    let error = error.without_url();
    let mut cause: &dyn std::error::Error = &error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

/// A body's text, as much of it as is read.
pub(super) async fn text(mut response: Response) -> Result<String, reqwest::Error> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() >= PAGE_BYTES_MAX {
            bytes.truncate(PAGE_BYTES_MAX);
            break;
        }
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
