//! One batch on its way: checked, sent, isolated where one event spoils it, recorded.

use std::sync::Arc;
use std::time::{Duration, Instant};

use secrecy::SecretString;
use tandem_core::code;
use tandem_core::event::is_too_old;
use tandem_core::id::PixelId;

use super::backoff;
use super::classify::{MetaError, Reply, Verdict, classify};
use super::graph::{Credentials, Graph};
use crate::clock::Clock;
use crate::insight::metrics::Metrics;
use crate::outbox::{AttemptOutcome, AttemptResult, CallRecord, ClaimedEvent, SharedOutbox};

/// A server event whose browser twin fired longer ago than this is not sent: Meta would
/// count it a second time. One hour less than its 48-hour window, seconds.
const TWIN_AGE_MAX_S: i64 = 47 * 3600;

/// What a sender works with. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Sender {
    pub(super) pixel: PixelId,
    pub(super) graph: Graph,
    pub(super) outbox: SharedOutbox,
    pub(super) clock: Clock,
    pub(super) metrics: Arc<Metrics>,
    pub(super) test_event_code: Option<String>,
}

/// The secrets of one batch.
#[derive(Debug, Clone)]
pub(super) struct Keys {
    pub(super) token: SecretString,
    pub(super) app_secret: Option<SecretString>,
}

/// What a batch taught about the pixel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Lesson {
    /// Meta answered in a way that says it works.
    pub(super) worked: bool,
    /// The way or the service failed.
    pub(super) failed: bool,
    /// Meta asked for a pause.
    pub(super) pause: Option<Duration>,
    /// The pixel cannot be used, for this reason.
    pub(super) held: Option<&'static str>,
}

impl Sender {
    /// Sends a batch and records what became of each event.
    pub(super) async fn send(&self, keys: Keys, events: Vec<ClaimedEvent>) -> Lesson {
        let events = self.turn_away(events).await;
        let mut lesson = Lesson::default();
        // Ranges still to be sent; a refused one comes back as its two halves.
        let whole = 0..events.len();
        let mut ranges = vec![whole];
        while let Some(range) = ranges.pop() {
            if range.is_empty() {
                continue;
            }
            let batch = &events[range.clone()];
            let (verdict, call) = self.call(&keys, batch).await;
            let outcome_of = match verdict {
                Verdict::Refused { .. } if batch.len() > 1 => {
                    lesson.worked = true;
                    self.record(call, Vec::new()).await;
                    let middle = range.start + batch.len() / 2;
                    ranges.push(middle..range.end);
                    ranges.push(range.start..middle);
                    continue;
                }
                verdict => verdict,
            };
            self.learn(&outcome_of, &mut lesson);
            let stop = !matches!(outcome_of, Verdict::Delivered { .. } | Verdict::Refused { .. });
            self.record(call, self.results(batch, &outcome_of)).await;
            if stop {
                // What was not sent goes back as it was: it made no attempt.
                for range in ranges.drain(..) {
                    let leases: Vec<_> =
                        events[range].iter().map(|event| (event.seq, event.lease_no)).collect();
                    self.release(leases).await;
                }
            }
        }
        lesson
    }

    /// Gives up what Meta would refuse anyway, so that one event cannot spoil a batch.
    async fn turn_away(&self, events: Vec<ClaimedEvent>) -> Vec<ClaimedEvent> {
        let now_s = self.clock.now_s();
        let mut refused = Vec::new();
        let kept = events
            .into_iter()
            .filter(|event| match fault(event, now_s) {
                None => true,
                Some(code) => {
                    self.metrics.attempt(AttemptOutcome::Refused, code);
                    refused.push(AttemptResult {
                        seq: event.seq,
                        lease_no: event.lease_no,
                        outcome: AttemptOutcome::Refused,
                        code,
                    });
                    false
                }
            })
            .collect();
        if !refused.is_empty() {
            tracing::warn!(events = refused.len(), code = refused[0].code, "events given up before sending");
            self.record(
                self.call_record(self.clock.now_ms(), Duration::ZERO, 0, &MetaError::default(), 0),
                refused,
            )
            .await;
        }
        kept
    }

