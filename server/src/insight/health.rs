//! Health: one status with its reasons, and the figures behind it (contract, tracking health).
//! Frequent requests share a cached snapshot.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use tandem_core::code;
use tandem_core::id::PixelId;
use tokio::sync::Mutex;

use crate::clock::Clock;
use crate::config::{SettingsReview, Weight};
use crate::delivery::{PixelState, PixelStatus, StatusBoard};
use crate::outbox::{Figures, Metric, OperatorStore, Reserve, State, StoreError};
use crate::telemetry::metrics::Metrics;
use crate::telemetry::response_times::ResponseFigures;

/// A snapshot is cached for this multiple of the time it took to make. So cheap snapshots stay
/// fresh, and expensive ones take at most a sixth of the time.
const REUSE_FACTOR: u32 = 5;
/// For how long it is not asked again whether the store accepts writes. Each question syncs a disk, and anybody may ask.
const READY_REUSE: Duration = Duration::from_secs(1);
/// Longest time a snapshot is cached.
const REUSE_MAX: Duration = Duration::from_secs(5);
/// Longest time that events may wait for a pixel that does not deliver, seconds: 15 minutes.
const HELD_MAX_S: u64 = 15 * 60;
/// Fewest events for which a low deduplication rate counts as a reason.
const DEDUP_EVENTS_MIN: u64 = 20;

/// Reason: order IDs count up and are the only proof that a page gives.
pub const ORDER_IDS_GUESSABLE: &str = "order_ids_guessable";

/// Overall status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Nothing is wrong.
    Healthy,
    /// An operator should look at it.
    Degraded,
    /// An operator must act.
    Critical,
}

/// The answer of `GET /api/tracking-health`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Health {
    pub status: Status,
    /// Stable codes, each with its subject.
    pub reasons: Vec<String>,
    pub last_24h: Last24h,
    pub outbox: OutboxFigures,
    pub pixels: Vec<PixelFigures>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Last24h {
    pub lead_events: u64,
    pub purchase_events: u64,
    /// Events delivered and confirmed FIRED within 48 hours ÷ events delivered with a browser
    /// contact.
    pub deduplication_rate: Option<f64>,
    /// Mean response time of `TrackingService`, milliseconds.
    pub avg_response_time: f64,
    /// 99th percentile of the same times, milliseconds.
    pub p99_response_time: f64,
    /// Server-side errors ÷ all answers.
    pub error_rate: f64,
    /// Delivered ÷ (delivered + dead letters).
    pub delivery_rate: Option<f64>,
    /// Graph calls that took over 1.5 s or got no answer ÷ all.
    pub capi_timeout_rate: Option<f64>,
}

/// Figures of the outbox at this moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OutboxFigures {
    /// Events that are pending, in flight, or waiting for browser signals.
    pub pending: u64,
    /// Age of the oldest of these events, seconds.
    pub oldest_age_seconds: u64,
    /// Events that wait for a pixel that does not deliver, or are held one by one.
    pub held: u64,
    /// Dead letters, including webhooks.
    pub dead_letters: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PixelFigures {
    /// Pixel (dataset) ID.
    pub pixel_id: String,
    /// `delivering`, `held`, `open_circuit` or `unconfigured`.
    pub state: &'static str,
    /// Stable code of the reason; empty when delivering.
    pub reason: &'static str,
    /// Most Graph calls that may be open at once; 0 before delivery has begun.
    pub calls_max: u32,
}

/// Everything that the dashboard, metrics and health show, taken at one moment.
#[derive(Debug, Clone)]
pub struct Snapshot {
    pub health: Health,
    pub figures: Figures,
    /// Whether the machine's time is trusted.
    pub is_time_trusted: bool,
    /// When, Unix milliseconds.
    pub at_ms: i64,
}

#[derive(Debug)]
pub struct Insight {
    pub operators: Arc<dyn OperatorStore>,
    pub board: StatusBoard,
    pub metrics: Arc<Metrics>,
    clock: Clock,
    review: SettingsReview,
    proves_pages: bool,
    reserve: Reserve,
    latest: Mutex<Option<CachedSnapshot>>,
    ready: Mutex<Option<(Instant, Result<(), StoreError>)>>,
}

#[derive(Debug)]
struct CachedSnapshot {
    fresh_until: Instant,
    snapshot: Arc<Snapshot>,
}

impl Insight {
    /// `review`: what there is to say about the settings. `proves_pages`: a claim secret is set, so that an
    /// order's ID alone opens nothing.
    pub fn new(
        operators: Arc<dyn OperatorStore>,
        board: StatusBoard,
        metrics: Arc<Metrics>,
        clock: Clock,
        review: SettingsReview,
        proves_pages: bool,
    ) -> Self {
        let (latest, ready, reserve) = (Mutex::default(), Mutex::default(), Reserve::default());
        Self { operators, board, metrics, clock, review, proves_pages, reserve, latest, ready }
    }

