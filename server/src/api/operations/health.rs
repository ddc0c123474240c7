//! Health, as `GET /api/tracking-health` tells it.

use tandem_proto::v1;

use super::service::Operations;
use crate::insight::health::Status as HealthStatus;

impl Operations {
    pub(super) async fn health(&self) -> v1::GetTrackingHealthResponse {
        let snapshot = self.insight.snapshot().await;
        let health = &snapshot.health;
        let status = match health.status {
            HealthStatus::Healthy => v1::HealthStatus::Healthy,
            HealthStatus::Degraded => v1::HealthStatus::Degraded,
            HealthStatus::Critical => v1::HealthStatus::Critical,
        };
        let last = &health.last_24h;
        v1::GetTrackingHealthResponse {
            status: status.into(),
            reasons: health.reasons.clone(),
            last_24h: Some(v1::Last24h {
                lead_events: last.lead_events,
                purchase_events: last.purchase_events,
                deduplication_rate: last.deduplication_rate,
                avg_response_time: last.avg_response_time,
                p99_response_time: last.p99_response_time,
                error_rate: last.error_rate,
                delivery_rate: last.delivery_rate,
                capi_timeout_rate: last.capi_timeout_rate,
            }),
            outbox: Some(v1::OutboxFigures {
                pending: health.outbox.pending,
                oldest_age_seconds: health.outbox.oldest_age_seconds,
                held: health.outbox.held,
                dead_letters: health.outbox.dead_letters,
            }),
            pixels: health
                .pixels
                .iter()
                .map(|pixel| v1::PixelFigures {
                    pixel_id: pixel.pixel_id.clone(),
                    state: pixel.state.to_owned(),
                    reason: pixel.reason.to_owned(),
                    calls_max: pixel.calls_max,
                })
                .collect(),
        }
    }
}
