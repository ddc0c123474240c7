//! Every metric: names, labels and help texts in one place. Labels are stable codes and
//! standard names; never IDs, match keys, tokens or addresses.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use super::response_times::ResponseTimes;
use crate::delivery::PixelState;
use crate::outbox::{AttemptOutcome, Figures, Metric, State};

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Rpc {
    rpc: &'static str,
    code: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RpcName {
    rpc: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Attempt {
    result: &'static str,
    code: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Verdict {
    verdict: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Key {
    key: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Entry {
    pixel: String,
    state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PixelLabel {
    pixel: String,
}

/// All metrics of the server.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    /// Response times of `TrackingService`, for health.
    pub response_times: ResponseTimes,
    rpcs: Family<Rpc, Counter>,
    rpc_seconds: Family<RpcName, Histogram>,
    attempts: Family<Attempt, Counter>,
    graph_seconds: Histogram,
    webhooks: Family<Verdict, Counter>,
    pii_redacted: Counter,
    orders_passed_over: Counter,
    keys_dropped: Family<Key, Counter>,
    entries: Family<Entry, Gauge>,
    pixel_delivering: Family<PixelLabel, Gauge>,
    calls_max: Family<PixelLabel, Gauge>,
    oldest_age: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("tandem");
        let seconds = || Histogram::new(exponential_buckets(0.0005, 2.0, 16));
        let metrics = Self {
            response_times: ResponseTimes::default(),
            rpcs: Family::default(),
            rpc_seconds: Family::new_with_constructor(seconds as fn() -> Histogram),
            attempts: Family::default(),
            graph_seconds: seconds(),
            webhooks: Family::default(),
            pii_redacted: Counter::default(),
            orders_passed_over: Counter::default(),
            keys_dropped: Family::default(),
            entries: Family::default(),
            pixel_delivering: Family::default(),
            calls_max: Family::default(),
            oldest_age: Gauge::default(),
            registry: Registry::default(),
        };
        registry.register("ingest_answers", "Answers of TrackingService by status", metrics.rpcs.clone());
        registry.register_with_unit(
            "ingest_answer",
            "Time to an answer of TrackingService",
            Unit::Seconds,
            metrics.rpc_seconds.clone(),
        );
        registry.register(
            "ingest_pii_redacted",
            "E-mail- and phone-shaped values cut out of URLs and free text",
            metrics.pii_redacted.clone(),
        );
        registry.register(
            "ingest_orders_passed_over",
            "Orders that were not noted, because their address names more than one address may; a proxy that is not in TANDEM_TRUSTED_PROXIES looks like that",
            metrics.orders_passed_over.clone(),
        );
        registry.register(
            "ingest_match_keys_dropped",
            "Match keys that could not be normalised where nobody can correct them",
            metrics.keys_dropped.clone(),
        );
        registry.register("ingest_webhooks", "Webhooks by verdict", metrics.webhooks.clone());
        registry.register(
            "delivery_attempts",
            "Delivery attempts by result and code",
            metrics.attempts.clone(),
        );
        registry.register_with_unit(
            "delivery_graph_call",
            "Duration of Graph calls",
            Unit::Seconds,
            metrics.graph_seconds.clone(),
        );
        registry.register(
            "delivery_pixel_delivering",
            "1 while the pixel delivers",
            metrics.pixel_delivering.clone(),
        );
        registry.register(
            "delivery_calls_max",
            "Graph calls that may be out at once, as far as the pixel has shown to bear them",
            metrics.calls_max.clone(),
        );
        registry.register("outbox_entries", "Entries by pixel and state", metrics.entries.clone());
        registry.register_with_unit(
            "outbox_oldest_age",
            "Age of the oldest unfinished entry",
            Unit::Seconds,
            metrics.oldest_age.clone(),
        );
        Self { registry, ..metrics }
    }
}

impl Metrics {
    /// An answer of `TrackingService`.
    pub fn answer(&self, rpc: &'static str, code: tonic::Code, took: Duration, now_ms: i64) {
        self.rpcs.get_or_create(&Rpc { rpc, code: code_name(code) }).inc();
        self.rpc_seconds.get_or_create(&RpcName { rpc }).observe(took.as_secs_f64());
        let is_error =
            matches!(code, tonic::Code::Internal | tonic::Code::Unknown | tonic::Code::Unavailable);
        self.response_times.note(now_ms, took, is_error);
    }

    /// One send of one event.
    pub fn attempt(&self, outcome: AttemptOutcome, code: &'static str) {
        self.attempts.get_or_create(&Attempt { result: outcome.name(), code }).inc();
    }

    /// A Graph call.
    pub fn graph_call(&self, took: Duration) {
        self.graph_seconds.observe(took.as_secs_f64());
    }

    /// Graph calls of a pixel that may be out at once.
    pub fn calls_max(&self, pixel: &str, calls: u32) {
        self.calls_max.get_or_create(&PixelLabel { pixel: pixel.to_owned() }).set(calls.into());
    }

    /// What was last said of [`Metrics::calls_max`]; 0 before.
    pub fn calls_max_of(&self, pixel: &str) -> u32 {
        let gauge = self.calls_max.get(&PixelLabel { pixel: pixel.to_owned() });
        gauge.and_then(|gauge| u32::try_from(gauge.get()).ok()).unwrap_or_default()
    }

    /// A webhook.
    pub fn webhook(&self, verdict: &str) {
        self.webhooks.get_or_create(&Verdict { verdict: verdict.to_owned() }).inc();
    }

    /// Personal data was cut out of a URL or a text.
    pub fn pii_redacted(&self, cuts: u32) {
        self.pii_redacted.inc_by(u64::from(cuts));
    }

    /// An address named more orders than are noted for one.
    pub fn order_passed_over(&self) {
        self.orders_passed_over.inc();
    }

    /// A match key was dropped.
    pub fn key_dropped(&self, key: &'static str) {
        self.keys_dropped.get_or_create(&Key { key }).inc();
    }

    /// The metrics as text, with the store's figures of this moment.
    pub fn render(&self, figures: &Figures, board: &crate::delivery::StatusBoard, now_ms: i64) -> String {
        for (pixel, backlog) in &figures.backlog {
            for state in State::ALL {
                let entry = Entry { pixel: pixel.clone(), state: state.name() };
                self.entries.get_or_create(&entry).set(backlog.get(state).cast_signed());
            }
        }
        for (pixel, status) in board.all() {
            let label = PixelLabel { pixel: pixel.as_str().to_owned() };
            self.pixel_delivering
                .get_or_create(&label)
                .set(i64::from(status.state == PixelState::Delivering));
        }
        let oldest = figures.backlog.values().filter_map(|backlog| backlog.oldest_open_ms).min();
        self.oldest_age.set(oldest.map_or(0, |oldest| (now_ms - oldest).max(0) / 1000));
        let mut text = String::new();
        if encode(&mut text, &self.registry).is_err() {
            return String::new();
        }
        // The store's own counts survive restarts, so they are written as they are.
        text.truncate(text.trim_end().trim_end_matches("# EOF").len());
        text.push_str("# HELP tandem_events_last_24h Events of the last 24 hours by name and outcome.\n");
        text.push_str("# TYPE tandem_events_last_24h gauge\n");
        for (name, counts) in figures.last_24h.iter().filter(|(name, _)| !name.is_empty()) {
            for (metric, outcome) in OUTCOMES {
                text.push_str(&format!(
                    "tandem_events_last_24h{{event_name=\"{name}\",outcome=\"{outcome}\"}} {}\n",
                    counts.get(metric)
                ));
            }
        }
        text.push_str("# HELP tandem_purchases_last_24h Purchases delivered in the last 24 hours by who brought their browser signals.\n");
        text.push_str("# TYPE tandem_purchases_last_24h gauge\n");
        for (from, n) in figures.signals() {
            text.push_str(&format!("tandem_purchases_last_24h{{signals=\"{}\"}} {n}\n", from.name()));
        }
        text.push_str("# EOF\n");
        text
    }
}

/// Counts of events, and their labels.
const OUTCOMES: [(Metric, &str); 7] = [
    (Metric::Accepted, "accepted"),
    (Metric::Duplicate, "duplicate"),
    (Metric::Suppressed, "suppressed"),
    (Metric::Delivered, "delivered"),
    (Metric::DeadLetter, "dead_letter"),
    (Metric::DeliveredWithBrowser, "delivered_with_browser"),
    (Metric::Deduplicated, "deduplicated"),
];

fn code_name(code: tonic::Code) -> &'static str {
    use tonic::Code;
    match code {
        Code::Ok => "ok",
        Code::Cancelled => "cancelled",
        Code::Unknown => "unknown",
        Code::InvalidArgument => "invalid_argument",
        Code::DeadlineExceeded => "deadline_exceeded",
        Code::NotFound => "not_found",
        Code::AlreadyExists => "already_exists",
        Code::PermissionDenied => "permission_denied",
        Code::ResourceExhausted => "resource_exhausted",
        Code::FailedPrecondition => "failed_precondition",
        Code::Aborted => "aborted",
        Code::OutOfRange => "out_of_range",
        Code::Unimplemented => "unimplemented",
        Code::Internal => "internal",
        Code::Unavailable => "unavailable",
        Code::DataLoss => "data_loss",
        Code::Unauthenticated => "unauthenticated",
    }
}
