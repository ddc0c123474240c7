//! Errors as the Connect protocol writes them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderValue, Response, StatusCode};
use http_body_util::Full;
use prost::Message as _;
use prost_reflect::DynamicMessage;
use serde::Serialize;
use tonic::body::Body;
use tonic::{Code, Status};
use tonic_types::pb;

use super::schema::Schema;

/// Start of the type URLs of an error's details. Connect leaves it out.
const TYPE_URL_START: &str = "type.googleapis.com/";

/// An error that a JSON caller is told.
#[derive(Debug)]
pub(super) struct ConnectError {
    code: Code,
    http: StatusCode,
    message: String,
    details: Vec<Detail>,
    /// The `Allow` header.
    allow: Option<&'static str>,
}

#[derive(Debug, Serialize)]
struct Detail {
    r#type: String,
    value: String,
    /// The message in JSON, for a reader who cannot decode `value`.
    #[serde(skip_serializing_if = "Option::is_none")]
    debug: Option<DynamicMessage>,
}

#[derive(Serialize)]
struct Wire<'a> {
    code: &'static str,
    message: &'a str,
    #[serde(skip_serializing_if = "<[Detail]>::is_empty")]
    details: &'a [Detail],
}

impl ConnectError {
    pub(super) fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, http: http_status(code), message: message.into(), details: Vec::new(), allow: None }
    }

    /// The error that a gRPC answer carries.
    pub(super) fn of(status: &Status, schema: &Schema) -> Self {
        // tonic made the details, so they can be read.
        let details = pb::Status::decode(status.details()).unwrap_or_default().details;
        let detail = |any: prost_types::Any| {
            let name = any.type_url.strip_prefix(TYPE_URL_START).unwrap_or(&any.type_url);
            let debug =
                schema.detail(name).and_then(|kind| DynamicMessage::decode(kind, any.value.as_slice()).ok());
            Detail { r#type: name.to_owned(), value: STANDARD_NO_PAD.encode(&any.value), debug }
        };
        let details = details.into_iter().map(detail).collect();
        Self { details, ..Self::new(status.code(), status.message()) }
    }

    pub(super) fn with_http(self, http: StatusCode) -> Self {
        Self { http, ..self }
    }

    pub(super) fn allowing(self, method: &'static str) -> Self {
        Self { allow: Some(method), ..self }
    }

    #[cfg(test)]
    pub(super) fn code(&self) -> Code {
        self.code
    }

    pub(super) fn http(&self) -> StatusCode {
        self.http
    }

    pub(super) fn json(&self) -> Vec<u8> {
        let wire = Wire { code: code_name(self.code), message: &self.message, details: &self.details };
        // Texts and messages of known descriptors can always be written.
        serde_json::to_vec(&wire).unwrap_or_default()
    }

    pub(super) fn into_http(self) -> Response<Body> {
        let mut answer = Response::new(Body::new(Full::from(self.json())));
        *answer.status_mut() = self.http;
        answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(method) = self.allow {
            answer.headers_mut().insert(ALLOW, HeaderValue::from_static(method));
        }
        answer
    }
}

/// Connect's name of a code. It writes "canceled" where metrics have gRPC's own spelling.
fn code_name(code: Code) -> &'static str {
    match code {
        Code::Cancelled => "canceled",
        code => crate::api::status::code_name(code),
    }
}

/// The HTTP status that Connect gives a code (Connect protocol, error codes).
fn http_status(code: Code) -> StatusCode {
    match code {
        Code::Ok => StatusCode::OK,
        // "Client Closed Request" has no name in HTTP.
        Code::Cancelled => StatusCode::from_u16(499).unwrap_or(StatusCode::BAD_REQUEST),
        Code::InvalidArgument | Code::FailedPrecondition | Code::OutOfRange => StatusCode::BAD_REQUEST,
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::PermissionDenied => StatusCode::FORBIDDEN,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::AlreadyExists | Code::Aborted => StatusCode::CONFLICT,
        Code::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
        Code::Unimplemented => StatusCode::NOT_IMPLEMENTED,
        Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Code::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
        Code::Unknown | Code::Internal | Code::DataLoss => StatusCode::INTERNAL_SERVER_ERROR,
    }
}
