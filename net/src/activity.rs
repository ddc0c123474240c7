//! What one connection does. The connection and its requests record it, and [`crate::connections`]
//! reads it from time to time. All times are milliseconds since the port was opened.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use futures_util::task::AtomicWaker;
use tokio::time::Instant;

/// Stands for "no such time".
const NEVER: u64 = 0;

/// Whether a connection may stay open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Directive {
    /// It may stay open.
    Keep,
    /// It must end as if its caller had closed it.
    Close,
    /// It must be aborted.
    Abort,
}

#[derive(Debug)]
pub(crate) struct Activity {
    epoch: Instant,
    /// The subscriber whose limit the connection counts for ([`crate::subscriber`]). `None`: it counts
    /// for no limit, because many callers share the address.
    pub(crate) subscriber: Option<IpAddr>,
    /// Number of open requests, and of those that make the connection busy.
    requests: AtomicU32,
    busy: AtomicU32,
    moved_ms: AtomicU64,
    head_ms: AtomicU64,
    stalled_ms: AtomicU64,
    /// The answers that have begun and not ended: until when each must end, and its number.
    answers: Mutex<BTreeSet<(u64, u64)>>,
    next_answer: AtomicU64,
    is_handshaking: AtomicBool,
    is_http2: AtomicBool,
    is_internal: AtomicBool,
    directive: AtomicU8,
    waker: AtomicWaker,
}

impl Activity {
    /// A connection that was just accepted. `is_handshaking`: it begins with a TLS handshake.
    pub(crate) fn new(epoch: Instant, subscriber: Option<IpAddr>, is_handshaking: bool) -> Self {
        let now_ms = ms_since(epoch);
        Self {
            epoch,
            subscriber,
            requests: AtomicU32::new(0),
            busy: AtomicU32::new(0),
            moved_ms: AtomicU64::new(now_ms),
            // A new connection counts as one whose first request's head is arriving.
            head_ms: AtomicU64::new(now_ms),
            stalled_ms: AtomicU64::new(NEVER),
            answers: Mutex::default(),
            next_answer: AtomicU64::new(0),
            is_handshaking: AtomicBool::new(is_handshaking),
            is_http2: AtomicBool::new(false),
            is_internal: AtomicBool::new(false),
            directive: AtomicU8::new(0),
            waker: AtomicWaker::new(),
        }
    }

    fn now_ms(&self) -> u64 {
        ms_since(self.epoch)
    }

    pub(crate) fn mark_handshake_done(&self) {
        self.is_handshaking.store(false, Ordering::Relaxed);
    }

    pub(crate) fn is_handshaking(&self) -> bool {
        self.is_handshaking.load(Ordering::Relaxed)
    }

    /// Records that the connection uses HTTP/2, which has its own pings and limits.
    pub(crate) fn mark_http2(&self) {
        self.is_http2.store(true, Ordering::Relaxed);
    }

    /// Records that the caller is one of the shop's own services, whose streams may be silent for hours.
    pub(crate) fn mark_internal(&self) {
        self.is_internal.store(true, Ordering::Relaxed);
    }

    /// Records that bytes arrived. Outside of a request they begin the head of the next one.
    pub(crate) fn note_received(&self) {
        if self.requests.load(Ordering::Relaxed) == 0 && self.head_ms.load(Ordering::Relaxed) == NEVER {
            self.head_ms.store(self.now_ms(), Ordering::Relaxed);
        }
    }

    /// Records whether bytes wait for the caller to read them.
    pub(crate) fn set_stalled(&self, is_stalled: bool) {
        let was_stalled = self.stalled_ms.load(Ordering::Relaxed) != NEVER;
        if is_stalled != was_stalled {
            self.stalled_ms.store(if is_stalled { self.now_ms() } else { NEVER }, Ordering::Relaxed);
        }
    }

