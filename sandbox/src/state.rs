//! The state that all requests share.

use std::ops::Deref;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use crate::config::{LiveConfig, Settings};
use crate::faults::Faults;
use crate::journal::Journal;
use crate::lock::lock;
use crate::orders::Orders;

/// How long a webhook's receiver may take. Cashfree publishes no figure; ten seconds is generous.
const WEBHOOK_TIMEOUT: Duration = Duration::from_secs(10);

/// The sandbox's state; cloning shares it.
#[derive(Clone, Debug)]
pub struct Sandbox(Arc<Shared>);

/// Everything behind a [`Sandbox`].
#[derive(Debug)]
pub struct Shared {
    /// The settings as given at start.
    pub settings: Settings,
    pub faults: Faults,
    /// For outgoing webhooks: no redirects, as Cashfree follows none.
    pub http: reqwest::Client,
    live: Mutex<LiveConfig>,
    journal: Mutex<Journal>,
    orders: Mutex<Orders>,
    epoch: AtomicU64,
}

impl Deref for Sandbox {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl Sandbox {
    /// A sandbox in which nothing has happened yet.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        // In tests, a second call finds the provider installed already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(WEBHOOK_TIMEOUT)
            // The other side may close a kept connection at the moment it is used.
            .pool_max_idle_per_host(0)
            .no_proxy()
            .build()
            .unwrap_or_default();
        let live = LiveConfig::new(&settings);
        Self(Arc::new(Shared {
            settings,
            faults: Faults::default(),
            http,
            live: Mutex::new(live),
            journal: Mutex::new(Journal::default()),
            orders: Mutex::new(Orders::default()),
            epoch: AtomicU64::new(0),
        }))
    }
}

impl Shared {
    /// A copy of the changeable settings.
    #[must_use]
    pub fn live(&self) -> LiveConfig {
        lock(&self.live).clone()
    }

    /// Changes the changeable settings.
    ///
    /// # Errors
    /// The reason for which [`LiveConfig::apply`] refuses the change.
    pub fn change_live(&self, change: crate::config::ConfigChange) -> Result<LiveConfig, String> {
        let mut live = lock(&self.live);
        live.apply(change)?;
        Ok(live.clone())
    }

    /// The journal of what arrived. Hold the guard briefly and never across an await.
    pub fn journal(&self) -> MutexGuard<'_, Journal> {
        lock(&self.journal)
    }

    /// The fake Cashfree's orders. Hold the guard briefly and never across an await.
    pub fn orders(&self) -> MutexGuard<'_, Orders> {
        lock(&self.orders)
    }

    /// Counts resets. Work of an earlier epoch must not continue.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    /// Forgets everything that happened, faults and waiting webhook retries included. Settings stay.
    pub fn reset(&self) {
        self.epoch.fetch_add(1, Ordering::AcqRel);
        self.faults.clear();
        let revision = self.journal().revision();
        *self.journal() = Journal::after_reset(revision);
        *self.orders() = Orders::default();
    }
}
