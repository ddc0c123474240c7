//! How many webhooks are in work at once. Whoever is one too many is told to come again at once:
//! a line of waiting webhooks that only grows would answer nobody in time.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::answer::{Answer, Unavailable};
use crate::limits::Limits;

/// How often the log says that webhooks are turned away, at most: a flood of lines would take the
/// time that the webhooks need.
const SAID_EVERY: Duration = Duration::from_secs(1);

/// A place that is held until it is dropped.
pub(crate) type Place<'a> = SemaphorePermit<'a>;

/// The gateway's places.
#[derive(Debug)]
pub(crate) struct Bounds {
    webhooks: Semaphore,
    large_bodies: Semaphore,
    calls: Semaphore,
    turned_away: Mutex<TurnedAway>,
}

/// Webhooks turned away since the log last said so.
#[derive(Debug, Default)]
struct TurnedAway {
    count: u64,
    said_at: Option<Instant>,
}

impl Bounds {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            webhooks: Semaphore::new(limits.webhooks_max),
            large_bodies: Semaphore::new(limits.large_bodies_max),
            calls: Semaphore::new(limits.calls_max),
            turned_away: Mutex::default(),
        }
    }

    /// A place for a webhook that is here to the last byte.
    pub(crate) fn webhook(&self) -> Result<Place<'_>, Answer> {
        self.webhooks.try_acquire().map_err(|_| self.turn_away())
    }

    /// A place for a large body.
    pub(crate) fn large_body(&self) -> Result<Place<'_>, Answer> {
        self.large_bodies.try_acquire().map_err(|_| self.turn_away())
    }

    /// A place for a call to the server; waits for one. None would say that the semaphore is
    /// closed, which it never is.
    pub(crate) async fn call(&self) -> Option<Place<'_>> {
        self.calls.acquire().await.ok()
    }

    fn turn_away(&self) -> Answer {
        let mut turned_away = self.turned_away.lock().unwrap_or_else(PoisonError::into_inner);
        turned_away.count += 1;
        if turned_away.said_at.is_none_or(|at| at.elapsed() >= SAID_EVERY) {
            let count = std::mem::take(&mut turned_away.count);
            turned_away.said_at = Some(Instant::now());
            let reason = Unavailable::Crowded.code();
            tracing::warn!(reason, count, "webhooks turned away; their sender will try again");
        }
        Answer::Unavailable(Unavailable::Crowded)
    }
}