    /// A request begins. `is_busy`: the request makes its connection busy until it ends.
    pub(crate) fn begin_request(&self, is_busy: bool) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.busy.fetch_add(u32::from(is_busy), Ordering::Relaxed);
        self.note_progress();
    }

    /// A request ends: the last byte of its answer was sent.
    pub(crate) fn end_request(&self, is_busy: bool) {
        self.note_progress();
        self.busy.fetch_sub(u32::from(is_busy), Ordering::Relaxed);
        self.requests.fetch_sub(1, Ordering::Relaxed);
    }

    fn answers(&self) -> MutexGuard<'_, BTreeSet<(u64, u64)>> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An answer begins, and must end within `max_ms`. The result is for [`Activity::end_answer`].
    pub(crate) fn begin_answer(&self, max_ms: u64) -> (u64, u64) {
        let number = self.next_answer.fetch_add(1, Ordering::Relaxed);
        let answer = (self.now_ms().saturating_add(max_ms), number);
        self.answers().insert(answer);
        answer
    }

    /// An answer ends: its last byte was taken, or nobody wants it any more.
    pub(crate) fn end_answer(&self, answer: (u64, u64)) {
        self.answers().remove(&answer);
    }

    /// Whether an answer should have ended by now. Never for the shop's own services.
    pub(crate) fn has_overdue_answer(&self) -> bool {
        let first = self.answers().first().copied();
        let is_overdue = first.is_some_and(|(until_ms, _)| until_ms < self.now_ms());
        is_overdue && !self.is_internal.load(Ordering::Relaxed)
    }

    fn note_progress(&self) {
        self.head_ms.store(NEVER, Ordering::Relaxed);
        self.moved_ms.store(self.now_ms(), Ordering::Relaxed);
    }

    /// Since when the connection has not been busy. `None` while it is busy, and for the shop's own
    /// services.
    pub(crate) fn quiet_since_ms(&self) -> Option<u64> {
        let is_quiet = self.busy.load(Ordering::Relaxed) == 0 && !self.is_internal.load(Ordering::Relaxed);
        is_quiet.then(|| self.moved_ms.load(Ordering::Relaxed))
    }

    /// For how long the head of an HTTP/1.1 request has been incomplete, ms.
    pub(crate) fn head_age_ms(&self) -> Option<u64> {
        (!self.is_http2.load(Ordering::Relaxed)).then(|| self.age_ms(&self.head_ms)).flatten()
    }

    /// For how long the caller has read nothing although bytes wait for it, ms.
    pub(crate) fn stall_age_ms(&self) -> Option<u64> {
        self.age_ms(&self.stalled_ms)
    }

    /// For how long no request has begun or ended although the connection is busy, ms. `None` for the
    /// shop's own services.
    pub(crate) fn stuck_age_ms(&self) -> Option<u64> {
        let is_busy = self.busy.load(Ordering::Relaxed) > 0 && !self.is_internal.load(Ordering::Relaxed);
        is_busy.then(|| self.age_ms(&self.moved_ms)).flatten()
    }

    fn age_ms(&self, since: &AtomicU64) -> Option<u64> {
        let since = since.load(Ordering::Relaxed);
        (since != NEVER).then(|| self.now_ms().saturating_sub(since))
    }

    /// What the connection must do.
    pub(crate) fn directive(&self) -> Directive {
        match self.directive.load(Ordering::Acquire) {
            0 => Directive::Keep,
            1 => Directive::Close,
            _ => Directive::Abort,
        }
    }

    /// Gives the connection a directive. Only the first one counts.
    pub(crate) fn direct(&self, directive: Directive) {
        let number = match directive {
            Directive::Keep => return,
            Directive::Close => 1,
            Directive::Abort => 2,
        };
        if self.directive.compare_exchange(0, number, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
            self.waker.wake();
        }
    }

    /// Wakes this task when the connection gets a directive. Only the task that registered last is woken.
    pub(crate) fn register_waker(&self, context: &Context<'_>) {
        self.waker.register(context.waker());
    }

    /// Resolves when the connection must end.
    pub(crate) async fn must_end(&self) {
        std::future::poll_fn(|context| {
            self.register_waker(context);
            if self.directive() == Directive::Keep { Poll::Pending } else { Poll::Ready(()) }
        })
        .await;
    }
}

/// Milliseconds since `epoch`, at least 1, so that the result is never [`NEVER`].
pub(crate) fn ms_since(epoch: Instant) -> u64 {
    u64::try_from(epoch.elapsed().as_millis()).unwrap_or(u64::MAX).max(1)
}
