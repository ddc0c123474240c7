//! How many webhooks the gateway processes at once. Excess webhooks get 503 at once. An unbounded queue would
//! time out every caller.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::answer::{Answer, Unavailable};
use crate::limits::Limits;

/// Shortest time between two log lines about refused webhooks. A line for each webhook would slow down the others.
const LOG_EVERY: Duration = Duration::from_secs(1);

/// A place. Dropping it frees the place.
pub(crate) type Permit<'a> = SemaphorePermit<'a>;

/// The gateway's places: webhooks, large bodies, calls to the server.
#[derive(Debug)]
pub(crate) struct Admission {
    webhooks: Semaphore,
    large_bodies: Semaphore,
    calls: Semaphore,
    refusals: Mutex<Refusals>,
}

/// Webhooks refused since the last log line.
#[derive(Debug, Default)]
struct Refusals {
    count: u64,
    logged_at: Option<Instant>,
}

impl Admission {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            webhooks: Semaphore::new(limits.webhooks_max),
            large_bodies: Semaphore::new(limits.large_bodies_max),
            calls: Semaphore::new(limits.calls_max),
            refusals: Mutex::default(),
        }
    }

    /// A place for a webhook that has arrived completely.
    pub(crate) fn webhook(&self) -> Result<Permit<'_>, Answer> {
        self.webhooks.try_acquire().map_err(|_| self.refuse())
    }

    /// A place for a large body.
    pub(crate) fn large_body(&self) -> Result<Permit<'_>, Answer> {
        self.large_bodies.try_acquire().map_err(|_| self.refuse())
    }

    /// Waits for a place for a call to the server. `None` would mean that the semaphore is closed, which never happens.
    pub(crate) async fn call(&self) -> Option<Permit<'_>> {
        self.calls.acquire().await.ok()
    }

    fn refuse(&self) -> Answer {
        let mut refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        refusals.count += 1;
        if refusals.logged_at.is_none_or(|at| at.elapsed() >= LOG_EVERY) {
            let count = std::mem::take(&mut refusals.count);
            refusals.logged_at = Some(Instant::now());
            let reason = Unavailable::Overloaded.code();
            tracing::warn!(
                reason,
                count,
                "too many webhooks at once; these were refused, and their sender will retry"
            );
        }
        Answer::Unavailable(Unavailable::Overloaded)
    }
}
