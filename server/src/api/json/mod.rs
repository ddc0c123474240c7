//! JSON by the Connect protocol, for callers who have no gRPC: `POST` with `content-type: application/json`, on the
//! paths of gRPC.
//!
//! It translates and knows no rule. [`ProtocolLayer`] stands before the door: it turns the headers of a JSON call into
//! those of a gRPC call, and the gRPC answer, a refusal at the door too, into a JSON answer. [`JsonRequestLayer`] stands
//! behind the door: it reads the body, which the door has limited, and hands its message on. The messages are
//! translated by their descriptors.

mod answer;
mod error;
mod read;
mod request;
mod schema;

pub(super) use request::JsonRequestLayer;
pub(super) use schema::Schema;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::future::Either;
use http::header::{ACCEPT, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use prost_reflect::MethodDescriptor;
use tonic::Code;
use tonic::body::Body;
use tonic_web::{GrpcWebLayer, GrpcWebService};
use tower::{Layer, Service};

use error::ConnectError;
use request::JsonCall;

const GRPC_TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");

/// Hands each call to gRPC, gRPC-web or JSON, by its content type.
#[derive(Debug, Clone)]
pub(super) struct ProtocolLayer {
    schema: Arc<Schema>,
}

impl ProtocolLayer {
    pub(super) fn new(schema: Arc<Schema>) -> Self {
        Self { schema }
    }
}

impl<S: Clone> Layer<S> for ProtocolLayer {
    type Service = ProtocolService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        let schema = Arc::clone(&self.schema);
        ProtocolService { grpc_web: GrpcWebLayer::new().layer(inner.clone()), grpc: inner, schema }
    }
}

/// Applies [`ProtocolLayer`] to an inner service.
#[derive(Debug, Clone)]
pub(super) struct ProtocolService<S> {
    grpc_web: GrpcWebService<S>,
    grpc: S,
    schema: Arc<Schema>,
}

type Answer<E> = Pin<Box<dyn Future<Output = Result<Response<Body>, E>> + Send>>;

impl<S> Service<Request<Body>> for ProtocolService<S>
where
    S: Service<Request<Body>, Response = Response<Body>> + 'static,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Either<<GrpcWebService<S> as Service<Request<Body>>>::Future, Answer<S::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        ready!(Service::<Request<Body>>::poll_ready(&mut self.grpc_web, context))?;
        self.grpc.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let answer: Answer<S::Error> = match Protocol::of(&request) {
            Protocol::Grpc => return Either::Left(self.grpc_web.call(request)),
            Protocol::Json => match self.prepare(request) {
                Ok(call) => Box::pin(self.answer(call)),
                Err(error) => Box::pin(std::future::ready(Ok(error.into_http()))),
            },
            Protocol::Unknown => Box::pin(std::future::ready(Ok(unsupported_media_type()))),
        };
        Either::Right(answer)
    }
}

/// A JSON call that may go to the door.
struct Prepared {
    request: Request<Body>,
    method: MethodDescriptor,
    timeout: Option<Duration>,
}

impl<S> ProtocolService<S>
where
    S: Service<Request<Body>, Response = Response<Body>> + 'static,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
{
    /// Makes a JSON call a gRPC call, except for its body.
    fn prepare(&self, mut request: Request<Body>) -> Result<Prepared, ConnectError> {
        if request.method() != Method::POST {
            let error =
                ConnectError::new(Code::Unimplemented, "use POST").with_http(StatusCode::METHOD_NOT_ALLOWED);
            return Err(error.allowing("POST"));
        }
        let Some(method) = self.schema.method(request.uri().path()).cloned() else {
            let error = ConnectError::new(Code::Unimplemented, "there is no such RPC");
            return Err(error.with_http(StatusCode::NOT_FOUND));
        };
        if method.is_client_streaming() || method.is_server_streaming() {
            return Err(ConnectError::new(Code::Unimplemented, "this RPC is a stream: call it by gRPC"));
        }
        let timeout = check_headers(request.headers())?;
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        for name in [CONTENT_LENGTH, CONTENT_ENCODING, GRPC_TIMEOUT] {
            headers.remove(name);
        }
        for name in ["grpc-encoding", "grpc-accept-encoding"] {
            headers.remove(name);
        }
        if let Some(value) = timeout.and_then(grpc_timeout) {
            headers.insert(GRPC_TIMEOUT, value);
        }
        request.extensions_mut().insert(JsonCall(method.clone()));
        Ok(Prepared { request, method, timeout })
    }

    fn answer(
        &mut self,
        call: Prepared,
    ) -> impl Future<Output = Result<Response<Body>, S::Error>> + Send + use<S> {
        let Prepared { request, method, timeout } = call;
        let schema = Arc::clone(&self.schema);
        let work = self.grpc.call(request);
        let work = async move { Ok(answer::to_json(work.await?, &method, &schema).await) };
        async move {
            let Some(timeout) = timeout else { return work.await };
            // Nobody waits for the answer any more, as when a gRPC caller's deadline is over.
            tokio::time::timeout(timeout, work).await.unwrap_or_else(|_| {
                Ok(ConnectError::new(Code::DeadlineExceeded, "the call took too long").into_http())
            })
        }
    }
}

