//! `tandem health`: status, figures, backlog and pixels.

use clap::Args;
use serde::Serialize;
use tandem_proto::v1::{GetTrackingHealthRequest, GetTrackingHealthResponse, HealthStatus};

use crate::error::CliError;
use crate::render::{age, json, percent, plain, table};
use crate::report::Report;
use crate::server::Server;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Print JSON, with the names of /api/tracking-health
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(server: &Server, arguments: &Arguments) -> Result<Report, CliError> {
    let request = server.request(GetTrackingHealthRequest {});
    let answer = server.operations().await?.get_tracking_health(request).await;
    let health = answer.map_err(|status| server.error(&status))?.into_inner();
    let text = if arguments.json { json(&HealthJson::of(&health)) } else { text(&health) };
    Ok(Report {
        is_bad: matches!(health.status(), HealthStatus::Critical | HealthStatus::Unspecified),
        ..Report::plain(text)
    })
}

fn word(status: HealthStatus) -> &'static str {
    match status {
        HealthStatus::Healthy => "healthy",
        HealthStatus::Degraded => "degraded",
        HealthStatus::Critical => "critical",
        HealthStatus::Unspecified => "unknown",
    }
}

fn text(health: &GetTrackingHealthResponse) -> String {
    let mut parts = vec![word(health.status()).to_owned()];
    if !health.reasons.is_empty() {
        parts.push(
            health.reasons.iter().map(|reason| format!("- {}", plain(reason))).collect::<Vec<_>>().join("\n"),
        );
    }
    let day = health.last_24h.unwrap_or_default();
    let row = |name: &str, value: String| vec![name.to_owned(), value];
    let figures = [
        row("leads", day.lead_events.to_string()),
        row("purchases", day.purchase_events.to_string()),
        row("deduplicated (reported by browsers)", percent(day.deduplication_rate)),
        row("delivered", percent(day.delivery_rate)),
        row("errors", percent(Some(day.error_rate))),
        row("slow Graph calls", percent(day.capi_timeout_rate)),
        row("answer time, mean", format!("{:.1} ms", day.avg_response_time)),
        row("answer time, 99th percentile", format!("{:.1} ms", day.p99_response_time)),
    ];
    parts.push(format!("last 24 hours\n{}", table(&[], figures)));
    let outbox = health.outbox.unwrap_or_default();
    let backlog = [
        row("pending", outbox.pending.to_string()),
        row("oldest", age(outbox.oldest_age_seconds)),
        row("held", outbox.held.to_string()),
        row("dead letters", outbox.dead_letters.to_string()),
    ];
    parts.push(format!("outbox\n{}", table(&[], backlog)));
    let pixels = health.pixels.iter().map(|pixel| {
        let calls = if pixel.calls_max == 0 { "-".to_owned() } else { pixel.calls_max.to_string() };
        vec![plain(&pixel.pixel_id), plain(&pixel.state), plain(&pixel.reason), calls]
    });
    if pixels.len() > 0 {
        parts.push(table(&["PIXEL", "STATE", "REASON", "CALLS AT MOST"], pixels));
    }
    parts.join("\n\n")
}

/// The shape of `/api/tracking-health`.
#[derive(Serialize)]
struct HealthJson<'a> {
    status: &'static str,
    reasons: &'a [String],
    last_24h: Last24hJson,
    outbox: OutboxJson,
    pixels: Vec<PixelJson<'a>>,
}

#[derive(Serialize)]
struct Last24hJson {
    lead_events: u64,
    purchase_events: u64,
    deduplication_rate: Option<f64>,
    avg_response_time: f64,
    p99_response_time: f64,
    error_rate: f64,
    delivery_rate: Option<f64>,
    capi_timeout_rate: Option<f64>,
}

#[derive(Serialize)]
struct OutboxJson {
    pending: u64,
    oldest_age_seconds: u64,
    held: u64,
    dead_letters: u64,
}

#[derive(Serialize)]
struct PixelJson<'a> {
    pixel_id: &'a str,
    state: &'a str,
    reason: &'a str,
    calls_max: u32,
}

impl<'a> HealthJson<'a> {
    fn of(health: &'a GetTrackingHealthResponse) -> Self {
        let day = health.last_24h.unwrap_or_default();
        let outbox = health.outbox.unwrap_or_default();
        Self {
            status: word(health.status()),
            reasons: &health.reasons,
            last_24h: Last24hJson {
                lead_events: day.lead_events,
                purchase_events: day.purchase_events,
                deduplication_rate: day.deduplication_rate,
                avg_response_time: day.avg_response_time,
                p99_response_time: day.p99_response_time,
                error_rate: day.error_rate,
                delivery_rate: day.delivery_rate,
                capi_timeout_rate: day.capi_timeout_rate,
            },
            outbox: OutboxJson {
                pending: outbox.pending,
                oldest_age_seconds: outbox.oldest_age_seconds,
                held: outbox.held,
                dead_letters: outbox.dead_letters,
            },
            pixels: health
                .pixels
                .iter()
                .map(|pixel| PixelJson {
                    pixel_id: &pixel.pixel_id,
                    state: &pixel.state,
                    reason: &pixel.reason,
                    calls_max: pixel.calls_max,
                })
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use tandem_proto::v1::{Last24h, OutboxFigures, PixelFigures};

    use super::*;

    fn sample() -> GetTrackingHealthResponse {
        GetTrackingHealthResponse {
            status: HealthStatus::Critical.into(),
            reasons: vec!["pixel_held:123456789012345:token_refused".to_owned()],
            last_24h: Some(Last24h {
                lead_events: 120,
                purchase_events: 14,
                deduplication_rate: Some(0.9375),
                avg_response_time: 1.26,
                p99_response_time: 8.0,
                error_rate: 0.0,
                delivery_rate: None,
                capi_timeout_rate: Some(0.005),
            }),
            outbox: Some(OutboxFigures { pending: 3, oldest_age_seconds: 1_000, held: 2, dead_letters: 1 }),
            pixels: vec![PixelFigures {
                pixel_id: "123456789012345".to_owned(),
                state: "held".to_owned(),
                reason: "token_refused".to_owned(),
                calls_max: 4,
            }],
        }
    }

    #[test]
    fn health_reads_like_a_page() {
        let expected = "\
critical

- pixel_held:123456789012345:token_refused

last 24 hours
leads                                120
purchases                            14
deduplicated (reported by browsers)  93.8 %
delivered                            -
errors                               0.0 %
slow Graph calls                     0.5 %
answer time, mean                    1.3 ms
answer time, 99th percentile         8.0 ms

outbox
pending       3
oldest        16 min 40 s
held          2
dead letters  1

PIXEL            STATE  REASON         CALLS AT MOST
123456789012345  held   token_refused  4";
        assert_eq!(text(&sample()), expected);
    }

    #[test]
    fn json_has_the_names_of_the_http_endpoint() {
        let json: serde_json::Value = serde_json::from_str(&json(&HealthJson::of(&sample()))).unwrap();
        assert_eq!(json["status"], "critical");
        assert_eq!(json["last_24h"]["purchase_events"], 14);
        assert!(json["last_24h"]["delivery_rate"].is_null());
        assert_eq!(json["outbox"]["oldest_age_seconds"], 1000);
        assert_eq!(json["pixels"][0]["state"], "held");
    }
}
