//! One pixel's loop: what is fresh and what is due becomes batches, a few at a time.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use secrecy::ExposeSecret as _;
use tandem_core::capi::{BATCH_BYTES_MAX, BATCH_EVENTS_MAX, event_bytes};
use tandem_core::code;
use tandem_core::id::PixelId;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::breaker::{Breaker, Circuit};
use super::graph::Graph;
use super::handoff::{Delivery, LEASE_MS, Line, SEATS, Standing};
use super::sender::{Keys, Lesson, Sender};
use super::status::{PixelState, StatusBoard};
use crate::clock::Clock;
use crate::config::{Pixel, SecretSource};
use crate::insight::metrics::Metrics;
use crate::outbox::{ClaimedEvent, SharedOutbox};

/// Calls of one pixel that may be out at once.
const CALLS_MAX: usize = 4;
/// How long a fresh event waits for company.
const LINGER: Duration = Duration::from_millis(50);
/// How often the disk is looked at when nobody gave a hint: the guarantee.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// First wait before a held pixel is probed.
const PROBE_FIRST: Duration = Duration::from_secs(15);
/// Longest wait before a held pixel is probed.
const PROBE_LONGEST: Duration = Duration::from_secs(600);
/// How long calls may still take when the server stops.
const GOODBYE: Duration = Duration::from_secs(10);

/// Starts a worker per pixel. They end after `stop`, once their open calls have.
pub fn start(
    pixels: Vec<Pixel>,
    paused: &[PixelId],
    graph: &Graph,
    outbox: &SharedOutbox,
    clock: &Clock,
    metrics: &Arc<Metrics>,
    stop: &CancellationToken,
) -> (Delivery, Vec<JoinHandle<()>>) {
    let board = StatusBoard::default();
    let mut lines = BTreeMap::new();
    let mut workers = Vec::new();
    for pixel in pixels {
        let (fresh, queue) = mpsc::channel(SEATS);
        let wake = Arc::new(Notify::new());
        let order = Arc::new(Standing::default());
        order.paused.store(paused.contains(&pixel.id), Ordering::Relaxed);
        let (put_back, asked_back) = mpsc::channel(1);
        let line = Line { fresh, wake: Arc::clone(&wake), order: Arc::clone(&order), put_back };
        lines.insert(pixel.id.clone(), line);
        let sender = Sender {
            pixel: pixel.id.clone(),
            graph: graph.clone(),
            outbox: outbox.clone(),
            clock: clock.clone(),
            metrics: Arc::clone(metrics),
            test_event_code: pixel.test_event_code.clone(),
        };
        let worker = Worker {
            sender,
            pixel,
            board: board.clone(),
            queue,
            wake,
            order,
            asked_back,
            waiting: VecDeque::new(),
            oldest: None,
            backlog: true,
            fresh_turn: true,
            calls: JoinSet::new(),
            breaker: Breaker::default(),
            pause_until_ms: 0,
            hold: None,
        };
        worker.show();
        workers.push(tokio::spawn(worker.run(stop.clone())));
    }
    (Delivery { lines: Arc::new(lines), board }, workers)
}

/// A pixel that Meta does not let us use.
struct Hold {
    reason: &'static str,
    refused_token: String,
    probe_at_ms: i64,
    pause: Duration,
    probing: bool,
}

struct Worker {
    sender: Sender,
    pixel: Pixel,
    board: StatusBoard,
    queue: mpsc::Receiver<ClaimedEvent>,
    wake: Arc<Notify>,
    order: Arc<Standing>,
    asked_back: mpsc::Receiver<oneshot::Sender<()>>,
    /// Fresh events, in the order they came.
    waiting: VecDeque<ClaimedEvent>,
    /// When the first of them came.
    oldest: Option<Instant>,
    /// Whether the disk may hold something due.
    backlog: bool,
    /// Whether the next batch is to be of fresh events: neither side starves the other.
    fresh_turn: bool,
    calls: JoinSet<Lesson>,
    breaker: Breaker,
    pause_until_ms: i64,
    hold: Option<Hold>,
}

