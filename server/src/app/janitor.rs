//! The janitor. It gives up events that are too old for Meta, and deletes rows past their retention. It works in small
//! steps, so that ingest continues in between. It also looks after the room of the disk.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::api::access::AccessPolicy;
use crate::outbox::{Outbox, Reserve, StoreError};

/// How often the janitor looks for events that grew too old for Meta.
const EXPIRE_EVERY: Duration = Duration::from_secs(10);
/// How often the room of the disk is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);
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
        access.report();
        if round.is_multiple_of(ROUNDS_PER_SWEEP) {
            access.rate_limits.forget_quiet();
        }
        tidy_up(&outbox, round, retention, &stop).await;
    }
}

/// Looks at the room of the disk until `stop`.
pub(super) async fn watch_disk(reserve: Reserve, data_dir: PathBuf, stop: CancellationToken) {
    loop {
        let (reserve, data_dir) = (reserve.clone(), data_dir.clone());
        // A network's disk may take long to answer. The next look comes after that.
        drop(tokio::task::spawn_blocking(move || reserve.look(&data_dir)).await);
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

/// One round in the store.
async fn tidy_up(outbox: &Outbox, round: u32, retention: Duration, stop: &CancellationToken) {
    in_steps(stop, || outbox.queue.expire(STEP_ROWS)).await;
    if round.is_multiple_of(ROUNDS_PER_SWEEP) {
        in_steps(stop, || outbox.operators.sweep(retention, STEP_ROWS)).await;
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::clock::Clock;
    use crate::config::SettingsReview;
    use crate::delivery::StatusBoard;
    use crate::insight::health::{Insight, Status};
    use crate::outbox::conformance::{self, NOW_MS};
    use crate::outbox::embedded::Embedded;
    use crate::outbox::{Appended, State};

    const DAY_MS: i64 = 24 * 3600 * 1000;

    #[tokio::test(flavor = "multi_thread")]
    async fn forty_days_for_75_seconds_cost_no_lead() {
        let (dir, clock) = (tempfile::tempdir().unwrap(), Clock::fixed(NOW_MS));
        let outbox = Outbox::new(Embedded::open(dir.path(), clock.clone()).unwrap());
        let stop = CancellationToken::new();
        let health = async || {
            let operators = Arc::clone(&outbox.operators);
            let insight = Insight::new(
                operators,
                StatusBoard::default(),
                Arc::default(),
                clock.clone(),
                SettingsReview::default(),
                true,
            );
            insight.snapshot().await.health.clone()
        };
        for n in 0..5 {
            outbox.events.append(conformance::event(n)).await.unwrap();
        }
        let mut round = 0;
        let mut pass = async |ms: i64| {
            round += 1;
            clock.set_ms(clock.now_ms() + ms);
            tidy_up(&outbox, round, Duration::from_secs(30 * 24 * 3600), &stop).await;
        };
        clock.jump_ms(40 * DAY_MS);
        for _ in 0..8 {
            pass(10_000).await;
        }
        assert!(health().await.reasons.contains(&"clock_untrusted".to_owned()));
        assert_ne!(health().await.status, Status::Healthy);
        clock.jump_ms(-40 * DAY_MS);
        for _ in 0..8 {
            pass(10_000).await;
        }
        assert!(!health().await.reasons.contains(&"clock_untrusted".to_owned()));
        for n in 0..5 {
            let Appended::Duplicate(first) = outbox.events.append(conformance::event(n)).await.unwrap()
            else {
                panic!("a retry is taken for a new lead")
            };
            assert_eq!(first.state, State::Pending);
        }
        // In time that nobody doubts, they are given up after their week, and stay to be seen.
        for _ in 0..12 {
            pass(DAY_MS).await;
        }
        let (view, _) = outbox.operators.find(conformance::key(0)).await.unwrap().remove(0);
        assert_eq!((view.state, view.code.as_deref()), (State::DeadLetter, Some("too_old")));
    }
}
