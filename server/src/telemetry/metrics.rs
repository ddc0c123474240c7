//! Every metric: names, labels and help texts in one place. Labels are stable codes, standard names
//! and pixel IDs. They are never event or order IDs, match keys, tokens or addresses.

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
struct ResultLabel {
    result: &'static str,
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

/// Prefix of every metric's name.
pub const PREFIX: &str = "tandem";

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
    refused_tokens: Counter,
    web_files: Family<ResultLabel, Counter>,
    pii_redacted: Counter,
    unnoted_orders: Counter,
    crawler_events: Counter,
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
            refused_tokens: Counter::default(),
            web_files: Family::default(),
            pii_redacted: Counter::default(),
            unnoted_orders: Counter::default(),
            crawler_events: Counter::default(),
            keys_dropped: Family::default(),
            calls_max: Family::default(),
            registry: Registry::default(),
        };
        registry.register(
            "ingest_answers",
            "Answers of TrackingService by RPC and status",
            metrics.rpcs.clone(),
        );
        registry.register_with_unit(
            "ingest_answer",
            "Time that TrackingService takes to answer",
            Unit::Seconds,
            metrics.rpc_seconds.clone(),
        );
        registry.register(
            "access_refused_tokens",
            "Calls refused for their token: it was wrong, or too many wrong ones had come from its address",
            metrics.refused_tokens.clone(),
        );
        registry.register(
            "web_files",
            "Requests for files of the browser package by result: sent, not_modified, unknown, refused",
            metrics.web_files.clone(),
        );
        registry.register(
            "ingest_pii_redacted",
            "E-mail addresses and phone numbers removed from URLs and free text",
            metrics.pii_redacted.clone(),
        );
        registry.register(
            "ingest_orders_passed_over",
            "New orders not stored because one client address named too many; if many visitors share a proxy, add it to TANDEM_TRUSTED_PROXIES",
            metrics.unnoted_orders.clone(),
        );
        registry.register(
            "ingest_crawler_events",
            "Page events of crawlers that name themselves, which go nowhere",
            metrics.crawler_events.clone(),
        );
        registry.register(
            "ingest_match_keys_dropped",
            "Match keys and click IDs dropped because they were placeholders or could not be read",
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
            "Time that Graph calls take",
            Unit::Seconds,
            metrics.graph_seconds.clone(),
        );
        registry.register(
            "delivery_calls_max",
            "Most Graph calls that may be open at once, by pixel; it follows how Meta answers",
            metrics.calls_max.clone(),
        );
        Self { registry, ..metrics }
    }
}

impl Metrics {
    /// Counts an answer of `TrackingService`. `code`: the status's name in lower case. `is_error`:
    /// the answer counts into the error rate. `now_ms`: Unix milliseconds.
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

    /// Counts an answer of `TrackingService` that no handler gave. No work was done for it, so that it has no
    /// response time.
    pub fn count_unhandled(&self, rpc: &'static str, code: &'static str, is_error: bool, now_ms: i64) {
        self.rpcs.get_or_create(&AnswerLabels { rpc, code }).inc();
        self.response_times.note_unhandled(now_ms, is_error);
    }

    /// Counts a call that was refused for its token.
    pub fn count_refused_token(&self) {
        self.refused_tokens.inc();
    }

    /// Counts a request for a file of the browser package.
    pub fn count_web_file(&self, result: &'static str) {
        self.web_files.get_or_create(&ResultLabel { result }).inc();
    }

    /// Counts one attempt to send one event.
    pub fn count_attempt(&self, result: &'static str, code: &'static str) {
        self.attempts.get_or_create(&AttemptLabels { result, code }).inc();
    }

    pub fn observe_graph_call(&self, took: Duration) {
        self.graph_seconds.observe(took.as_secs_f64());
    }

    /// Sets how many Graph calls of a pixel may be open at once.
    pub fn set_calls_max(&self, pixel: &str, calls: u32) {
        self.calls_max.get_or_create(&PixelLabel { pixel: pixel.to_owned() }).set(calls.into());
    }

    /// The value last set with [`Metrics::set_calls_max`]; 0 before the first.
    pub fn calls_max(&self, pixel: &str) -> u32 {
        let gauge = self.calls_max.get(&PixelLabel { pixel: pixel.to_owned() });
        gauge.and_then(|gauge| u32::try_from(gauge.get()).ok()).unwrap_or_default()
    }

    pub fn count_webhook(&self, verdict: &str) {
        self.webhooks.get_or_create(&VerdictLabel { verdict: verdict.to_owned() }).inc();
    }

    /// Counts personal data removed from a URL or a text.
    pub fn count_redactions(&self, cuts: u32) {
        self.pii_redacted.inc_by(u64::from(cuts));
    }

    /// Counts an order that was not stored because its address named too many.
    pub fn count_unnoted_order(&self) {
        self.unnoted_orders.inc();
    }

    /// Counts a page event of a crawler.
    pub fn count_crawler_event(&self) {
        self.crawler_events.inc();
    }

    pub fn count_dropped_key(&self, key: &'static str) {
        self.keys_dropped.get_or_create(&KeyLabel { key }).inc();
    }

    /// Adds the metrics to an OpenMetrics text, without its end mark.
    ///
    /// # Errors
    /// Only if writing to `out` fails.
    pub fn write(&self, out: &mut String) -> std::fmt::Result {
        encode_registry(out, &self.registry)
    }
}
