//! The HTTP client of the suites.

use std::time::Duration;

/// A client that follows no redirect, uses no proxy, and gives up after 20 s. Each request has its own connection,
/// because the other side may close a kept connection at the moment it is used.
///
/// # Panics
/// When the client cannot be built.
#[must_use]
pub fn client() -> reqwest::Client {
    // The second call in a process is refused, and the first provider stays.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .pool_max_idle_per_host(0)
        .timeout(Duration::from_secs(20))
        .build()
        .expect("a client without a custom configuration builds")
}