    /// Tells of the disk's reserve, too.
    #[must_use]
    pub fn with_reserve(self, reserve: Reserve) -> Self {
        Self { reserve, ..self }
    }

    /// Whether anybody can name the orders of others: their IDs count up, and nothing else is asked for.
    pub fn has_open_orders(&self, figures: &Figures) -> bool {
        figures.order_ids_guessable && !self.proves_pages
    }

    /// The server's clock.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Unix time, milliseconds.
    pub fn now_ms(&self) -> i64 {
        self.clock.now_ms()
    }

    /// Whether the store accepts writes, as it was at most a second ago. Those who ask at once share one question.
    pub async fn check_ready(&self) -> Result<(), StoreError> {
        let mut ready = self.ready.lock().await;
        if let Some((at, known)) = &*ready
            && at.elapsed() < READY_REUSE
        {
            return known.clone();
        }
        let accepts = self.operators.probe().await;
        *ready = Some((Instant::now(), accepts.clone()));
        accepts
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
        let accepts = self.check_ready().await;
        let figures = self.operators.figures(at_ms).await;
        let store_error = accepts.err().or(figures.as_ref().err().cloned());
        let figures = figures.unwrap_or_default();
        let is_time_trusted = self.clock.trusted().is_some();
        let health = self.judge(&figures, store_error.as_ref(), is_time_trusted, at_ms);
        let snapshot = Arc::new(Snapshot { health, figures, is_time_trusted, at_ms });
        let reuse = (started.elapsed() * REUSE_FACTOR).min(REUSE_MAX);
        *latest =
            Some(CachedSnapshot { fresh_until: Instant::now() + reuse, snapshot: Arc::clone(&snapshot) });
        snapshot
    }

    /// Health from the figures of one moment. Reasons stand in the order in which they are found.
    fn judge(
        &self,
        figures: &Figures,
        store_error: Option<&StoreError>,
        is_time_trusted: bool,
        now_ms: i64,
    ) -> Health {
        let mut findings = Findings::default();
        for found in self.review.findings() {
            findings.add(
                match found.weight {
                    Weight::Advice => Status::Healthy,
                    Weight::Degraded => Status::Degraded,
                },
                found.reason(),
            );
        }
        if store_error.is_some() {
            findings.add_critical("store_refuses".into());
        }
        if self.reserve.is_all_that_is_left() {
            findings.add_critical("disk_low".into());
        }
        if !is_time_trusted {
            findings.add_degraded(code::CLOCK_UNTRUSTED.into());
        }
        let board = self.board.all();
        let outbox = outbox_figures(figures, &board, now_ms, &mut findings);
        judge_pixels(&board, &mut findings);
        findings.judge_age(outbox.oldest_age_seconds);
        if self.has_open_orders(figures) {
            // It is a risk to know of, and no trouble of today.
            findings.add(Status::Healthy, ORDER_IDS_GUESSABLE.into());
        }
        let last_24h = last_24h(figures, self.metrics.response_times.figures(now_ms));
        judge_rates(figures, &last_24h, &mut findings);
        let pixels = board.into_iter().map(|(id, status)| PixelFigures {
            calls_max: self.metrics.calls_max(id.as_str()),
            pixel_id: id.as_str().to_owned(),
            state: status.state.name(),
            reason: status.reason,
        });
        Health {
            status: findings.status(),
            reasons: findings.reasons,
            last_24h,
            outbox,
            pixels: pixels.collect(),
        }
    }
}

/// The backlog. Events that wait for a pixel that does not deliver count as held, and their age
/// gives no reason for concern.
fn outbox_figures(
    figures: &Figures,
    board: &[(PixelId, PixelStatus)],
    now_ms: i64,
    findings: &mut Findings,
) -> OutboxFigures {
    let age_s = |since_ms: Option<i64>| since_ms.map_or(0, |ms| ((now_ms - ms) / 1000).max(0).unsigned_abs());
    let (mut pending, mut held, mut oldest_s) = (0, 0, 0);
    for (pixel, backlog) in &figures.backlog {
        let status = board.iter().find(|(id, _)| id.as_str() == pixel).map(|(_, status)| status);
        let is_blocked =
            status.is_none_or(|s| matches!(s.state, PixelState::Held | PixelState::Unconfigured));
        let oldest_of_pixel_s = age_s(backlog.oldest_open_ms);
        held += backlog.get(State::Held);
        if is_blocked {
            held += backlog.open();
            if backlog.open() > 0 && oldest_of_pixel_s > HELD_MAX_S {
                findings.add_critical(format!("pixel_waits:{pixel}"));
            }
        } else {
            pending += backlog.open();
            oldest_s = oldest_s.max(oldest_of_pixel_s);
        }
        for code in &backlog.hold_codes {
            findings.add_degraded(format!("events_held:{pixel}:{code}"));
        }
    }
    let dead_letters = figures.in_state(State::DeadLetter) + figures.dead_webhooks;
    OutboxFigures { pending, oldest_age_seconds: oldest_s, held, dead_letters }
}

