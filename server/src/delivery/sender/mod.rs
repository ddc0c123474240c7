//! Sends one batch: checks its events, finds the one that makes Meta refuse the batch, and records
//! the outcomes.

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use secrecy::SecretString;
use tandem_core::code;
use tandem_core::id::PixelId;
use tandem_core::page_url::PageUrl;
use tokio::sync::Notify;

use super::classify::{CallOutcome, MetaError, Reply, classify};
use super::farewell::log_given_up;
use super::gate::CallFeedback;
use super::graph::{Credentials, Graph};
use super::isolate::Isolation;
use super::judge::{AfterRefusal, REQUEST_PROBE_WAIT, after_refusal, becomes, is_suspect, known_refusal};
use crate::clock::Clock;
use crate::config::MoneyRule;
use crate::outbox::{AttemptOutcome, AttemptResult, CallRecord, DeliveryQueue, LeasedEvent, StoreError};
use crate::telemetry::metrics::Metrics;

/// Wait of an event whose browser copy may be too old, while the time is not trusted.
const CLOCK_WAIT: Duration = Duration::from_secs(10 * 60);
/// This many single events refused in a row, for a reason that may lie in the request, mean that
/// the request is at fault and not the events.
const LONE_REFUSALS_MAX: u32 = 2;
/// What a sender works with. Cheap to clone; the clones share the counts.
#[derive(Debug, Clone)]
pub(super) struct Sender {
    pub(super) pixel: PixelId,
    pub(super) graph: Graph,
    pub(super) queue: Arc<dyn DeliveryQueue>,
    pub(super) clock: Clock,
    pub(super) metrics: Arc<Metrics>,
    pub(super) test_event_code: Option<String>,
    /// The page of website events that name none.
    pub(super) page: Option<PageUrl>,
    pub(super) money: MoneyRule,
    /// Single events refused in a row for a reason that may lie in the request.
    pub(super) lone_refusals: Arc<AtomicU32>,
    /// Number of batches that are being split. Other batches go out meanwhile, so a change notifies
    /// `wake`.
    pub(super) isolating: Arc<AtomicUsize>,
    pub(super) wake: Arc<Notify>,
}

