//! Health: one verdict with its reasons, from figures that say what they are (contract,
//! tracking health). However often it is asked for, little time goes into it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use tandem_core::code;
use tokio::sync::Mutex;

use crate::clock::Clock;
use crate::delivery::{PixelState, StatusBoard};
use crate::outbox::{Figures, Metric, OperatorStore, State, StoreError};
use crate::telemetry::metrics::Metrics;

/// A snapshot is reused for so many times as long as it took: what costs little is always
/// fresh, and what costs much never takes more than a small share of the time.
const REUSE_FACTOR: u32 = 5;
/// Longest reuse.
const REUSE_MAX: Duration = Duration::from_secs(5);
/// Events from which on a low deduplication rate means something.
const DEDUP_EVENTS_MIN: u64 = 20;

/// Overall verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// All well.
    Healthy,
    /// Something needs a look.
    Degraded,
    /// Something needs a hand.
    Critical,
}

/// `GET /api/tracking-health`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Health {
    /// Overall verdict.
    pub status: Status,
    /// Stable codes with their subject.
    pub reasons: Vec<String>,
    /// Figures of the last 24 hours.
    pub last_24h: Last24h,
    /// The outbox now.
    pub outbox: OutboxNow,
    /// Each pixel.
    pub pixels: Vec<PixelNow>,
}

/// Figures of the last 24 hours.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Last24h {
    /// Leads accepted.
    pub lead_events: u64,
    /// Purchases accepted.
    pub purchase_events: u64,
    /// Delivered and confirmed FIRED within 48 h ÷ delivered with a browser contact.
    pub deduplication_rate: Option<f64>,
    /// Mean answer of `TrackingService`, milliseconds.
    pub avg_response_time: f64,
    /// 99th percentile of the same, milliseconds.
    pub p99_response_time: f64,
    /// Server-side failures ÷ all answers.
    pub error_rate: f64,
    /// Delivered ÷ (delivered + dead letters).
    pub delivery_rate: Option<f64>,
    /// Graph calls over 1.5 s or unanswered ÷ all.
    pub capi_timeout_rate: Option<f64>,
}

/// The outbox now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OutboxNow {
    /// Pending, in flight and waiting for the join.
    pub pending: u64,
    /// Age of the oldest of them, seconds.
    pub oldest_age_seconds: u64,
    /// Waiting for their pixel, or held on their own account.
    pub held: u64,
    /// Given up, webhooks included.
    pub dead_letters: u64,
}

/// One pixel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PixelNow {
    /// Pixel (dataset) ID.
    pub pixel_id: String,
    /// `delivering`, `held`, `open_circuit` or `unconfigured`.
    pub state: &'static str,
    /// Stable code; empty when delivering.
    pub reason: &'static str,
    /// Graph calls that may be out at once; 0 before delivery has begun.
    pub calls_max: u32,
}

/// Everything the dashboard, metrics and health show, taken at one moment.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The verdict.
    pub health: Health,
    /// The store's figures.
    pub figures: Figures,
    /// When, Unix milliseconds.
    pub at_ms: i64,
}

/// Takes snapshots.
#[derive(Debug)]
pub struct Insight {
    /// Lists and figures.
    pub operators: Arc<dyn OperatorStore>,
    /// What each pixel is doing.
    pub board: StatusBoard,
    /// The metrics.
    pub metrics: Arc<Metrics>,
    clock: Clock,
    notes: Vec<String>,
    latest: Mutex<Option<Latest>>,
}

#[derive(Debug)]
struct Latest {
    fresh_until: Instant,
    snapshot: Arc<Snapshot>,
}

impl Insight {
    /// Makes it. `notes`: reasons that stand as long as the configuration does.
    pub fn new(
        operators: Arc<dyn OperatorStore>,
        board: StatusBoard,
        metrics: Arc<Metrics>,
        clock: Clock,
        notes: Vec<String>,
    ) -> Self {
        Self { operators, board, metrics, clock, notes, latest: Mutex::default() }
    }

    /// Unix time, milliseconds.
    pub fn now_ms(&self) -> i64 {
        self.clock.now_ms()
    }

    /// Whether the store accepts.
    pub async fn is_ready(&self) -> Result<(), StoreError> {
        self.operators.probe().await
    }

    /// A snapshot, at most a few seconds old.
    pub async fn snapshot(&self) -> Arc<Snapshot> {
        let mut latest = self.latest.lock().await;
        let started = Instant::now();
        if let Some(latest) = &*latest
            && started < latest.fresh_until
        {
            return Arc::clone(&latest.snapshot);
        }
        let at_ms = self.clock.now_ms();
        let accepts = self.operators.probe().await;
        let figures = self.operators.figures(at_ms).await;
        let store_fault = accepts.err().or(figures.as_ref().err().cloned());
        let figures = figures.unwrap_or_default();
        let health = self.judge(&figures, store_fault.as_ref(), at_ms);
        let snapshot = Arc::new(Snapshot { health, figures, at_ms });
        let reuse = (started.elapsed() * REUSE_FACTOR).min(REUSE_MAX);
        *latest = Some(Latest { fresh_until: Instant::now() + reuse, snapshot: Arc::clone(&snapshot) });
        snapshot
    }