fn judge_pixels(board: &[(PixelId, PixelStatus)], findings: &mut Findings) {
    for (pixel, status) in board {
        match status.state {
            PixelState::Delivering => {}
            PixelState::Held => findings.add_degraded(format!("pixel_held:{pixel}:{}", status.reason)),
            PixelState::OpenCircuit => findings.add_degraded(format!("pixel_open_circuit:{pixel}")),
            PixelState::Unconfigured => findings.add_degraded(format!("pixel_unconfigured:{pixel}")),
        }
    }
}

fn last_24h(figures: &Figures, responses: ResponseFigures) -> Last24h {
    let ratio = |part: u64, whole: u64| (whole > 0).then(|| part as f64 / whole as f64);
    let of_name = |name: &str, metric| figures.last_24h.get(name).map_or(0, |counts| counts.get(metric));
    let delivered = figures.total(Metric::Delivered);
    Last24h {
        lead_events: of_name("Lead", Metric::Accepted),
        purchase_events: of_name("Purchase", Metric::Accepted),
        deduplication_rate: ratio(
            figures.total(Metric::Deduplicated),
            figures.total(Metric::DeliveredWithBrowser),
        ),
        avg_response_time: responses.mean_ms,
        p99_response_time: responses.p99_ms,
        error_rate: responses.error_rate(),
        delivery_rate: ratio(delivered, delivered + figures.total(Metric::DeadLetter)),
        capi_timeout_rate: ratio(figures.total(Metric::GraphCallSlow), figures.total(Metric::GraphCall)),
    }
}

fn judge_rates(figures: &Figures, last_24h: &Last24h, findings: &mut Findings) {
    let is_below = |rate: Option<f64>, min: f64| rate.is_some_and(|rate| rate < min);
    let can_judge_deduplication = figures.total(Metric::DeliveredWithBrowser) >= DEDUP_EVENTS_MIN;
    for (is_bad, reason) in [
        (last_24h.error_rate > 0.001, "error_rate"),
        (is_below(last_24h.delivery_rate, 0.99), "delivery_rate"),
        (can_judge_deduplication && is_below(last_24h.deduplication_rate, 0.9), "deduplication_rate"),
        (figures.total(Metric::Shortfall) > 0, "shortfall"),
        (last_24h.capi_timeout_rate.is_some_and(|rate| rate > 0.01), "capi_timeout_rate"),
    ] {
        if is_bad {
            findings.add_degraded(reason.to_owned());
        }
    }
}

/// The reasons found, and the worst status among them.
#[derive(Default)]
struct Findings {
    status: Option<Status>,
    reasons: Vec<String>,
}

impl Findings {
    fn add(&mut self, status: Status, reason: String) {
        self.status = self.status.max(Some(status));
        self.reasons.push(reason);
    }

    fn add_critical(&mut self, reason: String) {
        self.add(Status::Critical, reason);
    }

    fn add_degraded(&mut self, reason: String) {
        self.add(Status::Degraded, reason);
    }

    fn judge_age(&mut self, oldest_s: u64) {
        if oldest_s > 3600 {
            self.add_critical("oldest_pending".into());
        } else if oldest_s > 300 {
            self.add_degraded("oldest_pending".into());
        }
    }

    fn status(&self) -> Status {
        self.status.unwrap_or(Status::Healthy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outbox::Outbox;
    use crate::outbox::embedded::Embedded;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_second_of_questions_costs_the_disk_one_write() {
        let (dir, clock) = (tempfile::tempdir().unwrap(), Clock::fixed(1_000));
        let outbox = Outbox::new(Embedded::open(dir.path(), clock.clone()).unwrap());
        let (board, metrics) = (StatusBoard::default(), Arc::default());
        let insight =
            Insight::new(outbox.operators, board, metrics, clock.clone(), SettingsReview::default(), true);
        // What a probe writes is the time.
        let reader = rusqlite::Connection::open(dir.path().join("tandem.db")).unwrap();
        let written = || reader.query_row("PRAGMA application_id", [], |row| row.get::<_, i64>(0)).unwrap();
        insight.check_ready().await.unwrap();
        let first = written();
        clock.set_ms(2_000);
        insight.check_ready().await.unwrap();
        insight.snapshot().await;
        assert_eq!(written(), first, "another question within the second wrote again");
        tokio::time::sleep(READY_REUSE).await;
        insight.check_ready().await.unwrap();
        assert_ne!(written(), first);
    }
}
