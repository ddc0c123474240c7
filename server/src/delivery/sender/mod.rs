//! One batch on its way: checked, sent, isolated where one event spoils it, recorded.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use secrecy::SecretString;
use tandem_core::code;
use tandem_core::id::PixelId;
use tokio::sync::Notify;

use super::backoff;
use super::classify::{CallOutcome, MetaError, Reply, classify};
use super::gate::CallFeedback;
use super::graph::{Credentials, Graph};
use super::isolate::Isolation;
use super::meta_codes::SUB_TOO_OLD;
use crate::clock::Clock;
use crate::outbox::{AttemptOutcome, AttemptResult, CallRecord, DeliveryQueue, LeasedEvent, StoreError};
use crate::telemetry::metrics::Metrics;

/// A server event whose browser twin fired longer ago than this is not sent: Meta would
/// count it a second time. One hour less than its 48-hour window, seconds.
const TWIN_AGE_MAX_S: i64 = 47 * 3600;
/// Attempts that ended in Meta's "unknown error", after which an event travels alone: it may
/// be the one that Meta chokes on, and must not spoil the batches of others.
const SUSPECT_ATTEMPTS: u32 = 8;
/// Events refused alone and in a row, for a reason that may be the request's, after which
/// the request is taken to be at fault and not the events.
const LONE_REFUSALS_MAX: u32 = 2;
/// Wait before another event is tried when the request is at fault.
const REQUEST_PROBE_WAIT: Duration = Duration::from_secs(60);

/// What a sender works with. Cheap to clone; clones share the count.
#[derive(Debug, Clone)]
pub(super) struct Sender {
    pub(super) pixel: PixelId,
    pub(super) graph: Graph,
    pub(super) queue: Arc<dyn DeliveryQueue>,
    pub(super) clock: Clock,
    pub(super) metrics: Arc<Metrics>,
    pub(super) test_event_code: Option<String>,
    /// The page of website events that name none.
    pub(super) page: Option<String>,
    /// Events refused alone, in a row, for a reason that may be the request's.
    pub(super) lone_refusals: Arc<AtomicU32>,
    /// Batches that are being cut up, and whom to tell: others go out meanwhile.
    pub(super) isolating: Arc<AtomicUsize>,
    pub(super) wake: Arc<Notify>,
}

/// Counts a batch that is being cut up, as long as it lives.
struct Isolating<'a>(&'a AtomicUsize);

impl<'a> Isolating<'a> {
    fn begin(sender: &'a Sender) -> Self {
        sender.isolating.fetch_add(1, Ordering::Relaxed);
        sender.wake.notify_one();
        Self(&sender.isolating)
    }
}

impl Drop for Isolating<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The secrets that a batch is sent with.
#[derive(Debug, Clone)]
pub(super) struct CallSecrets {
    pub(super) token: SecretString,
    pub(super) app_secret: Option<SecretString>,
}

impl Sender {
    /// Sends a batch and records what became of each event.
    pub(super) async fn send(&self, secrets: &CallSecrets, events: Vec<LeasedEvent>) -> CallFeedback {
        let events = self.turn_away(events).await;
        let (suspects, mut events): (Vec<_>, Vec<_>) = events.into_iter().partition(is_suspect);
        let mut isolation = Isolation::new(events.len(), suspects.len());
        events.extend(suspects);
        let mut feedback = CallFeedback::default();
        let mut isolating = None;
        while let Some(range) = isolation.next() {
            let batch = &events[range.clone()];
            let (outcome, meta, call) = self.call(secrets, batch, &mut feedback).await;
            let outcome = match outcome {
                CallOutcome::Refused { .. } if batch.len() > 1 => {
                    isolating.get_or_insert_with(|| Isolating::begin(self));
                    feedback.worked = true;
                    self.record(call, Vec::new()).await;
                    isolation.split(&range, blamed(&meta, batch));
                    continue;
                }
                outcome => self.judge_request(outcome),
            };
            if let CallOutcome::Delivered { .. } = outcome {
                isolation.taken(&range);
            }
            let goes_on = self.apply(&outcome, batch, &mut feedback);
            self.record(call, self.results(batch, &outcome)).await;
            if !goes_on {
                self.release(isolation.give_up().flat_map(|range| &events[range])).await;
            }
        }
        feedback
    }

