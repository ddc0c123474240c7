//! Limits on time, size and number.

use std::time::Duration;

/// All limits of the gateway. Tests shorten the times.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Longest wait for the server's answer.
    pub answer: Duration,
    /// Longest wait for a request's headers.
    pub headers: Duration,
    /// Longest wait for a request's body.
    pub body: Duration,
    /// Longest wait for open requests when the gateway stops.
    pub drain: Duration,
    /// Largest body, in bytes.
    pub body_bytes_max: usize,
    /// Most connections at once. One more evicts a connection without a webhook in work.
    pub connections_max: usize,
    /// Most calls to the server at once. Others wait, within [`Limits::answer`].
    pub calls_max: usize,
    /// Most webhooks in work at once, including those that wait for a call. Others get 503 at once. It is smaller
    /// than [`Limits::connections_max`], so that there is always a connection that can be evicted.
    pub webhooks_max: usize,
    /// Largest body, in bytes, that does not count as large. Cashfree's bodies have about 2 kB.
    pub small_body_bytes_max: usize,
    /// Most large bodies at once. Others get 503.
    pub large_bodies_max: usize,
}

impl Limits {
    /// The defaults, with more connections and webhooks if the process may open more files than usual, up to
    /// four times as many. Then a burst above the server's capacity waits here instead of being refused.
    /// Cashfree repeats a refused burst as a burst, and gives up after its fourth attempt.
    pub fn for_files(files: usize) -> Self {
        let usual = Self::default();
        let times = (files / FILES_USUAL).clamp(1, 4);
        Self {
            connections_max: usual.connections_max * times,
            webhooks_max: usual.webhooks_max * times,
            ..usual
        }
    }
}

/// The usual limit on a process's open files.
const FILES_USUAL: usize = 1024;

impl Default for Limits {
    fn default() -> Self {
        Self {
            answer: Duration::from_secs(5),
            headers: Duration::from_secs(10),
            body: Duration::from_secs(10),
            drain: Duration::from_secs(10),
            body_bytes_max: 1024 * 1024,
            // Fits into FILES_USUAL open files.
            connections_max: 768,
            calls_max: 128,
            webhooks_max: 512,
            small_body_bytes_max: 16 * 1024,
            large_bodies_max: 64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_files_bear_more_webhooks_up_to_a_bound() {
        for (files, webhooks) in
            [(256, 512), (1024, 512), (2100, 1024), (1_048_576, 2048), (usize::MAX, 2048)]
        {
            let limits = Limits::for_files(files);
            assert_eq!(limits.webhooks_max, webhooks, "{files} files");
            assert!(limits.connections_max > limits.webhooks_max, "there is always a connection to evict");
        }
    }
}
