//! Bounds on time, size and number.

use std::time::Duration;

/// Every bound of the gateway. The defaults are the contract's; tests shorten the times.
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

impl Default for Limits {
    fn default() -> Self {
        Self {
            answer: Duration::from_secs(5),
            headers: Duration::from_secs(10),
            body: Duration::from_secs(10),
            drain: Duration::from_secs(10),
            body_bytes_max: 1024 * 1024,
            // The usual limit on a process's open files is 1024.
            connections_max: 768,
            calls_max: 128,
            webhooks_max: 512,
            small_body_bytes_max: 64 * 1024,
            large_bodies_max: 64,
        }
    }
}
