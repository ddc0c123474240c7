//! A `TrackingService` that records webhooks and answers as the test wants.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tandem_proto::stubs::tracking_service_server::{TrackingService, TrackingServiceServer};
use tandem_proto::v1::{
    CaptureLeadRequest, CaptureLeadResponse, ConfirmBrowserEventsRequest, ConfirmBrowserEventsResponse,
    RecordPurchaseRequest, RecordPurchaseResponse, TrackEventRequest, TrackEventResponse, Verdict,
    VerifyWebhookRequest, VerifyWebhookResponse,
};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status};

/// How the fake answers the next webhooks.
#[derive(Debug, Clone)]
pub(crate) enum Script {
    /// Answers OK with this verdict.
    Verdict(Verdict),
    /// Answers with this status.
    Refuse(Status),
    /// Answers ACCEPTED after this time.
    Slow(Duration),
}

/// What the fake saw of one call.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) authorization: Option<String>,
    pub(crate) request: VerifyWebhookRequest,
}

#[derive(Debug, Clone)]
pub(crate) struct Fake {
    script: Arc<Mutex<Script>>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Fake {
    pub(crate) fn new() -> Self {
        let script = Script::Verdict(Verdict::Accepted);
        Self { script: Arc::new(Mutex::new(script)), seen: Arc::default() }
    }

    pub(crate) fn script(&self, script: Script) {
        *self.script.lock().expect("no test panics with the lock") = script;
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().expect("no test panics with the lock").clone()
    }

    /// Serves on `addr`, in a runtime of its own. Stopping that runtime cuts all connections, as the end of
    /// a process does.
    pub(crate) async fn start(&self, addr: SocketAddr) -> Running {
        let listener = std::net::TcpListener::bind(addr).expect("the fake can listen");
        let addr = listener.local_addr().expect("a listener has an address");
        listener.set_nonblocking(true).expect("a listener can be polled");
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("the fake gets its thread");
        let service = TrackingServiceServer::new(self.clone()).max_decoding_message_size(2 * 1024 * 1024);
        runtime.spawn(async move {
            let listener = TcpListener::from_std(listener).expect("the listener is usable");
            let (reporter, health) = tonic_health::server::health_reporter();
            reporter.set_service_status("", tonic_health::ServingStatus::Serving).await;
            let server = tonic::transport::Server::builder().add_service(health).add_service(service);
            server.serve_with_incoming(TcpListenerStream::new(listener)).await.expect("the fake serves");
        });
        Running { addr, runtime: Some(runtime) }
    }
}

/// A fake that serves. Dropping it stops it.
pub(crate) struct Running {
    pub(crate) addr: SocketAddr,
    runtime: Option<Runtime>,
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

#[tonic::async_trait]
impl TrackingService for Fake {
    async fn verify_webhook(
        &self,
        request: Request<VerifyWebhookRequest>,
    ) -> Result<Response<VerifyWebhookResponse>, Status> {
        let authorization = request.metadata().get("authorization");
        let authorization = authorization.map(|value| value.to_str().unwrap_or_default().to_owned());
        self.seen
            .lock()
            .expect("no test panics with the lock")
            .push(Seen { authorization, request: request.into_inner() });
        let script = self.script.lock().expect("no test panics with the lock").clone();
        let verdict = match script {
            Script::Verdict(verdict) => verdict,
            Script::Refuse(status) => return Err(status),
            Script::Slow(time) => {
                tokio::time::sleep(time).await;
                Verdict::Accepted
            }
        };
        Ok(Response::new(VerifyWebhookResponse { verdict: verdict.into(), ..Default::default() }))
    }

    async fn capture_lead(
        &self,
        _: Request<CaptureLeadRequest>,
    ) -> Result<Response<CaptureLeadResponse>, Status> {
        Err(Status::unimplemented("the gateway has no business here"))
    }

    async fn track_event(
        &self,
        _: Request<TrackEventRequest>,
    ) -> Result<Response<TrackEventResponse>, Status> {
        Err(Status::unimplemented("the gateway has no business here"))
    }

    async fn record_purchase(
        &self,
        _: Request<RecordPurchaseRequest>,
    ) -> Result<Response<RecordPurchaseResponse>, Status> {
        Err(Status::unimplemented("the gateway has no business here"))
    }

    async fn confirm_browser_events(
        &self,
        _: Request<ConfirmBrowserEventsRequest>,
    ) -> Result<Response<ConfirmBrowserEventsResponse>, Status> {
        Err(Status::unimplemented("the gateway has no business here"))
    }
}
