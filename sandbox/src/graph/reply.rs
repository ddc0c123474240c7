//! Answers in the Graph API's shape.

use axum::Json;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;
use http::header::{HeaderName, HeaderValue, WWW_AUTHENTICATE};
use serde_json::{Value, json};

use crate::graph::refusal::{Refusal, Subcode};

const TRACE_HEADER: HeaderName = HeaderName::from_static("x-fb-trace-id");
const REVISION_HEADER: HeaderName = HeaderName::from_static("x-fb-rev");

/// A refusal of the whole request.
#[derive(Clone, Debug)]
pub(super) struct GraphError {
    pub(super) status: StatusCode,
    pub(super) code: u32,
    /// Meta's subcode, where there is one.
    pub(super) subcode: Option<u32>,
    kind: &'static str,
    message: String,
    title: Option<&'static str>,
    explanation: Option<String>,
    blamed: Option<String>,
}

impl GraphError {
    fn new(status: StatusCode, code: u32, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            subcode: None,
            kind: "OAuthException",
            message: message.into(),
            title: None,
            explanation: None,
            blamed: None,
        }
    }

    /// The request as such cannot be used.
    pub(super) fn bad_request(message: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, 100, format!("(#100) {message}"))
    }

    /// The token is missing or wrong.
    pub(super) fn bad_token(message: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, 190, message)
    }

    pub(super) fn expired_token() -> Self {
        Self { subcode: Some(463), ..Self::bad_token("Error validating access token: Session has expired.") }
    }

    /// The pixel is unknown, or the token may not write to it: Meta does not tell which.
    pub(super) fn unknown_object(id: &str) -> Self {
        let message = format!(
            "Unsupported post request. Object with ID '{id}' does not exist, cannot be loaded due to missing \
             permissions, or does not support this operation."
        );
        let error = Self::new(StatusCode::BAD_REQUEST, 100, message);
        Self { subcode: Some(33), kind: "GraphMethodException", ..error }
    }

    /// The token lacks the permission to send events.
    pub(super) fn missing_permission() -> Self {
        let message = "(#200) Requires ads_management or business_management permission to manage the object";
        Self::new(StatusCode::FORBIDDEN, 200, message)
    }

    /// The path does not exist.
    pub(super) fn unknown_path(path: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, 2500, format!("Unknown path components: {path}"))
    }

    /// The version in the path is no longer supported.
    pub(super) fn retired_version(version: &str) -> Self {
        let message =
            format!("(#2635) {version} is deprecated and no longer supported. Please use a later version.");
        Self::new(StatusCode::BAD_REQUEST, 2635, message)
    }

    /// The proof of the app secret is missing or wrong. Meta answers as for a bad payload, without a subcode.
    pub(super) fn bad_proof(message: &str) -> Self {
        Self { kind: "GraphMethodException", ..Self::new(StatusCode::BAD_REQUEST, 100, message) }
    }

    /// One event of the batch is unusable. Only the generic subcode names the place in the batch. The specific ones name
    /// only the field, so the sender has to find the event itself.
    pub(super) fn refused(index: usize, refusal: Refusal) -> Self {
        let path = match (refusal.subcode, refusal.path.as_str()) {
            (Subcode::Parameter, "") => format!("data[{index}]"),
            (Subcode::Parameter, path) => format!("data[{index}].{path}"),
            (_, path) => path.to_owned(),
        };
        let explanation = match refusal.subcode {
            Subcode::Parameter => format!("{path}: {}", refusal.reason),
            _ => refusal.reason,
        };
        Self {
            subcode: Some(refusal.subcode as u32),
            title: Some(refusal.subcode.title()),
            explanation: Some(explanation),
            blamed: Some(path),
            ..Self::new(StatusCode::BAD_REQUEST, 100, "Invalid parameter")
        }
    }

    /// The most specific text of the error.
    pub(super) fn explanation(&self) -> String {
        self.explanation.clone().unwrap_or_else(|| self.message.clone())
    }

    /// The answer, with the trace ID under which the journal has recorded the request.
    pub(super) fn respond(&self, trace: &str) -> Response {
        let mut error = json!({
            "message": self.message,
            "type": self.kind,
            "code": self.code,
            "is_transient": false,
            "fbtrace_id": trace,
        });
        for (key, value) in [
            ("error_subcode", self.subcode.map(Value::from)),
            ("error_user_title", self.title.map(Value::from)),
            ("error_user_msg", self.explanation.clone().map(Value::from)),
            ("error_data", self.blamed.as_ref().map(|path| json!({ "blame_field_specs": [[path]] }))),
        ] {
            if let Some(value) = value {
                error[key] = value;
            }
        }
        let mut response = (self.status, Json(json!({ "error": error }))).into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            let challenge = HeaderValue::from_static("OAuth \"Facebook Platform\" \"invalid_token\"");
            response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        }
        with_trace(response, trace)
    }
}

impl IntoResponse for GraphError {
    fn into_response(self) -> Response {
        self.respond(&trace_id())
    }
}

/// The answer to an accepted request.
pub(super) fn accepted(events: usize, messages: &[String], trace: &str) -> Response {
    let body = json!({ "events_received": events, "messages": messages, "fbtrace_id": trace });
    with_trace(Json(body).into_response(), trace)
}

/// A new trace ID: `A` and 22 characters, like those of the Graph API.
pub(super) fn trace_id() -> String {
    format!("A{}", URL_SAFE_NO_PAD.encode(rand::random::<[u8; 16]>()))
}

fn with_trace(mut response: Response, trace: &str) -> Response {
    if let Ok(value) = HeaderValue::from_str(trace) {
        response.headers_mut().insert(TRACE_HEADER, value);
    }
    response.headers_mut().insert(REVISION_HEADER, HeaderValue::from_static("1000000001"));
    response
}
