//! The caller at the other end of a connection, and what keeps the connection busy.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::activity::Activity;

/// Longest time in which the caller of a busy request must take the answer, ms. It is as long as a
/// connection may wait for its caller to read. A caller of HTTP/2 can stop reading one answer and go
/// on with the others, so each answer has a limit of its own.
const ANSWER_MAX_MS: u64 = 30_000;
/// The same for requests that may last long and be silent, ms.
const LONG_ANSWER_MAX_MS: u64 = 900_000;

/// The caller at the other end. Each request carries it as an extension.
#[derive(Debug, Clone)]
pub struct Peer {
    /// Address of the connection.
    pub address: IpAddr,
    /// Whether the caller presented a certificate of the configured CA that proves an internal caller.
    pub is_certified: bool,
    pub(crate) activity: Arc<Activity>,
}

impl Peer {
    /// A peer without a connection, for tests of code behind a port.
    pub fn unconnected(address: IpAddr) -> Self {
        let activity = Arc::new(Activity::new(tokio::time::Instant::now(), None, false));
        Self { address, is_certified: false, activity }
    }

    /// Records that the caller is one of the shop's own services. Its connection may be silent and is
    /// never evicted.
    pub fn mark_internal(&self) {
        self.activity.mark_internal();
    }

    /// Makes the connection busy for as long as the returned value is held. A busy connection is
    /// never evicted.
    #[must_use = "the connection is busy for as long as this is held"]
    pub fn mark_busy(&self) -> OpenRequest {
        OpenRequest::begin(self, true)
    }

    /// Resolves when the connection must end. Only the task that serves the connection may call it.
    pub async fn must_end(&self) {
        self.activity.must_end().await;
    }
}

/// How long the caller may take to fetch this answer. A service puts it into the answer's extensions where the usual
/// time is too long: a file is short, and yet must not make its connection busy.
#[derive(Debug, Clone, Copy)]
pub struct TakenWithin(pub Duration);

/// An open request. Dropping it ends the request.
#[derive(Debug)]
pub struct OpenRequest {
    activity: Arc<Activity>,
    is_busy: bool,
    answer: Option<(u64, u64)>,
}

impl OpenRequest {
    pub(crate) fn begin(peer: &Peer, is_busy: bool) -> Self {
        peer.activity.begin_request(is_busy);
        Self { activity: Arc::clone(&peer.activity), is_busy, answer: None }
    }

    /// Its answer begins. If the caller does not take it in time, the connection is ended.
    pub(crate) fn begin_answer(&mut self, within: Option<TakenWithin>) {
        let usual_ms = if self.is_busy { ANSWER_MAX_MS } else { LONG_ANSWER_MAX_MS };
        let max_ms =
            within.map_or(usual_ms, |TakenWithin(time)| u64::try_from(time.as_millis()).unwrap_or(usual_ms));
        self.answer = Some(self.activity.begin_answer(max_ms));
    }
}

impl Drop for OpenRequest {
    fn drop(&mut self) {
        if let Some(answer) = self.answer {
            self.activity.end_answer(answer);
        }
        self.activity.end_request(self.is_busy);
    }
}
