//! How many webhooks are in work at once. Excess webhooks get 503 at once. An unbounded queue would
//! time out every caller.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::answer::{Answer, Unavailable};
use crate::limits::Limits;

/// How often the log says that webhooks are turned away, at most: a flood of lines would take the
/// time that the webhooks need.
const LOG_EVERY: Duration = Duration::from_secs(1);

/// A place that is held until this is dropped.
pub(crate) type Permit<'a> = SemaphorePermit<'a>;

/// The gateway's places: webhooks, large bodies, calls to the server.
#[derive(Debug)]
pub(crate) struct Admission {
    webhooks: Semaphore,
    large_bodies: Semaphore,
    calls: Semaphore,
    refusals: Mutex<Refusals>,
}

/// Webhooks turned away since the log last said so.
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

    /// A place for a webhook that is here to the last byte.
    pub(crate) fn webhook(&self) -> Result<Permit<'_>, Answer> {
        self.webhooks.try_acquire().map_err(|_| self.refuse())
    }

    /// A place for a large body.
    pub(crate) fn large_body(&self) -> Result<Permit<'_>, Answer> {
        self.large_bodies.try_acquire().map_err(|_| self.refuse())
    }

    /// A place for a call to the server; waits for one. None would say that the semaphore is
    /// closed, which it never is.
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
            tracing::warn!(reason, count, "webhooks turned away; their sender will try again");
        }
        Answer::Unavailable(Unavailable::Overloaded)
    }
}
