//! The plain HTTP client of the suites.

use std::time::Duration;

/// A client that follows no redirect, uses no proxy, and gives up after 20 s.
///
/// # Panics
/// When the client cannot be built, which would be a fault of the build.
#[must_use]
pub fn client() -> reqwest::Client {
    // A second installation is refused; the first one stays.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(Duration::from_secs(20))
        .build()
        .expect("a client without a custom configuration builds")
}
