//! `TrackingService`: the handlers. Each decodes its request, calls what stands below, and
//! encodes the answer.

mod confirm;
mod events;
mod purchase;
mod webhook;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tandem_proto::stubs::tracking_service_server::TrackingService;
use tandem_proto::v1;
use tonic::{Code, Request, Response, Status};

use super::access::{Caller, Stranger};
use super::decode::Decoder;
use super::status::{Reject, code_name};
use crate::clock::Clock;
use crate::ingest::Ingest;
use crate::orders::Orders;
use crate::outbox::EventStore;
use crate::telemetry::metrics::Metrics;

/// The service. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Tracking {
    /// Reads requests.
    pub decoder: Arc<Decoder>,
    /// Takes events.
    pub ingest: Arc<Ingest>,
    /// Changes orders.
    pub orders: Arc<Orders>,
    /// Notes what pages did with their copies.
    pub events: Arc<dyn EventStore>,
    /// Where answers are counted.
    pub metrics: Arc<Metrics>,
    /// Tells the time.
    pub clock: Clock,
}

/// Who calls, as the layer found out. Without the layer everyone is a stranger.
fn caller_of<T>(request: &Request<T>) -> Caller {
    request.extensions().get::<Caller>().cloned().unwrap_or_else(|| Caller::Stranger(Stranger::default()))
}

impl Tracking {
    /// Answers, and notes how long it took and what it came to.
    fn answer<T>(
        &self,
        rpc: &'static str,
        took: Duration,
        result: Result<T, Reject>,
    ) -> Result<Response<T>, Status> {
        let code = result.as_ref().err().map_or(Code::Ok, Reject::grpc);
        let is_error = matches!(code, Code::Internal | Code::Unknown | Code::Unavailable);
        self.metrics.answer(rpc, code_name(code), is_error, took, self.clock.now_ms());
        result.map(Response::new).map_err(|reject| {
            tracing::debug!(rpc, code = reject.code(), "call refused");
            reject.into()
        })
    }
}

#[tonic::async_trait]
impl TrackingService for Tracking {
    async fn capture_lead(
        &self,
        request: Request<v1::CaptureLeadRequest>,
    ) -> Result<Response<v1::CaptureLeadResponse>, Status> {
        let started = Instant::now();
        let caller = caller_of(&request);
        let (headers, _, mut request) = request.into_parts();
        let cookies = self.cookies(&caller, &headers, &mut request.browser, request.consent.as_ref());
        let result = self.lead(&caller, request).await;
        cookies.add_to(self.answer("CaptureLead", started.elapsed(), result))
    }

    async fn track_event(
        &self,
        request: Request<v1::TrackEventRequest>,
    ) -> Result<Response<v1::TrackEventResponse>, Status> {
        let started = Instant::now();
        let caller = caller_of(&request);
        let (headers, _, mut request) = request.into_parts();
        let cookies = self.cookies(&caller, &headers, &mut request.browser, request.consent.as_ref());
        let result = self.track(&caller, request).await;
        cookies.add_to(self.answer("TrackEvent", started.elapsed(), result))
    }

    async fn record_purchase(
        &self,
        request: Request<v1::RecordPurchaseRequest>,
    ) -> Result<Response<v1::RecordPurchaseResponse>, Status> {
        let started = Instant::now();
        let caller = caller_of(&request);
        let (headers, _, mut request) = request.into_parts();
        let cookies = self.cookies(&caller, &headers, &mut request.browser, request.consent.as_ref());
        let mut waited = Duration::ZERO;
        let result = match &caller {
            Caller::Internal => self.report(&caller, request).await,
            Caller::Stranger(stranger) => {
                let patience = purchase::patience(&headers);
                self.claim(&caller, stranger, request, patience, &mut waited).await
            }
        };
        // Waiting for a proof is what was asked for; it says nothing about our speed.
        cookies.add_to(self.answer("RecordPurchase", started.elapsed().saturating_sub(waited), result))
    }

    async fn confirm_browser_events(
        &self,
        request: Request<v1::ConfirmBrowserEventsRequest>,
    ) -> Result<Response<v1::ConfirmBrowserEventsResponse>, Status> {
        let started = Instant::now();
        let caller = caller_of(&request);
        let result = self.confirm(&caller, request.into_inner()).await;
        self.answer("ConfirmBrowserEvents", started.elapsed(), result)
    }

    async fn verify_webhook(
        &self,
        request: Request<v1::VerifyWebhookRequest>,
    ) -> Result<Response<v1::VerifyWebhookResponse>, Status> {
        let started = Instant::now();
        let result = match caller_of(&request) {
            Caller::Internal => self.webhook(request.into_inner()).await,
            Caller::Stranger(_) => Err(Reject::Unauthenticated),
        };
        self.answer("VerifyWebhook", started.elapsed(), result)
    }
}
