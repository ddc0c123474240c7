//! `GET /metrics`: the process's own measurements, and the store's current figures. The store keeps
//! its counts on disk, so they survive restarts.

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::{Registry, Unit};

use super::health::Snapshot;
use crate::delivery::{PixelState, StatusBoard};
use crate::outbox::{Metric, State};
use crate::telemetry::metrics::{Metrics, PREFIX};

/// Counts of events, each with its label.
const OUTCOMES: [(Metric, &str); 7] = [
    (Metric::Accepted, "accepted"),
    (Metric::Duplicate, "duplicate"),
    (Metric::Suppressed, "suppressed"),
    (Metric::Delivered, "delivered"),
    (Metric::DeadLetter, "dead_letter"),
    (Metric::DeliveredWithBrowser, "delivered_with_browser"),
    (Metric::Deduplicated, "deduplicated"),
];

/// The page's text (OpenMetrics); empty if it cannot be written.
pub(super) fn text(metrics: &Metrics, snapshot: &Arc<Snapshot>, board: &StatusBoard) -> String {
    let mut of_store = Registry::with_prefix(PREFIX);
    of_store
        .register_collector(Box::new(StoreFigures { snapshot: Arc::clone(snapshot), board: board.clone() }));
    let mut text = String::new();
    let written = metrics
        .write(&mut text)
        .and_then(|()| encode_registry(&mut text, &of_store))
        .and_then(|()| encode_eof(&mut text));
    if written.is_err() { String::new() } else { text }
}

/// One snapshot's figures as gauges.
#[derive(Debug)]
struct StoreFigures {
    snapshot: Arc<Snapshot>,
    board: StatusBoard,
}

impl Collector for StoreFigures {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Snapshot { figures, at_ms, is_time_trusted, .. } = &*self.snapshot;
        let backlog = figures.backlog.iter().flat_map(|(pixel, backlog)| {
            State::ALL.map(|state| {
                ([("pixel", pixel.as_str()), ("state", state.name())], backlog.get(state).cast_signed())
            })
        });
        gauges(&mut encoder, "outbox_entries", "Events in the store by pixel and state.", backlog)?;
        let statuses = self.board.all();
        let delivering = statuses.iter().map(|(pixel, status)| {
            ([("pixel", pixel.as_str())], i64::from(status.state == PixelState::Delivering))
        });
        gauges(&mut encoder, "delivery_pixel_delivering", "1 while the pixel delivers.", delivering)?;
        let oldest_ms = figures.backlog.values().filter_map(|backlog| backlog.oldest_open_ms).min();
        let age_s = oldest_ms.map_or(0, |oldest_ms| (at_ms - oldest_ms).max(0) / 1000);
        let help = "Age of the oldest unfinished event.";
        let oldest =
            encoder.encode_descriptor("outbox_oldest_age", help, Some(&Unit::Seconds), MetricType::Gauge)?;
        ConstGauge::new(age_s).encode(oldest)?;
        let help = "1 while the machine's time is trusted; else nothing is given up or deleted by age.";
        let trusted = encoder.encode_descriptor("clock_trusted", help, None, MetricType::Gauge)?;
        ConstGauge::new(i64::from(*is_time_trusted)).encode(trusted)?;
        let named = figures.last_24h.iter().filter(|(name, _)| !name.is_empty());
        let events = named.flat_map(|(name, counts)| {
            OUTCOMES.map(|(metric, outcome)| {
                ([("event_name", name.as_str()), ("outcome", outcome)], counts.get(metric).cast_signed())
            })
        });
        gauges(&mut encoder, "events_last_24h", "Events of the last 24 hours by name and outcome.", events)?;
        let signals = figures.signals();
        let signals = signals.iter().map(|(from, n)| ([("signals", from.name())], n.cast_signed()));
        gauges(
            &mut encoder,
            "purchases_last_24h",
            "Purchases delivered in the last 24 hours by the source of their browser signals.",
            signals,
        )
    }
}

/// Writes one group of gauges with the same name.
fn gauges<'a, const LABELS: usize>(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    values: impl Iterator<Item = ([(&'a str, &'a str); LABELS], i64)>,
) -> fmt::Result {
    let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
    for (labels, value) in values {
        ConstGauge::new(value).encode(family.encode_family(&labels)?)?;
    }
    Ok(())
}
