//! Waits for something that another process does.

use std::fmt::Display;
use std::time::{Duration, Instant};

/// How long a step may take before the test fails. Two cores may run several worlds and a compiler at once.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Pause between two probes.
const POLL_EVERY: Duration = Duration::from_millis(40);

/// Calls `probe` again and again until it returns a value, for at most [`PATIENCE`].
///
/// # Errors
/// When the time is over. The message contains `what` and the last error of `probe`.
pub async fn eventually<T>(
    what: impl Display,
    probe: impl AsyncFnMut() -> anyhow::Result<Option<T>>,
) -> anyhow::Result<T> {
    eventually_within(PATIENCE, what, probe).await
}

/// [`eventually`] with a different limit.
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
