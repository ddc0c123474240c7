//! What one connection does. Written on its way by the connection and its requests, read
//! now and then by the registry. All times are milliseconds since the registry began.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::task::{Context, Poll};

use futures_util::task::AtomicWaker;
use tokio::time::Instant;

/// Stands for "no such time".
const NEVER: u64 = 0;

/// Whether a connection may go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    /// It may.
    Stay,
    /// It is to end as if its caller had closed it.
    Leave,
    /// It is to break.
    Break,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Meter {
    epoch: Instant,
    /// Who it counts for: the address, or its /64. None: nobody, it stands for many.
    pub(super) group: Option<IpAddr>,
    requests: AtomicU32,
    moved_ms: AtomicU64,
    head_ms: AtomicU64,
    stalled_ms: AtomicU64,
    is_shaking: AtomicBool,
    is_http2: AtomicBool,
    is_own: AtomicBool,
    word: AtomicU8,
    waker: AtomicWaker,
}

impl Meter {
    /// A connection that was just accepted. `is_shaking`: TLS comes first.
    pub(super) fn new(epoch: Instant, group: Option<IpAddr>, is_shaking: bool) -> Self {
        let meter = Self {
            epoch,
            group,
            requests: AtomicU32::new(0),
            moved_ms: AtomicU64::new(NEVER),
            head_ms: AtomicU64::new(NEVER),
            stalled_ms: AtomicU64::new(NEVER),
            is_shaking: AtomicBool::new(is_shaking),
            is_http2: AtomicBool::new(false),
            is_own: AtomicBool::new(false),
            word: AtomicU8::new(0),
            waker: AtomicWaker::new(),
        };
        let now_ms = meter.now_ms();
        meter.moved_ms.store(now_ms, Ordering::Relaxed);
        // Until its first request, a connection is a request whose head is on its way.
        meter.head_ms.store(now_ms, Ordering::Relaxed);
        meter
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.epoch.elapsed().as_millis()).unwrap_or(u64::MAX).max(1)
    }

    /// The TLS handshake is over.
    pub(super) fn shook(&self) {
        self.is_shaking.store(false, Ordering::Relaxed);
    }

    /// Whether the TLS handshake still goes on.
    pub(super) fn is_shaking(&self) -> bool {
        self.is_shaking.load(Ordering::Relaxed)
    }

    /// The connection begins as HTTP/2, which has pings and bounds of its own.
    pub(super) fn speaks_http2(&self) {
        self.is_http2.store(true, Ordering::Relaxed);
    }

    /// One of the shop's own services calls on it: its streams may be silent for hours.
    pub(super) fn is_the_shops(&self) {
        self.is_own.store(true, Ordering::Relaxed);
    }

    /// Bytes came. Outside a request they begin the next one's head.
    pub(super) fn received(&self) {
        if self.requests.load(Ordering::Relaxed) == 0 && self.head_ms.load(Ordering::Relaxed) == NEVER {
            self.head_ms.store(self.now_ms(), Ordering::Relaxed);
        }
    }

    /// Bytes wait for the other side to read, or no longer do.
    pub(super) fn sending(&self, is_stalled: bool) {
        let was_stalled = self.stalled_ms.load(Ordering::Relaxed) != NEVER;
        if is_stalled != was_stalled {
            self.stalled_ms.store(if is_stalled { self.now_ms() } else { NEVER }, Ordering::Relaxed);
        }
    }

    /// A request's head is here. `is_call`: it is answered soon, and its connection is busy
    /// until then.
    pub(super) fn begin(&self, is_call: bool) {
        self.requests.fetch_add(u32::from(is_call), Ordering::Relaxed);
        self.head_ms.store(NEVER, Ordering::Relaxed);
        self.moved_ms.store(self.now_ms(), Ordering::Relaxed);
    }

    /// A request is answered, to the last byte of the answer.
    pub(super) fn end(&self, is_call: bool) {
        self.head_ms.store(NEVER, Ordering::Relaxed);
        self.moved_ms.store(self.now_ms(), Ordering::Relaxed);
        self.requests.fetch_sub(u32::from(is_call), Ordering::Relaxed);
    }

    /// Since when nothing has been asked; `None` while something is, and for the shop's own.
    pub(super) fn quiet_since(&self) -> Option<u64> {
        let is_quiet = self.requests.load(Ordering::Relaxed) == 0 && !self.is_own.load(Ordering::Relaxed);
        is_quiet.then(|| self.moved_ms.load(Ordering::Relaxed))
    }

    /// For how long the head of an HTTP/1.1 request has been on its way, ms.
    pub(super) fn head_age_ms(&self) -> Option<u64> {
        (!self.is_http2.load(Ordering::Relaxed)).then(|| self.age_ms(&self.head_ms)).flatten()
    }

    /// For how long the other side has read nothing that waits for it, ms.
    pub(super) fn stall_age_ms(&self) -> Option<u64> {
        self.age_ms(&self.stalled_ms)
    }

    /// For how long no request has begun or ended while a stranger's is open, ms.
    pub(super) fn stuck_age_ms(&self) -> Option<u64> {
        let is_open = self.requests.load(Ordering::Relaxed) > 0 && !self.is_own.load(Ordering::Relaxed);
        is_open.then(|| self.age_ms(&self.moved_ms)).flatten()
    }

    fn age_ms(&self, since: &AtomicU64) -> Option<u64> {
        let since = since.load(Ordering::Relaxed);
        (since != NEVER).then(|| self.now_ms().saturating_sub(since))
    }

    /// What the connection was told.
    pub(super) fn word(&self) -> Word {
        match self.word.load(Ordering::Acquire) {
            0 => Word::Stay,
            1 => Word::Leave,
            _ => Word::Break,
        }
    }

    /// Tells the connection to end; the first word counts.
    pub(super) fn tell(&self, word: Word) {
        let number = match word {
            Word::Stay => return,
            Word::Leave => 1,
            Word::Break => 2,
        };
        if self.word.compare_exchange(0, number, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
            self.waker.wake();
        }
    }

    /// Wakes this task when the connection is told to end.
    pub(super) fn listen(&self, context: &Context<'_>) {
        self.waker.register(context.waker());
    }

    /// Is over once the connection is told to end.
    pub(super) async fn told(&self) {
        std::future::poll_fn(|context| {
            self.listen(context);
            if self.word() == Word::Stay { Poll::Pending } else { Poll::Ready(()) }
        })
        .await;
    }
}
