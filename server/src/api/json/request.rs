//! Translates the body of a JSON call, behind the door: as large as its caller may send, and never before the door has
//! let the call in.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{BufMut as _, Bytes, BytesMut};
use futures_util::future::Either;
use http::{Request, Response};
use http_body_util::Full;
use prost::Message as _;
use prost_reflect::{DynamicMessage, MethodDescriptor};
use tonic::Status;
use tonic::body::Body;
use tower::{Layer, Service};

use super::read::read;
use crate::api::size::{FRAME_HEAD_BYTES, message_bytes_max, read_whole};
use crate::api::status::Reject;

/// Says that a request's body is JSON, and of which method. It stands in the request's extensions.
#[derive(Debug, Clone)]
pub(super) struct JsonCall(pub(super) MethodDescriptor);

/// Turns the bodies of JSON calls into messages.
#[derive(Debug, Clone, Copy)]
pub(in crate::api) struct JsonRequestLayer;

impl<S> Layer<S> for JsonRequestLayer {
    type Service = JsonRequestService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        JsonRequestService { inner }
    }
}

/// Applies [`JsonRequestLayer`] to an inner service.
#[derive(Debug, Clone)]
pub(in crate::api) struct JsonRequestService<S> {
    inner: S,
}

impl<S> Service<Request<Body>> for JsonRequestService<S>
where
    S: Service<Request<Body>, Response = Response<Body>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Either<S::Future, Pin<Box<dyn Future<Output = Result<Response<Body>, S::Error>> + Send>>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let Some(JsonCall(method)) = request.extensions_mut().remove() else {
            return Either::Left(self.inner.call(request));
        };
        // The service that is ready is the one that is called.
        let next = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, next);
        Either::Right(Box::pin(async move {
            let bytes_max = message_bytes_max(&request);
            let (parts, body) = request.into_parts();
            match message(&method, body, bytes_max).await {
                Ok(message) => {
                    let body = Body::new(Full::new(framed(&message)));
                    inner.call(Request::from_parts(parts, body)).await
                }
                Err(status) => Ok(status.into_http()),
            }
        }))
    }
}

async fn message(method: &MethodDescriptor, body: Body, bytes_max: usize) -> Result<DynamicMessage, Status> {
    let json = read_whole(body, bytes_max).await?;
    read(&method.input(), &json).map_err(|violations| Reject::Invalid(violations).into())
}

/// A message as gRPC sends it: not compressed, its length, its bytes.
fn framed(message: &DynamicMessage) -> Bytes {
    let length = message.encoded_len();
    let mut frame = BytesMut::with_capacity(FRAME_HEAD_BYTES + length);
    frame.put_u8(0);
    // A message is made of a body of at most some megabytes.
    frame.put_u32(u32::try_from(length).unwrap_or(u32::MAX));
    frame.put_slice(&message.encode_to_vec());
    frame.freeze()
}
