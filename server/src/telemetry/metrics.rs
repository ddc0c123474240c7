//! Every metric: names, labels and help texts in one place. Labels are stable codes and
//! standard names; never IDs, match keys, tokens or addresses.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode_registry;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use super::response_times::ResponseTimes;
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AnswerLabels {
    rpc: &'static str,
    code: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RpcLabel {
    rpc: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AttemptLabels {
    result: &'static str,
    code: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct VerdictLabel {
    verdict: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KeyLabel {
    key: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PixelLabel {
    pixel: String,
}

/// Begins the name of every metric.
pub const PREFIX: &str = "tandem";

/// All metrics of the server.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    /// Response times of `TrackingService`, for health.
    pub response_times: ResponseTimes,
    rpcs: Family<AnswerLabels, Counter>,
    rpc_seconds: Family<RpcLabel, Histogram>,
    attempts: Family<AttemptLabels, Counter>,
    graph_seconds: Histogram,
    webhooks: Family<VerdictLabel, Counter>,
    pii_redacted: Counter,
    unnoted_orders: Counter,
    keys_dropped: Family<KeyLabel, Counter>,
    calls_max: Family<PixelLabel, Gauge>,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix(PREFIX);
        let seconds = || Histogram::new(exponential_buckets(0.0005, 2.0, 16));
        let metrics = Self {
            response_times: ResponseTimes::default(),
            rpcs: Family::default(),
            rpc_seconds: Family::new_with_constructor(seconds as fn() -> Histogram),
            attempts: Family::default(),
            graph_seconds: seconds(),
            webhooks: Family::default(),
            pii_redacted: Counter::default(),
            unnoted_orders: Counter::default(),
            keys_dropped: Family::default(),
            calls_max: Family::default(),
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
            metrics.unnoted_orders.clone(),
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
            "delivery_calls_max",
            "Graph calls that may be out at once, as far as the pixel has shown to bear them",
            metrics.calls_max.clone(),
        );
        Self { registry, ..metrics }
    }
}

impl Metrics {
    /// Counts an answer of `TrackingService`. `code`: the status's name in lower case;
    /// `is_error`: it counts into the error rate; `now_ms`: Unix milliseconds.
    pub fn count_answer(
        &self,
        rpc: &'static str,
        code: &'static str,
        is_error: bool,
        took: Duration,
        now_ms: i64,
    ) {
        self.rpcs.get_or_create(&AnswerLabels { rpc, code }).inc();
        self.rpc_seconds.get_or_create(&RpcLabel { rpc }).observe(took.as_secs_f64());
        self.response_times.note(now_ms, took, is_error);
    }

    /// Counts one send of one event.
    pub fn count_attempt(&self, result: &'static str, code: &'static str) {
        self.attempts.get_or_create(&AttemptLabels { result, code }).inc();
    }

    /// A Graph call.
    pub fn observe_graph_call(&self, took: Duration) {
        self.graph_seconds.observe(took.as_secs_f64());
    }

    /// Graph calls of a pixel that may be out at once.
    pub fn set_calls_max(&self, pixel: &str, calls: u32) {
        self.calls_max.get_or_create(&PixelLabel { pixel: pixel.to_owned() }).set(calls.into());
    }

    /// What was last said of [`Metrics::set_calls_max`]; 0 before.
    pub fn calls_max(&self, pixel: &str) -> u32 {
        let gauge = self.calls_max.get(&PixelLabel { pixel: pixel.to_owned() });
        gauge.and_then(|gauge| u32::try_from(gauge.get()).ok()).unwrap_or_default()
    }

    /// A webhook.
    pub fn count_webhook(&self, verdict: &str) {
        self.webhooks.get_or_create(&VerdictLabel { verdict: verdict.to_owned() }).inc();
    }

    /// Personal data was cut out of a URL or a text.
    pub fn count_redactions(&self, cuts: u32) {
        self.pii_redacted.inc_by(u64::from(cuts));
    }

    /// An address named more orders than are noted for one.
    pub fn count_unnoted_order(&self) {
        self.unnoted_orders.inc();
    }

    /// A match key was dropped.
    pub fn count_dropped_key(&self, key: &'static str) {
        self.keys_dropped.get_or_create(&KeyLabel { key }).inc();
    }

    /// Adds the metrics to an OpenMetrics text, without its end mark.
    ///
    /// # Errors
    /// Only if `out` refuses to be written.
    pub fn write(&self, out: &mut String) -> std::fmt::Result {
        encode_registry(out, &self.registry)
    }
}