    fn judge(&self, figures: &Figures, store_fault: Option<&StoreError>, now_ms: i64) -> Health {
        let responses = self.metrics.response_times.figures(now_ms);
        let mut verdict = Verdict::default();
        for note in &self.notes {
            verdict.degraded(note.clone());
        }
        if store_fault.is_some() {
            verdict.critical("store_refuses".into());
        }
        let age_s =
            |since_ms: Option<i64>| since_ms.map_or(0, |ms| ((now_ms - ms) / 1000).max(0).unsigned_abs());
        let (mut pending, mut held, mut oldest_s) = (0, 0, 0);
        let board = self.board.all();
        for (pixel, backlog) in &figures.backlog {
            let status = board.iter().find(|(id, _)| id.as_str() == pixel).map(|(_, status)| status);
            let blocked =
                status.is_none_or(|s| matches!(s.state, PixelState::Held | PixelState::Unconfigured));
            let oldest_of_pixel_s = age_s(backlog.oldest_open_ms);
            held += backlog.get(State::Held);
            if blocked {
                held += backlog.open();
                if backlog.open() > 0 && oldest_of_pixel_s > 15 * 60 {
                    verdict.critical(format!("pixel_waits:{pixel}"));
                }
            } else {
                pending += backlog.open();
                oldest_s = oldest_s.max(oldest_of_pixel_s);
            }
            if backlog.get(State::Held) > 0 {
                verdict.degraded(format!("events_held:{pixel}:{}", code::SANDBOX_WITHOUT_TEST_CODE));
            }
        }
        for (pixel, status) in &board {
            match status.state {
                PixelState::Delivering => {}
                PixelState::Held => verdict.degraded(format!("pixel_held:{pixel}:{}", status.reason)),
                PixelState::OpenCircuit => verdict.degraded(format!("pixel_open_circuit:{pixel}")),
                PixelState::Unconfigured => verdict.degraded(format!("pixel_unconfigured:{pixel}")),
            }
        }
        let ratio = |part: u64, whole: u64| (whole > 0).then(|| part as f64 / whole as f64);
        let with_browser = figures.total(Metric::DeliveredWithBrowser);
        let deduplication_rate = ratio(figures.total(Metric::Deduplicated), with_browser);
        let delivered = figures.total(Metric::Delivered);
        let delivery_rate = ratio(delivered, delivered + figures.total(Metric::DeadLetter));
        let capi_timeout_rate = ratio(figures.total(Metric::GraphCallSlow), figures.total(Metric::GraphCall));
        verdict.age(oldest_s);
        verdict.degraded_if(responses.error_rate() > 0.001, "error_rate");
        verdict.degraded_if(delivery_rate.is_some_and(|rate| rate < 0.99), "delivery_rate");
        verdict.degraded_if(
            with_browser >= DEDUP_EVENTS_MIN && deduplication_rate.is_some_and(|rate| rate < 0.9),
            "deduplication_rate",
        );
        verdict.degraded_if(figures.total(Metric::Shortfall) > 0, "shortfall");
        verdict.degraded_if(capi_timeout_rate.is_some_and(|rate| rate > 0.01), "capi_timeout_rate");
        let of_name = |name: &str, metric| figures.last_24h.get(name).map_or(0, |counts| counts.get(metric));
        Health {
            status: verdict.status(),
            reasons: verdict.reasons,
            last_24h: Last24h {
                lead_events: of_name("Lead", Metric::Accepted),
                purchase_events: of_name("Purchase", Metric::Accepted),
                deduplication_rate,
                avg_response_time: responses.mean_ms,
                p99_response_time: responses.p99_ms,
                error_rate: responses.error_rate(),
                delivery_rate,
                capi_timeout_rate,
            },
            outbox: OutboxNow {
                pending,
                oldest_age_seconds: oldest_s,
                held,
                dead_letters: figures.in_state(State::DeadLetter) + figures.dead_webhooks,
            },
            pixels: board
                .into_iter()
                .map(|(id, status)| PixelNow {
                    calls_max: self.metrics.calls_max_of(id.as_str()),
                    pixel_id: id.as_str().to_owned(),
                    state: status.state.name(),
                    reason: status.reason,
                })
                .collect(),
        }
    }
}

#[derive(Default)]
struct Verdict {
    status: Option<Status>,
    reasons: Vec<String>,
}

impl Verdict {
    fn add(&mut self, status: Status, reason: String) {
        self.status = self.status.max(Some(status));
        self.reasons.push(reason);
    }

    fn critical(&mut self, reason: String) {
        self.add(Status::Critical, reason);
    }

    fn degraded(&mut self, reason: String) {
        self.add(Status::Degraded, reason);
    }

    fn degraded_if(&mut self, condition: bool, reason: &str) {
        if condition {
            self.degraded(reason.to_owned());
        }
    }

    fn age(&mut self, oldest_s: u64) {
        if oldest_s > 3600 {
            self.critical("oldest_pending".into());
        } else if oldest_s > 300 {
            self.degraded("oldest_pending".into());
        }
    }

    fn status(&self) -> Status {
        self.status.unwrap_or(Status::Healthy)
    }
}