    /// Gives up what Meta would refuse anyway, so that one event cannot spoil a batch. An event that names no page
    /// gets the pixel's. Without one it is held: a setting mends it.
    async fn turn_away(&self, events: Vec<LeasedEvent>) -> Vec<LeasedEvent> {
        let now_s = self.clock.now_s();
        let (mut kept, mut refused) = (Vec::with_capacity(events.len()), Vec::new());
        for mut event in events {
            if let (true, Some(page)) = (event.payload.lacks_page(), &self.page) {
                event.payload = Arc::new(event.payload.on_page(page));
            }
            match known_refusal(&event, now_s) {
                None => kept.push(event),
                Some(code::PAGE_MISSING) => {
                    refused.push(self.result(&event, AttemptOutcome::HeldAlone, code::PAGE_MISSING));
                }
                Some(code) => refused.push(self.result(&event, AttemptOutcome::Refused, code)),
            }
        }
        if let Some(first) = refused.first() {
            tracing::warn!(
                events = refused.len(),
                code = first.code,
                "events not sent: Meta would refuse them"
            );
            let none = MetaError::default();
            self.record(self.call_record(self.clock.now_ms(), Duration::ZERO, 0, &none, 0), refused).await;
        }
        kept
    }

    async fn call(
        &self,
        secrets: &CallSecrets,
        batch: &[LeasedEvent],
        feedback: &mut CallFeedback,
    ) -> (CallOutcome, MetaError, CallRecord) {
        let credentials = Credentials {
            pixel: &self.pixel,
            token: &secrets.token,
            app_secret: secrets.app_secret.as_ref(),
            test_event_code: self.test_event_code.as_deref(),
        };
        let started_ms = self.clock.now_ms();
        let started = Instant::now();
        let reply = self.graph.send(&credentials, batch, started_ms.div_euclid(1000)).await;
        let took = started.elapsed();
        let status = match &reply {
            Reply::Http { status, .. } => *status,
            Reply::NotSent | Reply::NoAnswer => 0,
        };
        let (outcome, meta) = classify(&reply, batch.len());
        feedback.called = true;
        feedback.took = feedback.took.max(took);
        feedback.usage_percent = feedback.usage_percent.max(reply.usage().percent);
        self.metrics.observe_graph_call(took);
        tracing::debug!(
            pixel.id = self.pixel.as_str(),
            batch.size = batch.len(),
            http.status = status,
            meta.code = meta.code,
            meta.subcode = meta.subcode,
            meta.fbtrace_id = meta.fbtrace_id,
            duration_ms = took.as_millis(),
            outcome = ?outcome,
            "Graph call"
        );
        let mut call = self.call_record(started_ms, took, status, &meta, batch.len());
        if let CallOutcome::Delivered { shortfall } = outcome {
            call.shortfall = shortfall;
        }
        (outcome, meta, call)
    }

    fn call_record(
        &self,
        started_ms: i64,
        took: Duration,
        status: u16,
        meta: &MetaError,
        size: usize,
    ) -> CallRecord {
        CallRecord {
            pixel: self.pixel.clone(),
            started_ms,
            duration_ms: u32::try_from(took.as_millis()).unwrap_or(u32::MAX),
            http_status: status,
            meta_code: meta.code,
            meta_subcode: meta.subcode,
            fbtrace_id: meta.fbtrace_id.clone(),
            blamed_path: meta.blamed_path.clone(),
            batch_size: u32::try_from(size).unwrap_or(u32::MAX),
            shortfall: 0,
        }
    }

    /// The reason of a refusal may lie in the request and not in its event. One such event is given
    /// up. Several in a row mean that Meta would refuse every event, so the pixel is held instead:
    /// a wrong setting must not turn a shop's events into dead letters.
    fn judge_request(&self, outcome: CallOutcome) -> CallOutcome {
        match outcome {
            CallOutcome::Refused { of_event: false, .. } => {
                let in_a_row = self.lone_refusals.fetch_add(1, Ordering::Relaxed).saturating_add(1);
                if in_a_row < LONE_REFUSALS_MAX {
                    return outcome;
                }
                CallOutcome::Held { code: code::REQUEST_REFUSED, probe_after: REQUEST_PROBE_WAIT }
            }
            CallOutcome::Refused { of_event: true, .. } | CallOutcome::Delivered { .. } => {
                self.lone_refusals.store(0, Ordering::Relaxed);
                outcome
            }
            other => other,
        }
    }

