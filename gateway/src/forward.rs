//! Calls the server and turns its answer into an HTTP answer.

use std::net::IpAddr;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, header};
use tandem_proto::stubs::tracking_service_client::TrackingServiceClient;
use tandem_proto::v1::{Verdict, VerifyWebhookRequest, VerifyWebhookResponse};
use tonic::{Code, Request, Status};

use crate::admission::Admission;
use crate::answer::{Answer, Received, Unavailable};
use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::readiness::Readiness;
use crate::settings::Settings;

/// Headers that are not forwarded: credentials for other services, and headers about the connection.
const WITHHELD_HEADERS: [HeaderName; 6] = [
    header::AUTHORIZATION,
    header::PROXY_AUTHORIZATION,
    header::COOKIE,
    header::CONNECTION,
    header::TRANSFER_ENCODING,
    header::EXPECT,
];

/// The state that all requests share.
pub(crate) struct Gateway {
    pub(crate) settings: Settings,
    pub(crate) limits: Limits,
    pub(crate) readiness: Readiness,
    pub(crate) admission: Admission,
    pub(crate) metrics: Metrics,
}

/// One webhook as it arrived.
pub(crate) struct Webhook {
    /// The provider's number in the protocol.
    pub(crate) provider: i32,
    pub(crate) raw_body: Bytes,
    pub(crate) headers: HeaderMap,
    pub(crate) source: IpAddr,
    pub(crate) received_at: SystemTime,
}

impl Gateway {
    pub(crate) fn new(settings: Settings, limits: Limits) -> Self {
        let (readiness, metrics) = (Readiness::default(), Metrics::default());
        Self { readiness, metrics, admission: Admission::new(&limits), settings, limits }
    }

    /// Sends a webhook to the server and turns the verdict into an answer. Waits at most
    /// [`Limits::answer`].
    pub(crate) async fn forward(&self, webhook: Webhook) -> Answer {
        let started = Instant::now();
        let body_bytes = webhook.raw_body.len();
        let outcome = match tokio::time::timeout(self.limits.answer, self.call(webhook)).await {
            Ok(outcome) => outcome,
            Err(_) => Err((Unavailable::TooSlow, None)),
        };
        let duration_ms = started.elapsed().as_millis();
        match outcome {
            Ok(verdict) => {
                let answer = answer_to(&verdict);
                let (name, detail) = (verdict.verdict().as_str_name(), verdict.detail.as_str());
                let (kind, order) = (verdict.webhook_type.as_str(), verdict.order_id.as_str());
                match answer {
                    // Anybody may send one. Nothing in it is proved, so nothing of it is repeated.
                    Answer::InvalidSignature | Answer::Stale => {
                        tracing::warn!(
                            webhook.verdict = name,
                            webhook.detail = detail,
                            body_bytes,
                            duration_ms,
                            "webhook refused: it may be forged"
                        );
                    }
                    Answer::Received(Received::DeadLettered) | Answer::Unavailable(_) => {
                        tracing::warn!(
                            webhook.verdict = name,
                            webhook.detail = detail,
                            webhook.kind = kind,
                            order.id = order,
                            body_bytes,
                            duration_ms,
                            "webhook answered, but an operator should look at it"
                        );
                    }
                    _ => {
                        tracing::info!(
                            webhook.verdict = name,
                            webhook.detail = detail,
                            webhook.kind = kind,
                            order.id = order,
                            body_bytes,
                            duration_ms,
                            "webhook answered"
                        );
                    }
                }
                answer
            }
            Err((why, status)) => {
                let (code, message) = status
                    .as_ref()
                    .map_or(("", ""), |status| (status.code().description(), status.message()));
                tracing::warn!(
                    reason = why.code(),
                    grpc.status = code,
                    grpc.message = message,
                    body_bytes,
                    duration_ms,
                    "webhook not accepted; its sender will retry"
                );
                Answer::Unavailable(why)
            }
        }
    }

    async fn call(&self, webhook: Webhook) -> Result<VerifyWebhookResponse, (Unavailable, Option<Status>)> {
        let mut request = Request::new(message(webhook));
        match self.settings.token.authorization() {
            Ok(token) => drop(request.metadata_mut().insert(header::AUTHORIZATION.as_str(), token)),
            Err(_) if self.settings.server.is_shown_a_certificate() => {}
            Err(_) => return Err((Unavailable::NoToken, None)),
        }
        request.set_timeout(self.limits.answer);
        // The place is held until the server answers.
        let _call = self.admission.call().await;
        let mut client = TrackingServiceClient::new(self.settings.server.channel());
        match client.verify_webhook(request).await {
            Ok(response) => Ok(response.into_inner()),
            Err(status) => {
                let why = match status.code() {
                    Code::Unauthenticated => Unavailable::TokenRefused,
                    Code::FailedPrecondition | Code::ResourceExhausted => Unavailable::CannotAccept,
                    Code::Unavailable if came_from_server(&status) => Unavailable::CannotAccept,
                    Code::DeadlineExceeded => Unavailable::TooSlow,
                    _ => Unavailable::ServerAway,
                };
                Err((why, Some(status)))
            }
        }
    }
}

/// Whether the server itself sent this status. The status of a broken connection has a source error.
fn came_from_server(status: &Status) -> bool {
    std::error::Error::source(status).is_none()
}

fn answer_to(response: &VerifyWebhookResponse) -> Answer {
    match response.verdict() {
        Verdict::Accepted => Answer::Received(Received::Accepted),
        Verdict::Duplicate => Answer::Received(Received::Duplicate),
        Verdict::Ignored => Answer::Received(Received::Ignored),
        Verdict::DeadLettered => Answer::Received(Received::DeadLettered),
        Verdict::InvalidSignature => Answer::InvalidSignature,
        Verdict::Stale => Answer::Stale,
        Verdict::Unspecified => Answer::Unavailable(Unavailable::UnknownVerdict),
    }
}

fn message(webhook: Webhook) -> VerifyWebhookRequest {
    let since = webhook.received_at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    VerifyWebhookRequest {
        provider: webhook.provider,
        content_type: joined(&webhook.headers, &header::CONTENT_TYPE),
        headers: webhook
            .headers
            .keys()
            .filter(|name| !WITHHELD_HEADERS.contains(name))
            .map(|name| (name.as_str().to_owned(), joined(&webhook.headers, name)))
            .collect(),
        raw_body: webhook.raw_body.into(),
        source_address: webhook.source.to_string(),
        received_at: Some(prost_types::Timestamp {
            seconds: i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
            nanos: i32::try_from(since.subsec_nanos()).unwrap_or(0),
        }),
    }
}

/// A header's values, joined by line feeds. A single value cannot contain a line feed.
fn joined(headers: &HeaderMap, name: &HeaderName) -> String {
    let values = headers.get_all(name).iter();
    values.map(|value| String::from_utf8_lossy(value.as_bytes())).collect::<Vec<_>>().join("\n")
}
