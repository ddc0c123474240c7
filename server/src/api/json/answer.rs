//! Turns the gRPC answer of a unary RPC into the JSON answer of the Connect protocol.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf as _, Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, TRAILER};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use http_body::{Frame, SizeHint};
use http_body_util::{BodyExt as _, Full};
use prost_reflect::{DynamicMessage, MethodDescriptor};
use tonic::body::Body;
use tonic::{Code, Status};

use super::error::ConnectError;
use super::schema::Schema;
use crate::api::size::FRAME_HEAD_BYTES;

pub(super) async fn to_json(
    answer: Response<Body>,
    method: &MethodDescriptor,
    schema: &Schema,
) -> Response<Body> {
    let (parts, mut body) = answer.into_parts();
    let (message, trailers) = match Status::from_header_map(&parts.headers) {
        Some(status) if status.code() != Code::Ok => (Err(status), HeaderMap::new()),
        _ => read_answer(&mut body).await,
    };
    let (http, json) = match message.and_then(|message| write(method, &message)) {
        Ok(json) => (StatusCode::OK, json),
        Err(status) => {
            let error = ConnectError::of(&status, schema);
            (error.http(), error.json())
        }
    };
    let mut answer = Response::new(Body::new(Answered { json: Full::from(json), _grpc: body }));
    *answer.status_mut() = http;
    *answer.headers_mut() = headers(parts.headers, &trailers);
    answer
}

/// The body of a JSON answer. The door counts a call as open until its answer was taken, so that the gRPC answer is kept
/// as long.
struct Answered {
    json: Full<Bytes>,
    _grpc: Body,
}

impl http_body::Body for Answered {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        Pin::new(&mut self.json).poll_frame(context).map_err(|never| match never {})
    }

    fn is_end_stream(&self) -> bool {
        self.json.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.json.size_hint()
    }
}

/// Reads the one message of an answer, or its error, and the trailers.
async fn read_answer(body: &mut Body) -> (Result<Bytes, Status>, HeaderMap) {
    let (mut data, mut trailers) = (BytesMut::new(), HeaderMap::new());
    while let Some(frame) = body.frame().await {
        match frame.map(Frame::into_data) {
            Ok(Ok(bytes)) => data.extend_from_slice(&bytes),
            Ok(Err(frame)) => trailers.extend(frame.into_trailers().unwrap_or_default()),
            Err(status) => return (Err(status), trailers),
        }
    }
    let message = match Status::from_header_map(&trailers) {
        Some(status) if status.code() != Code::Ok => Err(status),
        _ => unframed(data.freeze()),
    };
    (message, trailers)
}

/// The bytes of the message in a body of one frame.
fn unframed(mut data: Bytes) -> Result<Bytes, Status> {
    let length = data.len().checked_sub(FRAME_HEAD_BYTES);
    let is_plain = length.is_some() && data.get_u8() == 0;
    if is_plain && usize::try_from(data.get_u32()).ok() == length {
        Ok(data)
    } else {
        Err(Status::internal("the answer is not one message"))
    }
}

fn write(method: &MethodDescriptor, message: &Bytes) -> Result<Vec<u8>, Status> {
    let message = DynamicMessage::decode(method.output(), message.clone())
        .map_err(|_| Status::internal("the answer cannot be read"))?;
    serde_json::to_vec(&message).map_err(|_| Status::internal("the answer cannot be written as JSON"))
}

/// The headers of the JSON answer: those of the gRPC answer that are not gRPC's own, and its trailers.
fn headers(mut headers: HeaderMap, trailers: &HeaderMap) -> HeaderMap {
    let is_grpc = |name: &HeaderName| name.as_str().starts_with("grpc-");
    let own: Vec<HeaderName> = headers.keys().filter(|name| is_grpc(name)).cloned().collect();
    for name in own.into_iter().chain([CONTENT_LENGTH, TRAILER]) {
        headers.remove(name);
    }
    for (name, value) in trailers.iter().filter(|(name, _)| !is_grpc(name)) {
        if let Ok(name) = HeaderName::try_from(format!("trailer-{name}")) {
            headers.append(name, value.clone());
        }
    }
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_one_whole_message() {
        assert_eq!(unframed(Bytes::from_static(&[0, 0, 0, 0, 2, 7, 8])).unwrap(), [7, 8].as_slice());
        assert_eq!(unframed(Bytes::from_static(&[0, 0, 0, 0, 0])).unwrap(), [].as_slice());
        for broken in
            [&[][..], &[0, 0, 0, 0], &[1, 0, 0, 0, 1, 7], &[0, 0, 0, 0, 2, 7], &[0, 0, 0, 0, 1, 7, 8]]
        {
            assert!(unframed(Bytes::copy_from_slice(broken)).is_err(), "{broken:?}");
        }
    }

    #[test]
    fn trailers_become_headers_and_what_is_grpcs_goes() {
        let (mut grpc, mut trailers) = (HeaderMap::new(), HeaderMap::new());
        grpc.insert("content-type", HeaderValue::from_static("application/grpc"));
        grpc.insert("grpc-encoding", HeaderValue::from_static("identity"));
        grpc.insert("set-cookie", HeaderValue::from_static("_fbp=x"));
        trailers.insert("grpc-status", HeaderValue::from_static("0"));
        trailers.insert("cost", HeaderValue::from_static("3"));
        let json = headers(grpc, &trailers);
        let mut all: Vec<_> =
            json.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
        all.sort_unstable();
        assert_eq!(
            all,
            [("content-type", "application/json"), ("set-cookie", "_fbp=x"), ("trailer-cost", "3")]
        );
    }
}