    async fn call(&self, keys: &Keys, batch: &[ClaimedEvent]) -> (Verdict, CallRecord) {
        let credentials = Credentials {
            pixel: &self.pixel,
            token: &keys.token,
            app_secret: keys.app_secret.as_ref(),
            test_event_code: self.test_event_code.as_deref(),
        };
        let started_ms = self.clock.now_ms();
        let started = Instant::now();
        let reply = self.graph.send(&credentials, batch).await;
        let took = started.elapsed();
        let status = match &reply {
            Reply::Http { status, .. } => *status,
            Reply::NotSent | Reply::NoAnswer => 0,
        };
        let (verdict, meta) = classify(&reply, batch.len());
        self.metrics.graph_call(took);
        tracing::debug!(
            pixel.id = self.pixel.as_str(),
            batch.size = batch.len(),
            http.status = status,
            meta.code = meta.code,
            meta.subcode = meta.subcode,
            meta.fbtrace_id = meta.fbtrace_id,
            duration_ms = took.as_millis(),
            verdict = ?verdict,
            "Graph call"
        );
        (verdict, self.call_record(started_ms, took, status, &meta, batch.len()))
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
        }
    }

    fn results(&self, batch: &[ClaimedEvent], verdict: &Verdict) -> Vec<AttemptResult> {
        let now_ms = self.clock.now_ms();
        let later = |event: &ClaimedEvent, wish| {
            let wait = backoff::wait(event.attempts.saturating_add(1), rand::random_range(0.0..1.0), wish);
            now_ms.saturating_add(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX))
        };
        batch
            .iter()
            .map(|event| {
                let (outcome, code) = match *verdict {
                    Verdict::Delivered { short: false } => (AttemptOutcome::Delivered, code::DELIVERED),
                    Verdict::Delivered { short: true } => (AttemptOutcome::Delivered, code::DELIVERED_SHORT),
                    Verdict::Retry { code, after } => (AttemptOutcome::Retry(later(event, after)), code),
                    Verdict::Unknown { code } => (AttemptOutcome::Unknown(later(event, None)), code),
                    Verdict::Held { code } => (AttemptOutcome::Held(now_ms), code),
                    Verdict::Refused { code } => (AttemptOutcome::Refused, code),
                };
                self.metrics.attempt(outcome, code);
                AttemptResult { seq: event.seq, lease_no: event.lease_no, outcome, code }
            })
            .collect()
    }

    fn learn(&self, verdict: &Verdict, lesson: &mut Lesson) {
        match *verdict {
            Verdict::Delivered { short } => {
                if short {
                    tracing::warn!(
                        pixel.id = self.pixel.as_str(),
                        code = code::DELIVERED_SHORT,
                        "Meta counted fewer events than were sent"
                    );
                }
                lesson.worked = true;
            }
            Verdict::Refused { code } => {
                tracing::warn!(
                    pixel.id = self.pixel.as_str(),
                    code,
                    "Meta refuses an event; it is a dead letter now"
                );
                lesson.worked = true;
            }
            Verdict::Retry { code: code::META_THROTTLED | code::META_BLOCKED, after } => lesson.pause = after,
            Verdict::Retry { .. } | Verdict::Unknown { .. } => lesson.failed = true,
            Verdict::Held { code } => lesson.held = Some(code),
        }
    }

    /// Records, for as long as it takes: what Meta has must not be sent again because a
    /// disk was full for a while.
    async fn record(&self, call: CallRecord, results: Vec<AttemptResult>) {
        let mut pause = Duration::from_millis(100);
        while let Err(fault) = self.outbox.record(call.clone(), results.clone()).await {
            if fault == crate::outbox::StoreError::Stopped {
                return;
            }
            tracing::error!(store.fault = %fault, "results of a Graph call cannot be recorded yet");
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(10));
        }
    }

    async fn release(&self, leases: Vec<(u64, u32)>) {
        if let Err(fault) = self.outbox.release(leases, self.clock.now_ms()).await {
            tracing::warn!(store.fault = %fault, "events stay leased until their lease ends");
        }
    }
}

/// Why an event must not be sent.
fn fault(event: &ClaimedEvent, now_s: i64) -> Option<&'static str> {
    if is_too_old(event.time_s, now_s) {
        Some(code::TOO_OLD)
    } else if event.fired_s.is_some_and(|fired_s| now_s - fired_s > TWIN_AGE_MAX_S) {
        Some(code::DEDUP_WINDOW_PASSED)
    } else if event.person.is_empty() {
        Some(code::PERSON_GONE)
    } else if !event.keys.is_enough() {
        Some(code::MATCH_KEYS_INSUFFICIENT)
    } else {
        None
    }
}
