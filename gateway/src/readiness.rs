//! `/readyz`: the gateway is ready when it has a token and the server reports that it serves.

use std::time::{Duration, Instant};

use http::StatusCode;
use tokio::sync::Mutex;
use tonic::transport::Channel;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use axum::response::Response;

use crate::answer::fixed;
use crate::settings::Settings;

/// Longest wait for the server's health check.
const CHECK_TIMEOUT: Duration = Duration::from_secs(2);
/// How long an answer is cached. Anyone may call `/readyz`, at any rate.
const CACHED_FOR: Duration = Duration::from_millis(500);

/// Asks the server, and caches its answer for [`CACHED_FOR`].
#[derive(Default)]
pub(crate) struct Readiness {
    last: Mutex<Option<(Instant, bool)>>,
}

impl Readiness {
    /// The answer to `GET /readyz`.
    pub(crate) async fn answer(&self, settings: &Settings) -> Response {
        let server = &settings.server;
        if settings.token.authorization().is_err() && !server.is_shown_a_certificate() {
            return fixed(StatusCode::SERVICE_UNAVAILABLE, r#"{"status":"not_ready","reason":"no_token"}"#);
        }
        if !self.server_serves(server.channel()).await {
            return fixed(
                StatusCode::SERVICE_UNAVAILABLE,
                r#"{"status":"not_ready","reason":"server_away"}"#,
            );
        }
        fixed(StatusCode::OK, r#"{"status":"ready"}"#)
    }

    /// Whether the server serves. Only one call at a time asks it.
    async fn server_serves(&self, channel: Channel) -> bool {
        let mut last = self.last.lock().await;
        if let Some((at, serves)) = *last
            && at.elapsed() < CACHED_FOR
        {
            return serves;
        }
        let mut client = HealthClient::new(channel);
        let question = client.check(HealthCheckRequest { service: String::new() });
        let serves = match tokio::time::timeout(CHECK_TIMEOUT, question).await {
            Ok(Ok(answer)) => answer.into_inner().status() == ServingStatus::Serving,
            Ok(Err(_)) | Err(_) => false,
        };
        *last = Some((Instant::now(), serves));
        serves
    }
}
