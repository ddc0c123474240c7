//! The gRPC port: native gRPC, gRPC-web and JSON on one port, CORS, size limits, health and reflection.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{HeaderName, HeaderValue, Method, Request, Response};
use http_body_util::Full;
use tandem_net::{Port, RequestsLayer};
use tandem_proto::stubs::operations_service_server::OperationsServiceServer;
use tandem_proto::stubs::tracking_service_server::TrackingServiceServer;
use tonic::body::Body;
use tonic::server::NamedService;
use tonic::service::Routes;
use tonic::transport::Server;
use tower::Service;
use tower_http::cors::{AllowCredentials, AllowOrigin, CorsLayer};

use super::access::{AccessPolicy, named_origin};
use super::door::CallerLayer;
use super::json::{JsonRequestLayer, ProtocolLayer, Schema};
use super::route::Route;
use super::size::{
    FRAME_HEAD_BYTES, HEALTH_BYTES_MAX, INTERNAL_BYTES_MAX, STRANGER_BYTES_MAX, WEBHOOK_BYTES_MAX,
    message_bytes_max, read_whole,
};
use super::tracking::Tracking;
use super::web_package::WebPackageLayer;
use crate::api::operations::Operations;

/// Largest headers of an HTTP/2 request, bytes.
const HEADER_BYTES_MAX: u32 = 32 * 1024;
/// How long a browser may remember a preflight.
const PREFLIGHT_AGE: Duration = Duration::from_secs(7200);

/// Serves until `shutdown`, then waits for the open calls.
pub async fn serve(
    port: Port,
    tracking: Tracking,
    operations: Operations,
    policy: Arc<AccessPolicy>,
    shutdown: impl Future<Output = ()>,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let (health_reporter, health) = tonic_health::server::health_reporter();
    health_reporter.set_serving::<TrackingServiceServer<Tracking>>().await;
    health_reporter.set_serving::<OperationsServiceServer<Operations>>().await;
    let health = health.max_decoding_message_size(HEALTH_BYTES_MAX);
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(tandem_proto::DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    let schema = Arc::new(Schema::load()?);
    Server::builder()
        .accept_http1(true)
        .http2_keepalive_interval(Some(Duration::from_secs(60)))
        .http2_keepalive_timeout(Some(Duration::from_secs(20)))
        .max_concurrent_streams(1024)
        .http2_max_header_list_size(HEADER_BYTES_MAX)
        .layer(RequestsLayer::new(|path| Route::of(path).is_ours()))
        .layer(WebPackageLayer::new(Arc::clone(&policy)))
        .layer(cors(Arc::clone(&policy)))
        .layer(ProtocolLayer::new(schema))
        .layer(CallerLayer(policy))
        .layer(JsonRequestLayer)
        .add_routes(routes(tracking, operations))
        .add_service(health)
        .add_service(reflection().build_v1()?)
        .add_service(reflection().build_v1alpha()?)
        .serve_with_incoming_shutdown(port, shutdown)
        .await?;
    Ok(())
}

/// Tandem's services, each RPC with its size limit.
pub(crate) fn routes(tracking: Tracking, operations: Operations) -> Routes {
    let operations = OperationsServiceServer::new(operations).max_decoding_message_size(INTERNAL_BYTES_MAX);
    Routes::new(SizeLimited::new(tracking)).add_service(operations)
}

/// CORS for all pages, so that a page of another origin can read why it is refused. The door refuses it. Credentials are allowed only where the server sets cookies; the answer then names
/// the origin instead of a wildcard. `authorization` is never allowed: a page must not have the internal token.
fn cors(policy: Arc<AccessPolicy>) -> CorsLayer {
    let header = HeaderName::from_static;
    CorsLayer::new()
        .allow_origin(AllowOrigin::predicate(|origin: &HeaderValue, _| named_origin(origin).is_some()))
        .allow_credentials(AllowCredentials::predicate(move |origin, _| policy.allows_cookies(origin)))
        .allow_methods([Method::POST])
        .allow_headers([
            http::header::CONTENT_TYPE,
            header("x-grpc-web"),
            header("x-user-agent"),
            header("grpc-timeout"),
            header("connect-protocol-version"),
            header("connect-timeout-ms"),
        ])
        .expose_headers([header("grpc-status"), header("grpc-message"), header("grpc-status-details-bin")])
        .max_age(PREFLIGHT_AGE)
}

/// `TrackingService` with a size limit per caller and RPC.
#[derive(Debug, Clone)]
struct SizeLimited {
    stranger: TrackingServiceServer<Tracking>,
    internal: TrackingServiceServer<Tracking>,
    webhook: TrackingServiceServer<Tracking>,
}

impl SizeLimited {
    fn new(tracking: Tracking) -> Self {
        let shared = Arc::new(tracking);
        let with =
            |bytes| TrackingServiceServer::from_arc(Arc::clone(&shared)).max_decoding_message_size(bytes);
        Self {
            stranger: with(STRANGER_BYTES_MAX),
            internal: with(INTERNAL_BYTES_MAX),
            webhook: with(WEBHOOK_BYTES_MAX),
        }
    }
}

impl NamedService for SizeLimited {
    const NAME: &'static str = <TrackingServiceServer<Tracking> as NamedService>::NAME;
}

impl Service<Request<Body>> for SizeLimited {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let bytes_max = message_bytes_max(&request);
        let service = match bytes_max {
            STRANGER_BYTES_MAX => &mut self.stranger,
            WEBHOOK_BYTES_MAX => &mut self.webhook,
            _ => &mut self.internal,
        };
        if request.version() >= http::Version::HTTP_2 {
            return service.call(request);
        }
        let mut service = service.clone();
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            match read_whole(body, bytes_max + FRAME_HEAD_BYTES).await {
                Ok(body) => service.call(Request::from_parts(parts, Body::new(Full::new(body)))).await,
                Err(status) => Ok(status.into_http()),
            }
        })
    }
}