    fn results(&self, batch: &[LeasedEvent], outcome: &CallOutcome) -> Vec<AttemptResult> {
        let later = |event: &LeasedEvent, wish| {
            backoff::wait(event.attempts.saturating_add(1), rand::random_range(0.0..1.0), wish)
        };
        let result = |event| {
            let (outcome, code) = match *outcome {
                CallOutcome::Delivered { shortfall: 0 } => (AttemptOutcome::Delivered, code::DELIVERED),
                CallOutcome::Delivered { .. } => (AttemptOutcome::Delivered, code::DELIVERED_SHORT),
                CallOutcome::Retry { code, after } => (AttemptOutcome::Retry(later(event, after)), code),
                CallOutcome::Unknown { code } => (AttemptOutcome::Unknown(later(event, None)), code),
                // Another event is to be the next probe: this one may be at fault after all.
                CallOutcome::Held { code: code::REQUEST_REFUSED, probe_after } => {
                    (AttemptOutcome::Held(probe_after * 2), code::REQUEST_REFUSED)
                }
                CallOutcome::Held { code, .. } => (AttemptOutcome::Held(Duration::ZERO), code),
                CallOutcome::Refused { code, .. } => (AttemptOutcome::Refused, code),
            };
            self.result(event, outcome, code)
        };
        batch.iter().map(result).collect()
    }

    fn result(&self, event: &LeasedEvent, outcome: AttemptOutcome, code: &'static str) -> AttemptResult {
        self.metrics.count_attempt(outcome.name(), code);
        AttemptResult { seq: event.seq, lease_no: event.lease_no, outcome, code }
    }

    /// Notes what the outcome says about the pixel; says whether the rest of the batch may be sent.
    fn apply(&self, outcome: &CallOutcome, batch: &[LeasedEvent], feedback: &mut CallFeedback) -> bool {
        let pixel = self.pixel.as_str();
        match *outcome {
            CallOutcome::Delivered { shortfall } => {
                if shortfall > 0 {
                    let code = code::DELIVERED_SHORT;
                    tracing::warn!(
                        pixel.id = pixel,
                        code,
                        shortfall,
                        "Meta counted fewer events than were sent"
                    );
                }
                feedback.worked = true;
                true
            }
            CallOutcome::Refused { code, .. } => {
                tracing::warn!(pixel.id = pixel, code, "Meta refused an event; it is a dead letter now");
                feedback.worked = true;
                true
            }
            // One event that Meta cannot digest says nothing about the service.
            CallOutcome::Retry { code: code::META_UNKNOWN_ERROR, after: None }
                if batch.iter().all(is_suspect) =>
            {
                true
            }
            CallOutcome::Retry { code, after } => {
                feedback.pause = after.map(|after| (after, code));
                feedback.failed = code != code::META_THROTTLED;
                false
            }
            CallOutcome::Unknown { .. } => {
                feedback.failed = true;
                false
            }
            CallOutcome::Held { code, probe_after } => {
                feedback.held = Some((code, probe_after));
                false
            }
        }
    }

    /// Records the results, and tries until the store takes them: a full disk must not make a
    /// delivered event go out twice.
    async fn record(&self, call: CallRecord, results: Vec<AttemptResult>) {
        let mut pause = Duration::from_millis(100);
        while let Err(error) = self.queue.record(call.clone(), results.clone()).await {
            if error == StoreError::Stopped {
                return;
            }
            tracing::error!(%error, "results of a Graph call cannot be recorded yet");
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(10));
        }
    }

    /// Gives back leased events that were not sent. It counts no attempt.
    pub(super) async fn release(&self, events: impl Iterator<Item = &LeasedEvent>) {
        let leases: Vec<_> = events.map(|event| (event.seq, event.lease_no)).collect();
        if leases.is_empty() {
            return;
        }
        if let Err(error) = self.queue.release(leases).await {
            tracing::warn!(%error, "events stay leased until their lease ends");
        }
    }
}

/// Whether Meta may choke on the event itself.
fn is_suspect(event: &LeasedEvent) -> bool {
    event.attempts >= SUSPECT_ATTEMPTS && event.last_code.as_deref() == Some(code::META_UNKNOWN_ERROR)
}

/// The place in the batch to try first: the one Meta named, or the oldest event where Meta
/// says that one is too old.
fn blamed(meta: &MetaError, batch: &[LeasedEvent]) -> Option<usize> {
    let oldest = || batch.iter().enumerate().min_by_key(|(_, event)| event.time_s).map(|(i, _)| i);
    meta.blamed_event.or_else(|| (meta.subcode == SUB_TOO_OLD).then(oldest).flatten())
}

/// Stable code of why an event must not be sent.
fn known_refusal(event: &LeasedEvent, now_s: i64) -> Option<&'static str> {
    if event.payload.personal_json.is_none() {
        Some(code::PERSON_GONE)
    } else if event.fired_s.is_some_and(|fired_s| now_s - fired_s > TWIN_AGE_MAX_S) {
        Some(code::DEDUP_WINDOW_PASSED)
    } else {
        event.payload.known_refusal(event.time_s, now_s)
    }
}

#[cfg(test)]
mod tests;