impl Worker {
    async fn run(mut self, stop: CancellationToken) {
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let linger_over =
                self.oldest.map_or_else(|| Instant::now() + LOOK_EVERY, |oldest| oldest + LINGER);
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Some(done) = self.calls.join_next() => self.learn(done.unwrap_or_default()),
                Some(event) = self.queue.recv(), if self.waiting.len() < BATCH_EVENTS_MAX * 2 => self.take(event),
                Some(done) = self.asked_back.recv() => {
                    self.put_back().await;
                    // Who asked may have left.
                    let _ = done.send(());
                    self.backlog = true;
                }
                () = self.wake.notified() => self.backlog = true,
                _ = look.tick() => self.backlog = true,
                () = tokio::time::sleep_until(linger_over) => {}
            }
            self.work().await;
        }
        self.finish().await;
    }

    fn take(&mut self, event: ClaimedEvent) {
        self.oldest.get_or_insert_with(Instant::now);
        self.waiting.push_back(event);
        // Whatever else has arrived in the meantime goes into the same batch.
        while self.waiting.len() < BATCH_EVENTS_MAX
            && let Ok(event) = self.queue.try_recv()
        {
            self.waiting.push_back(event);
        }
    }

    /// Sends what may be sent now.
    async fn work(&mut self) {
        if self.order.resume.swap(false, Ordering::Relaxed) {
            self.pause_until_ms = 0;
            self.breaker = Breaker::default();
            if let Some(hold) = &mut self.hold {
                hold.probe_at_ms = 0;
            }
        }
        self.show();
        if self.board.get(&self.pixel.id).is_none_or(|status| status.state != PixelState::Delivering) {
            self.put_back().await;
        }
        while self.calls.len() < CALLS_MAX {
            let now_ms = self.sender.clock.now_ms();
            let ripe = self.waiting.len() >= BATCH_EVENTS_MAX
                || self.oldest.is_some_and(|oldest| oldest.elapsed() >= LINGER);
            if !(ripe || self.backlog) {
                return;
            }
            let Some((keys, max)) = self.permit(now_ms) else { return };
            let batch = if ripe && (self.fresh_turn || !self.backlog) {
                self.fresh_turn = !self.backlog;
                self.fresh_batch(max, now_ms)
            } else {
                self.fresh_turn = true;
                self.claim(max, now_ms).await
            };
            if batch.is_empty() {
                self.breaker.cancel(now_ms);
                if let Some(hold) = &mut self.hold {
                    hold.probing = false;
                }
                if !ripe {
                    return;
                }
                continue;
            }
            let sender = self.sender.clone();
            self.calls.spawn(async move { sender.send(keys, batch).await });
        }
    }

    /// Whether a call may go out now, with which secrets, and how large.
    fn permit(&mut self, now_ms: i64) -> Option<(Keys, usize)> {
        let token = self.pixel.token.as_ref()?.current()?;
        if now_ms < self.pause_until_ms || self.order.paused.load(Ordering::Relaxed) {
            return None;
        }
        let mut max = BATCH_EVENTS_MAX;
        if let Some(hold) = &mut self.hold {
            let changed = hold.refused_token != token.expose_secret();
            if hold.probing || (now_ms < hold.probe_at_ms && !changed) {
                return None;
            }
            hold.probing = true;
            max = 1;
        } else if !self.breaker.permit(now_ms) {
            return None;
        } else if self.breaker.is_probing() {
            max = 1;
        }
        let app_secret = self.pixel.app_secret.as_ref().and_then(SecretSource::current);
        Some((Keys { token, app_secret }, max))
    }

    fn fresh_batch(&mut self, max: usize, now_ms: i64) -> Vec<ClaimedEvent> {
        let mut batch = Vec::new();
        let mut bytes = 0;
        while batch.len() < max
            && let Some(event) = self.waiting.front()
        {
            bytes += event_bytes(&event.facts, &event.person);
            if bytes > BATCH_BYTES_MAX && !batch.is_empty() {
                break;
            }
            // An event that lay here for too long is about to be claimed from the disk.
            if let Some(event) = self.waiting.pop_front()
                && event.lease_until_ms - now_ms > LEASE_MS / 2
            {
                batch.push(event);
            }
        }
        self.oldest = (!self.waiting.is_empty()).then(Instant::now);
        batch
    }

    async fn claim(&mut self, max: usize, now_ms: i64) -> Vec<ClaimedEvent> {
        let outbox = &self.sender.outbox;
        let due = outbox.next_due(self.pixel.id.clone()).await;
        if !matches!(due, Ok(Some(due_ms)) if due_ms <= now_ms) {
            self.backlog = false;
            return Vec::new();
        }
        match outbox.claim(self.pixel.id.clone(), max, now_ms, now_ms.saturating_add(LEASE_MS)).await {
            Ok(mut batch) => {
                self.backlog = batch.len() == max;
                let mut bytes = 0;
                let fits = batch.iter().take_while(|event| {
                    bytes += event_bytes(&event.facts, &event.person);
                    bytes <= BATCH_BYTES_MAX
                });
                let rest = batch.split_off(fits.count().max(1).min(batch.len()));
                if !rest.is_empty() {
                    self.backlog = true;
                    let leases = rest.iter().map(|event| (event.seq, event.lease_no)).collect();
                    drop(outbox.release(leases, now_ms).await);
                }
                batch
            }
            Err(fault) => {
                self.backlog = false;
                tracing::warn!(store.fault = %fault, "due events cannot be read");
                Vec::new()
            }
        }
    }

    fn learn(&mut self, lesson: Lesson) {
        let now_ms = self.sender.clock.now_ms();
        let in_ms =
            |wait: Duration| now_ms.saturating_add(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX));
        if let Some(reason) = lesson.held {
            let token = self.pixel.token.as_ref().and_then(SecretSource::current);
            let pause = self.hold.as_ref().map_or(PROBE_FIRST, |hold| (hold.pause * 2).min(PROBE_LONGEST));
            self.hold = Some(Hold {
                reason,
                refused_token: token.map(|token| token.expose_secret().to_owned()).unwrap_or_default(),
                probe_at_ms: in_ms(pause),
                pause,
                probing: false,
            });
        } else if lesson.worked {
            self.hold = None;
            self.breaker.succeed();
            self.backlog = true;
        } else if let Some(hold) = &mut self.hold {
            // The probe came to nothing: neither yes nor no.
            hold.probing = false;
            hold.probe_at_ms = in_ms(hold.pause);
        }
        if let Some(pause) = lesson.pause {
            self.pause_until_ms = in_ms(pause);
        }
        if lesson.failed {
            self.breaker.fail(now_ms);
        }
    }

    /// Gives fresh events back to the disk: the pixel does not deliver.
    async fn put_back(&mut self) {
        while let Ok(event) = self.queue.try_recv() {
            self.waiting.push_back(event);
        }
        self.oldest = None;
        if self.waiting.is_empty() {
            return;
        }
        let leases = self.waiting.drain(..).map(|event| (event.seq, event.lease_no)).collect();
        if let Err(fault) = self.sender.outbox.release(leases, self.sender.clock.now_ms()).await {
            tracing::warn!(store.fault = %fault, "events stay leased until their lease ends");
        }
    }

    fn show(&self) {
        let configured = self.pixel.token.as_ref().is_some_and(|token| token.current().is_some());
        let (state, reason) = match (&self.hold, self.breaker.circuit()) {
            _ if self.order.paused.load(Ordering::Relaxed) => (PixelState::Held, code::PAUSED),
            _ if !configured => (PixelState::Unconfigured, code::UNCONFIGURED),
            (Some(hold), _) => (PixelState::Held, hold.reason),
            (None, Circuit::Closed) => (PixelState::Delivering, ""),
            (None, _) => (PixelState::OpenCircuit, code::META_TRANSIENT),
        };
        self.board.set(&self.pixel.id, state, reason, self.sender.clock.now_ms());
    }

    /// Lets open calls end. The rest stays on disk.
    async fn finish(mut self) {
        self.put_back().await;
        let all = async { while self.calls.join_next().await.is_some() {} };
        if tokio::time::timeout(GOODBYE, all).await.is_err() {
            tracing::warn!(
                "Graph calls were still open when the server stopped; their events will be sent again"
            );
        }
    }
}
