//! Limits on time, size and number.

use std::time::Duration;

/// Every limit of the gateway. The defaults are the contract's; tests shorten the times.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Longest wait for the server's answer.
    pub answer: Duration,
    /// Longest wait for a request's headers.
    pub headers: Duration,
    /// Longest wait for a request's body.
    pub body: Duration,
    /// Longest wait for open requests at the end.
    pub drain: Duration,
    /// Largest body, bytes.
    pub body_bytes_max: usize,
    /// Most connections at once; for one more, one without a webhook in work is ended.
    pub connections_max: usize,
    /// Most calls to the server at once; more wait, within [`Limits::answer`].
    pub calls_max: usize,
    /// Most webhooks in work at once, those that wait included; one more is 503 at once. Smaller than
    /// [`Limits::connections_max`], so that there is always a connection that can make room.
    pub webhooks_max: usize,
    /// Largest body, bytes, that needs no place among the large ones. Cashfree's have some 2 kB.
    pub small_body_bytes_max: usize,
    /// Most larger bodies at once; one more is 503.
    pub large_bodies_max: usize,
}

impl Limits {
    /// The defaults, with as many connections and webhooks as so many open files bear, up to four times
    /// the usual. A burst over the server's capacity waits here for a moment instead of being refused:
    /// Cashfree repeats a burst as a burst, and gives up after its fourth attempt.
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
            // Of FILES_USUAL open files.
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
            assert!(limits.connections_max > limits.webhooks_max, "somebody can always make room");
        }
    }
}
