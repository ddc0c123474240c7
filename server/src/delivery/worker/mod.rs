//! One pixel's loop: it makes batches of fresh and due events and sends a few at a time.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use tandem_core::capi::{BATCH_BYTES_MAX, BATCH_EVENTS_MAX};
use tandem_core::code;
use tandem_core::id::PixelId;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::gate::{CallFeedback, Gate, Permit};
use super::graph::Graph;
use super::handoff::{Delivery, FreshQueue, LEASE, OperatorSwitches, PLACES};
use super::sender::{CallSecrets, Sender, leases};
use super::status::{PixelState, StatusBoard};
use crate::clock::Clock;
use crate::config::{Pixel, SecretSource};
use crate::outbox::{DeliveryQueue, LeasedEvent};
use crate::telemetry::metrics::Metrics;
use crate::vital;

/// Most batches that may be split without taking a place of other batches.
const ISOLATING_MAX: usize = 4;
/// Due events of which a probe takes the best.
const PROBE_CHOICE: usize = 100;
/// How long a fresh event waits for others to share its batch.
const LINGER: Duration = Duration::from_millis(50);
/// How often the disk is searched for due events when nothing wakes the worker.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How long open calls may still take when the server stops.
const GOODBYE: Duration = Duration::from_secs(10);

/// Starts a worker per pixel. A worker ends when `stop` is set and its open calls have ended.
pub fn start(
    pixels: &[Arc<Pixel>],
    paused: &[PixelId],
    graph: &Graph,
    queue: &Arc<dyn DeliveryQueue>,
    clock: &Clock,
    metrics: &Arc<Metrics>,
    stop: &CancellationToken,
) -> (Delivery, Vec<JoinHandle<()>>) {
    let board = StatusBoard::default();
    let mut queues = BTreeMap::new();
    let mut workers = Vec::new();
    for pixel in pixels {
        let (fresh, arrivals) = mpsc::channel(PLACES);
        let wake = Arc::new(Notify::new());
        let switches = Arc::new(OperatorSwitches::default());
        switches.paused.store(paused.contains(&pixel.id), Ordering::Relaxed);
        let (put_back, asked_back) = mpsc::channel(1);
        let entrance =
            FreshQueue { fresh, wake: Arc::clone(&wake), switches: Arc::clone(&switches), put_back };
        queues.insert(pixel.id.clone(), entrance);
        let sender = Sender {
            pixel: pixel.id.clone(),
            graph: graph.clone(),
            queue: Arc::clone(queue),
            clock: clock.clone(),
            metrics: Arc::clone(metrics),
            test_event_code: pixel.test_event_code.clone(),
            page: pixel.page.clone(),
            money: pixel.money,
            doubt: Arc::default(),
            isolating: Arc::default(),
            wake: Arc::clone(&wake),
        };
        let worker = Worker {
            sender,
            pixel: Arc::clone(pixel),
            board: board.clone(),
            arrivals,
            wake,
            switches,
            asked_back,
            waiting: VecDeque::new(),
            oldest: None,
            backlog: true,
            fresh_turn: true,
            calls: JoinSet::new(),
            gate: Gate::default(),
            refused_token: None,
        };
        worker.show();
        workers.push(vital::task("delivery", worker.run(stop.clone())));
    }
    (Delivery { queues: Arc::new(queues), board }, workers)
}

/// Result of one batch.
struct Outcome {
    permit: Permit,
    secrets: CallSecrets,
    feedback: CallFeedback,
}

