//! The janitor. It gives up events that are too old for Meta, and deletes rows past their retention. It works in small
//! steps, so that ingest continues in between.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::api::access::AccessPolicy;
use crate::outbox::{Outbox, StoreError};

/// How often the janitor looks for events that grew too old for Meta.
const EXPIRE_EVERY: Duration = Duration::from_secs(10);
/// The janitor deletes old rows and forgets quiet addresses once in this many rounds.
const ROUNDS_PER_SWEEP: u32 = 6;
/// Most rows that one step changes.
const STEP_ROWS: usize = 500;
/// Pause between steps, so that ingest continues.
const BETWEEN_STEPS: Duration = Duration::from_millis(50);

/// Works until `stop`. `retention`: how long finished events are kept.
pub(super) async fn run(
    outbox: Outbox,
    access: Arc<AccessPolicy>,
    retention: Duration,
    stop: CancellationToken,
) {
    for round in 1_u32.. {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(EXPIRE_EVERY) => {}
        }
        access.admission.report();
        in_steps(&stop, || outbox.queue.expire(STEP_ROWS)).await;
        if round.is_multiple_of(ROUNDS_PER_SWEEP) {
            access.rate_limits.forget_quiet();
            in_steps(&stop, || outbox.operators.sweep(retention, STEP_ROWS)).await;
        }
    }
}

/// Repeats a step while it finds [`STEP_ROWS`] rows. If the store fails, health shows it and the
/// next round tries again.
async fn in_steps<F>(stop: &CancellationToken, step: impl Fn() -> F)
where
    F: Future<Output = Result<usize, StoreError>>,
{
    while let Ok(rows) = step().await
        && rows >= STEP_ROWS
        && !stop.is_cancelled()
    {
        tokio::time::sleep(BETWEEN_STEPS).await;
    }
}
