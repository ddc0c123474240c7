//! Waiting for something that another process will do.

use std::fmt::Display;
use std::time::{Duration, Instant};

/// How long a step may take before the test fails. Generous: two cores may be running
/// several worlds and a compiler.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Pause between two looks.
const POLL_EVERY: Duration = Duration::from_millis(40);

/// Looks again and again until `probe` finds what it looks for, for [`PATIENCE`] at most.
///
/// # Errors
/// When the time is up; the message names `what` and the last error of `probe`.
pub async fn eventually<T>(
    what: impl Display,
    probe: impl AsyncFnMut() -> anyhow::Result<Option<T>>,
) -> anyhow::Result<T> {
    eventually_within(PATIENCE, what, probe).await
}

/// [`eventually`] with a limit of its own.
///
/// # Errors
/// As [`eventually`].
pub async fn eventually_within<T>(
    limit: Duration,
    what: impl Display,
    mut probe: impl AsyncFnMut() -> anyhow::Result<Option<T>>,
) -> anyhow::Result<T> {
    let started = Instant::now();
    loop {
        let trouble = match probe().await {
            Ok(Some(found)) => return Ok(found),
            Ok(None) => None,
            Err(error) => Some(error),
        };
        if started.elapsed() > limit {
            let last = trouble.map(|error| format!("; last error: {error:#}")).unwrap_or_default();
            anyhow::bail!("waited {} s in vain for {what}{last}", limit.as_secs());
        }
        tokio::time::sleep(POLL_EVERY).await;
    }
}