struct Worker {
    sender: Sender,
    pixel: Arc<Pixel>,
    board: StatusBoard,
    arrivals: mpsc::Receiver<LeasedEvent>,
    wake: Arc<Notify>,
    switches: Arc<OperatorSwitches>,
    asked_back: mpsc::Receiver<oneshot::Sender<()>>,
    /// Fresh events, in the order of their arrival.
    waiting: VecDeque<LeasedEvent>,
    /// When the first of them arrived.
    oldest: Option<Instant>,
    /// Whether the disk may hold due events.
    backlog: bool,
    /// Whether the next batch takes fresh events. The turns keep fresh and due events from starving
    /// each other.
    fresh_turn: bool,
    calls: JoinSet<Outcome>,
    gate: Gate,
    /// The token that Meta refused last. A different token is tried at once.
    refused_token: Option<SecretString>,
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
                // This branch stands before the calls: while a backlog drains, some call has always
                // just ended, and the caller of `put_back` would wait.
                Some(done) = self.asked_back.recv() => {
                    self.put_back().await;
                    // The caller may have disconnected.
                    let _ = done.send(());
                    self.backlog = true;
                }
                Some(done) = self.calls.join_next() => self.apply(done),
                Some(event) = self.arrivals.recv(), if self.waiting.len() < BATCH_EVENTS_MAX * 2 => self.take(event),
                () = self.wake.notified() => self.backlog = true,
                _ = look.tick() => self.backlog = true,
                () = tokio::time::sleep_until(linger_over) => {}
            }
            self.work().await;
        }
        self.finish().await;
    }

    fn take(&mut self, event: LeasedEvent) {
        self.oldest.get_or_insert_with(Instant::now);
        self.waiting.push_back(event);
    }

    /// Takes all fresh events. The loop alone would not do so: while a backlog drains, it is busy
    /// with the calls that end.
    fn take_all(&mut self) {
        while self.waiting.len() < BATCH_EVENTS_MAX
            && let Ok(event) = self.arrivals.try_recv()
        {
            self.take(event);
        }
    }

    /// Sends as many batches as may go out now.
    async fn work(&mut self) {
        if self.switches.resume.swap(false, Ordering::Relaxed) {
            self.gate.resume();
        }
        self.show();
        if self.board.get(&self.pixel.id).is_none_or(|status| status.state != PixelState::Delivering) {
            self.put_back().await;
        }
        loop {
            self.take_all();
            let ripe = self.waiting.len() >= BATCH_EVENTS_MAX
                || self.oldest.is_some_and(|oldest| oldest.elapsed() >= LINGER);
            if !(ripe || self.backlog) {
                return;
            }
            let Some((permit, secrets)) = self.permit() else { return };
            let max = if permit.is_probe { 1 } else { BATCH_EVENTS_MAX };
            let batch = if ripe && (self.fresh_turn || !self.backlog) {
                self.fresh_turn = !self.backlog;
                self.fresh_batch(max).await
            } else {
                self.fresh_turn = true;
                // Only where refusals are in doubt does the choice of the event say something. A probe may cost its
                // event an attempt, or be counted twice, so that a proven one is not chosen without need.
                if permit.is_probe && !self.sender.doubt().is_clear() {
                    self.lease_probe().await
                } else {
                    self.lease(max).await
                }
            };
            if batch.is_empty() {
                self.gate.cancel(permit, self.sender.clock.steady_ms());
                if !ripe {
                    return;
                }
                continue;
            }
            let sender = self.sender.clone();
            self.calls.spawn(async move {
                let feedback = sender.send_or_release(&secrets, batch).await;
                Outcome { permit, secrets, feedback }
            });
        }
    }

    /// A permit for one call, and the secrets for it.
    fn permit(&mut self) -> Option<(Permit, CallSecrets)> {
        if self.switches.paused.load(Ordering::Relaxed) {
            return None;
        }
        let token = self.pixel.token.as_ref()?.current()?;
        let refused = self.refused_token.as_ref().map(SecretString::expose_secret);
        let is_renewed = refused.is_some_and(|refused| refused != token.expose_secret());
        // A batch that is being split makes many calls in sequence. It must not hold up the others.
        let cut_up = self.sender.isolating.load(Ordering::Relaxed).min(ISOLATING_MAX);
        let out = self.calls.len().saturating_sub(cut_up);
        let permit = self.gate.permit(self.sender.clock.steady_ms(), out, is_renewed)?;
        let app_secret = self.pixel.app_secret.as_ref().and_then(SecretSource::current);
        Some((permit, CallSecrets { token, app_secret }))
    }

    async fn fresh_batch(&mut self, max: usize) -> Vec<LeasedEvent> {
        let now = std::time::Instant::now();
        let (mut batch, mut stale) = (Vec::new(), Vec::new());
        let mut bytes = 0;
        while batch.len() < max
            && let Some(event) = self.waiting.front()
        {
            bytes += event.payload.bytes();
            if bytes > BATCH_BYTES_MAX && !batch.is_empty() {
                break;
            }
            // An event that waited too long is given back: its lease could end before its call does.
            if let Some(event) = self.waiting.pop_front() {
                let is_good = event.lease_ends.saturating_duration_since(now) > LEASE / 2;
                if is_good { &mut batch } else { &mut stale }.push(event);
            }
        }
        self.oldest = (!self.waiting.is_empty()).then(Instant::now);
        self.backlog |= !stale.is_empty();
        self.sender.release(leases(&stale)).await;
        batch
    }

    /// The event that a probe sends: of those that are due, the one that says most about the pixel.
    async fn lease_probe(&mut self) -> Vec<LeasedEvent> {
        let mut due = self.lease(PROBE_CHOICE).await;
        if due.len() > 1 {
            let best = self.sender.doubt().probe(&due);
            due.swap(0, best);
            self.backlog = true;
            self.sender.release(leases(&due.split_off(1))).await;
        }
        due
    }

    async fn lease(&mut self, max: usize) -> Vec<LeasedEvent> {
        let queue = &self.sender.queue;
        if !matches!(queue.has_due(self.pixel.id.clone()).await, Ok(true)) {
            self.backlog = false;
            return Vec::new();
        }
        match queue.lease(self.pixel.id.clone(), max, LEASE).await {
            Ok(mut batch) => {
                self.backlog = batch.len() == max;
                let mut bytes = 0;
                let fits = batch.iter().take_while(|event| {
                    bytes += event.payload.bytes();
                    bytes <= BATCH_BYTES_MAX
                });
                let rest = batch.split_off(fits.count().max(1).min(batch.len()));
                if !rest.is_empty() {
                    self.backlog = true;
                    self.sender.release(leases(&rest)).await;
                }
                batch
            }
            Err(error) => {
                self.backlog = false;
                tracing::warn!(%error, "due events cannot be read");
                Vec::new()
            }
        }
    }

    fn apply(&mut self, done: Result<Outcome, tokio::task::JoinError>) {
        let Ok(Outcome { permit, secrets, feedback }) = done else {
            // `send_or_release` lets no panic through, and nobody aborts a call.
            tracing::error!(pixel.id = self.pixel.id.as_str(), "a call was lost");
            return;
        };
        if feedback.held.is_some() {
            self.refused_token = Some(secrets.token);
        } else if feedback.worked {
            self.refused_token = None;
        }
        self.gate.apply(permit, &feedback, self.sender.clock.steady_ms());
        self.backlog |= feedback.worked || !feedback.called;
    }

    /// Gives the fresh events back to the disk, due at once.
    async fn put_back(&mut self) {
        while let Ok(event) = self.arrivals.try_recv() {
            self.waiting.push_back(event);
        }
        self.oldest = None;
        if self.waiting.is_empty() {
            return;
        }
        let fresh = leases(&self.waiting);
        self.waiting.clear();
        self.sender.release(fresh).await;
    }

    fn show(&self) {
        let configured = self.pixel.token.as_ref().is_some_and(|token| token.current().is_some());
        let (state, reason) = if self.switches.paused.load(Ordering::Relaxed) {
            (PixelState::Held, code::PAUSED)
        } else if configured {
            self.gate.state(self.sender.clock.steady_ms())
        } else {
            (PixelState::Unconfigured, code::UNCONFIGURED)
        };
        self.board.set(&self.pixel.id, state, reason, self.sender.clock.now_ms());
        self.sender.metrics.set_calls_max(self.pixel.id.as_str(), self.gate.calls_max());
    }

    /// Waits for the open calls. All other events stay on disk.
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

#[cfg(test)]
mod tests;
