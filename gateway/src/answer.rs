//! The HTTP answers. Bodies are fixed texts and never repeat anything from a webhook.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::header::{ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, StatusCode};

/// Seconds after which a sender may try again.
const RETRY_AFTER_S: HeaderValue = HeaderValue::from_static("30");

/// The answer to the sender of a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The outcome is durable. Cashfree accepts only 200 as delivered.
    Received(Received),
    /// The signature or timestamp is missing, repeated or wrong.
    InvalidSignature,
    /// The signature is valid, but the timestamp is too old or in the future.
    Stale,
    /// The sender's address is not in the list of allowed networks.
    Forbidden,
    /// The method is not POST.
    MethodNotAllowed,
    /// The body is too large.
    TooLarge,
    /// The body did not arrive in time.
    TooSlow,
    /// The outcome is not durable, so the sender must send the webhook again.
    Unavailable(Unavailable),
}

/// The result of a webhook with a valid signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Received {
    Accepted,
    Duplicate,
    Ignored,
    DeadLettered,
}

/// Why the outcome is not durable. It is logged. The sender does not see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unavailable {
    /// No internal token is configured.
    NoToken,
    /// The server refused the internal token.
    TokenRefused,
    /// The server cannot store the webhook now, or has no payment secret.
    CannotAccept,
    /// The server cannot be reached, or the call failed.
    ServerAway,
    /// The server did not answer in time.
    TooSlow,
    /// The server answered with a verdict that this gateway does not know.
    UnknownVerdict,
    /// The gateway already processes as many webhooks as it may.
    Overloaded,
}

impl Unavailable {
    /// Stable code for the log.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::NoToken => "no_token",
            Self::TokenRefused => "token_refused",
            Self::CannotAccept => "cannot_accept",
            Self::ServerAway => "server_away",
            Self::TooSlow => "server_too_slow",
            Self::UnknownVerdict => "unknown_verdict",
            Self::Overloaded => "crowded",
        }
    }
}

impl Answer {
    /// Stable name of the answer, for the metrics.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Received(Received::Accepted) => "accepted",
            Self::Received(Received::Duplicate) => "duplicate",
            Self::Received(Received::Ignored) => "ignored",
            Self::Received(Received::DeadLettered) => "dead_lettered",
            Self::InvalidSignature => "invalid_signature",
            Self::Stale => "stale",
            Self::Forbidden => "address",
            Self::MethodNotAllowed => "method",
            Self::TooLarge => "too_large",
            Self::TooSlow => "too_slow",
            Self::Unavailable(why) => why.code(),
        }
    }

    fn status(self) -> StatusCode {
        match self {
            Self::Received(_) => StatusCode::OK,
            Self::InvalidSignature | Self::Stale => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn body(self) -> &'static str {
        match self {
            Self::Received(Received::Accepted) => r#"{"status":"received","outcome":"accepted"}"#,
            Self::Received(Received::Duplicate) => r#"{"status":"received","outcome":"duplicate"}"#,
            Self::Received(Received::Ignored) => r#"{"status":"received","outcome":"ignored"}"#,
            Self::Received(Received::DeadLettered) => r#"{"status":"received","outcome":"dead_lettered"}"#,
            Self::InvalidSignature => r#"{"status":"refused","reason":"invalid_signature"}"#,
            Self::Stale => r#"{"status":"refused","reason":"stale"}"#,
            Self::Forbidden => r#"{"status":"refused","reason":"address"}"#,
            Self::MethodNotAllowed => r#"{"status":"refused","reason":"method"}"#,
            Self::TooLarge => r#"{"status":"refused","reason":"too_large"}"#,
            Self::TooSlow => r#"{"status":"refused","reason":"too_slow"}"#,
            Self::Unavailable(_) => r#"{"status":"unavailable"}"#,
        }
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let mut response = fixed(self.status(), self.body());
        let headers = response.headers_mut();
        match self {
            Self::Unavailable(_) => {
                headers.insert(RETRY_AFTER, RETRY_AFTER_S);
            }
            Self::MethodNotAllowed => {
                headers.insert(ALLOW, HeaderValue::from_static("POST"));
            }
            // The rest of the body is not read.
            Self::TooLarge | Self::TooSlow => {
                headers.insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Self::Received(_) | Self::InvalidSignature | Self::Stale | Self::Forbidden => {}
        }
        response
    }
}

/// An answer with a fixed JSON text.
pub(crate) fn fixed(status: StatusCode, body: &'static str) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