/// How a request is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Protocol {
    /// gRPC, gRPC-web, or no call at all.
    Grpc,
    Json,
    Unknown,
}

impl Protocol {
    fn of<B>(request: &Request<B>) -> Self {
        let Some(content_type) = request.headers().get(CONTENT_TYPE) else { return Self::Grpc };
        let content_type = content_type.as_bytes();
        if content_type.starts_with(b"application/grpc") {
            return Self::Grpc;
        }
        let is_json = std::str::from_utf8(content_type).is_ok_and(is_json);
        match (is_json, request.method() == Method::POST) {
            (true, _) => Self::Json,
            (false, true) => Self::Unknown,
            (false, false) => Self::Grpc,
        }
    }
}

/// Whether a content type is JSON in UTF-8.
fn is_json(content_type: &str) -> bool {
    let mut parts = content_type.split(';').map(str::trim);
    parts.next().is_some_and(|media| media.eq_ignore_ascii_case("application/json"))
        && parts.filter(|part| !part.is_empty()).all(|part| {
            part.split_once('=').is_none_or(|(name, value)| {
                !name.trim().eq_ignore_ascii_case("charset")
                    || value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
            })
        })
}

fn unsupported_media_type() -> Response<Body> {
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = StatusCode::UNSUPPORTED_MEDIA_TYPE;
    let accepted = HeaderValue::from_static("application/json, application/grpc, application/grpc-web");
    answer.headers_mut().insert(HeaderName::from_static("accept-post"), accepted.clone());
    answer.headers_mut().insert(ACCEPT, accepted);
    answer
}

/// Checks the headers of the Connect protocol, and returns how long the caller waits.
fn check_headers(headers: &HeaderMap) -> Result<Option<Duration>, ConnectError> {
    let invalid = |text| Err(ConnectError::new(Code::InvalidArgument, text));
    if headers.get("connect-protocol-version").is_some_and(|version| version != "1") {
        return invalid("connect-protocol-version must be 1");
    }
    if headers
        .get(CONTENT_ENCODING)
        .is_some_and(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity"))
    {
        return Err(ConnectError::new(
            Code::Unimplemented,
            "content-encoding must be identity: send the body uncompressed",
        ));
    }
    let Some(value) = headers.get("connect-timeout-ms") else { return Ok(None) };
    // At most ten digits, says the protocol.
    let digits =
        value.to_str().ok().filter(|text| text.len() <= 10 && text.bytes().all(|b| b.is_ascii_digit()));
    match digits.and_then(|text| text.parse().ok()) {
        Some(ms) => Ok(Some(Duration::from_millis(ms))),
        None => invalid("connect-timeout-ms must be at most ten digits"),
    }
}

/// The time as `grpc-timeout` has it: at most eight digits and a unit. The handlers read it there.
fn grpc_timeout(timeout: Duration) -> Option<HeaderValue> {
    let text = match timeout.as_millis() {
        ms @ 0..=99_999_999 => format!("{ms}m"),
        _ => format!("{}S", timeout.as_secs()),
    };
    HeaderValue::try_from(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_told_by_its_media_type_and_character_set() {
        for content_type in [
            "application/json",
            "Application/JSON",
            "application/json; charset=utf-8",
            "application/json;charset=\"UTF-8\"",
            "application/json;",
        ] {
            assert!(is_json(content_type), "{content_type}");
        }
        for content_type in [
            "application/json; charset=latin1",
            "application/jsonx",
            "text/json",
            "",
            "application/connect+json",
        ] {
            assert!(!is_json(content_type), "{content_type}");
        }
    }

    #[test]
    fn a_timeout_is_read_as_the_protocol_says() {
        let read = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("connect-timeout-ms", value.parse().unwrap());
            check_headers(&headers).map_err(|error| error.code())
        };
        assert_eq!(read("1500"), Ok(Some(Duration::from_millis(1500))));
        assert_eq!(read("9999999999"), Ok(Some(Duration::from_millis(9_999_999_999))));
        for wrong in ["", "-1", "1.5", "10000000000", "1s", "+1"] {
            assert_eq!(read(wrong), Err(Code::InvalidArgument), "{wrong:?}");
        }
        assert_eq!(grpc_timeout(Duration::from_millis(1500)).unwrap(), "1500m");
        assert_eq!(grpc_timeout(Duration::from_millis(9_999_999_999)).unwrap(), "9999999S");
    }
}