/// Counts a batch as being split for as long as this value lives.
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
    /// Sends a batch. If that panics, the events are due again at once, and the call counts as
    /// failed, so that a batch that panics each time opens the circuit.
    pub(super) async fn send_or_release(
        &self,
        secrets: &CallSecrets,
        events: Vec<LeasedEvent>,
    ) -> CallFeedback {
        let leases = leases(&events);
        match AssertUnwindSafe(self.send(secrets, events)).catch_unwind().await {
            Ok(feedback) => feedback,
            Err(_) => {
                tracing::error!(pixel.id = self.pixel.as_str(), "a call panicked; its events are due again");
                self.release(leases).await;
                CallFeedback { called: true, failed: true, ..CallFeedback::default() }
            }
        }
    }

    /// Sends a batch and records what became of each event.
    async fn send(&self, secrets: &CallSecrets, events: Vec<LeasedEvent>) -> CallFeedback {
        let events = self.turn_away(events).await;
        let (suspects, mut events): (Vec<_>, Vec<_>) = events.into_iter().partition(is_suspect);
        let mut isolation = Isolation::new(events.len(), suspects.len());
        events.extend(suspects);
        let mut feedback = CallFeedback::default();
        let (mut isolating, mut stripped) = (None, BTreeSet::new());
        while let Some(range) = isolation.next() {
            let batch = &events[range.clone()];
            let (outcome, meta, call) = self.call(secrets, batch, &mut feedback).await;
            if let CallOutcome::Refused { .. } = outcome
                && let Some(next) = after_refusal(&meta, batch)
            {
                isolating.get_or_insert_with(|| Isolating::begin(self));
                feedback.worked = true;
                self.record(call, Vec::new()).await;
                match next {
                    AfterRefusal::Split(blamed) => isolation.split(&range, blamed),
                    AfterRefusal::WithoutClickId(payload) => {
                        events[range.start].payload = Arc::new(payload);
                        stripped.insert(range.start);
                        isolation.again(range);
                    }
                }
                continue;
            }
            let outcome = self.judge_request(outcome);
            if let CallOutcome::Delivered { .. } = outcome {
                isolation.taken(&range);
            }
            let delivered = match stripped.contains(&range.start) {
                true => code::DELIVERED_WITHOUT_CLICK_ID,
                false => code::DELIVERED,
            };
            let goes_on = self.apply(&outcome, batch, &mut feedback);
            let results = self.results(batch, &outcome, delivered);
            log_given_up(batch, &results, &call);
            self.record(call, results).await;
            if !goes_on {
                self.release(leases(isolation.give_up().flat_map(|range| &events[range]))).await;
            }
        }
        feedback
    }

    /// Gives up the events that Meta would refuse anyway, so that they cannot spoil the batch. An
    /// event that names no page gets the pixel's. Without one it is held, because a setting mends it.
    /// So is money of which nobody may be told, whatever brought it here.
    async fn turn_away(&self, events: Vec<LeasedEvent>) -> Vec<LeasedEvent> {
        let (now_s, time) = (self.clock.now_s(), self.clock.trusted());
        let (mut kept, mut refused) = (Vec::with_capacity(events.len()), Vec::new());
        let mut given_up = Vec::new();
        for mut event in events {
            if let (true, Some(page)) = (event.payload.lacks_page(), &self.page) {
                event.payload = Arc::new(event.payload.on_page(page));
            }
            if let Some(code) = event.environment.and_then(|of_money| self.money.hold(of_money)) {
                refused.push(self.result(&event, AttemptOutcome::HeldAlone, code));
                continue;
            }
            match known_refusal(&event, now_s, time) {
                None => kept.push(event),
                Some(code::CLOCK_UNTRUSTED) => {
                    let wait = AttemptOutcome::Held(CLOCK_WAIT);
                    refused.push(self.result(&event, wait, code::CLOCK_UNTRUSTED));
                }
                Some(code::PAGE_MISSING) => {
                    refused.push(self.result(&event, AttemptOutcome::HeldAlone, code::PAGE_MISSING));
                }
                Some(code) => {
                    refused.push(self.result(&event, AttemptOutcome::Refused, code));
                    given_up.push(event);
                }
            }
        }
        if let Some(first) = refused.first() {
            tracing::warn!(events = refused.len(), code = first.code, "events are not sent");
            let call = self.call_record(self.clock.now_ms(), Duration::ZERO, 0, &MetaError::default(), 0);
            log_given_up(&given_up, &refused, &call);
            self.record(call, refused).await;
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
        let reply = self.graph.send(&credentials, batch).await;
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
        call.shortfall = match outcome {
            CallOutcome::Delivered { shortfall } => shortfall,
            CallOutcome::Uncounted => call.batch_size,
            _ => 0,
        };
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

    /// The reason of a refusal may lie in the request and not in the event. One such event is given
    /// up. Several in a row mean that Meta would refuse every event, so the pixel is held instead.
    /// A wrong setting must not turn a shop's events into dead letters.
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

    /// `delivered`: the code of events that Meta acknowledged and counted.
    fn results(
        &self,
        batch: &[LeasedEvent],
        outcome: &CallOutcome,
        delivered: &'static str,
    ) -> Vec<AttemptResult> {
        let result = |event| {
            let (outcome, code) = becomes(event, outcome, delivered, rand::random_range(0.0..1.0));
            self.result(event, outcome, code)
        };
        batch.iter().map(result).collect()
    }

    fn result(&self, event: &LeasedEvent, outcome: AttemptOutcome, code: &'static str) -> AttemptResult {
        self.metrics.count_attempt(outcome.name(), code);
        AttemptResult { seq: event.seq, lease_no: event.lease_no, outcome, code }
    }

    /// Adds what the outcome says about the pixel to `feedback`. Returns whether the rest of the
    /// batch may be sent.
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
            CallOutcome::Refused { .. } => {
                feedback.worked = true;
                true
            }
            // Meta failed on a single suspect event, which says nothing about the service.
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
            CallOutcome::Uncounted => {
                feedback.held = Some((code::META_RECEIVED_NONE, REQUEST_PROBE_WAIT));
                false
            }
            CallOutcome::Held { code, probe_after } => {
                feedback.held = Some((code, probe_after));
                false
            }
        }
    }

    /// Records the results. A full disk must not make a delivered event go out twice.
    async fn record(&self, call: CallRecord, results: Vec<AttemptResult>) {
        let record = || self.queue.record(call.clone(), results.clone());
        until_taken("results of a Graph call cannot be recorded yet", record).await;
    }

    /// Gives back leased events that were not sent. It counts no attempt. A store that refuses is
    /// asked again in the background: nobody holds these leases any more.
    pub(super) async fn release(&self, leases: Vec<Lease>) {
        if leases.is_empty() || self.queue.release(leases.clone()).await.is_ok() {
            return;
        }
        let queue = Arc::clone(&self.queue);
        tokio::spawn(async move {
            until_taken("events cannot be given back yet", || queue.release(leases.clone())).await;
        });
    }
}

/// Writes, and tries until the store takes it or stops.
async fn until_taken<F>(trouble: &'static str, write: impl Fn() -> F)
where
    F: Future<Output = Result<(), StoreError>>,
{
    let mut pause = Duration::from_millis(100);
    while let Err(error) = write().await {
        if error == StoreError::Stopped {
            return;
        }
        tracing::error!(%error, trouble);
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(10));
    }
}

/// An event's position in the store, and the number of its lease.
pub(super) type Lease = (u64, u32);

/// The leases of some events.
pub(super) fn leases<'a>(events: impl IntoIterator<Item = &'a LeasedEvent>) -> Vec<Lease> {
    events.into_iter().map(|event| (event.seq, event.lease_no)).collect()
}

#[cfg(test)]
mod repeat_tests;
#[cfg(test)]
mod tests;
