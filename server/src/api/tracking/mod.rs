//! `TrackingService`: the handlers. Each decodes its request, calls ingest or orders, and encodes the answer.

mod confirm;
mod events;
mod purchase;
mod service;
mod webhook;

pub use service::Tracking;

use std::time::{Duration, Instant};

use tandem_proto::stubs::tracking_service_server::TrackingService;
use tandem_proto::v1;
use tonic::{Request, Response, Status};

use super::caller::Caller;
use super::status::Reject;
use service::{caller_of, handled_of};

#[tonic::async_trait]
impl TrackingService for Tracking {
    async fn capture_lead(
        &self,
        request: Request<v1::CaptureLeadRequest>,
    ) -> Result<Response<v1::CaptureLeadResponse>, Status> {
        let started = Instant::now();
        let (caller, handled) = (caller_of(&request), handled_of(&request));
        let (headers, _, mut request) = request.into_parts();
        let said = (request.consent.as_ref(), request.occurred_at.as_ref());
        let cookies = self.cookies(&caller, &headers, &mut request.browser, said);
        let result = self.lead(&caller, request).await;
        cookies.add_to(self.answer(&handled, "CaptureLead", started.elapsed(), result))
    }

    async fn track_event(
        &self,
        request: Request<v1::TrackEventRequest>,
    ) -> Result<Response<v1::TrackEventResponse>, Status> {
        let started = Instant::now();
        let (caller, handled) = (caller_of(&request), handled_of(&request));
        let (headers, _, mut request) = request.into_parts();
        let said = (request.consent.as_ref(), request.occurred_at.as_ref());
        let cookies = self.cookies(&caller, &headers, &mut request.browser, said);
        let result = self.track(&caller, request).await;
        cookies.add_to(self.answer(&handled, "TrackEvent", started.elapsed(), result))
    }

    async fn record_purchase(
        &self,
        request: Request<v1::RecordPurchaseRequest>,
    ) -> Result<Response<v1::RecordPurchaseResponse>, Status> {
        let started = Instant::now();
        let (caller, handled) = (caller_of(&request), handled_of(&request));
        let (headers, extensions, mut request) = request.into_parts();
        let said = (request.consent.as_ref(), request.occurred_at.as_ref());
        let cookies = self.cookies(&caller, &headers, &mut request.browser, said);
        let mut waited = Duration::ZERO;
        let result = match &caller {
            Caller::Internal => self.report(&caller, request).await,
            Caller::Stranger(stranger) => {
                let patience = purchase::patience(&headers, &extensions);
                self.claim(&caller, stranger, request, patience, &mut waited).await
            }
        };
        // The caller asked to wait for a proof. That wait is not part of the response time.
        cookies.add_to(self.answer(
            &handled,
            "RecordPurchase",
            started.elapsed().saturating_sub(waited),
            result,
        ))
    }

    async fn confirm_browser_events(
        &self,
        request: Request<v1::ConfirmBrowserEventsRequest>,
    ) -> Result<Response<v1::ConfirmBrowserEventsResponse>, Status> {
        let started = Instant::now();
        let (caller, handled) = (caller_of(&request), handled_of(&request));
        let result = self.confirm(&caller, request.into_inner()).await;
        self.answer(&handled, "ConfirmBrowserEvents", started.elapsed(), result)
    }

    async fn verify_webhook(
        &self,
        request: Request<v1::VerifyWebhookRequest>,
    ) -> Result<Response<v1::VerifyWebhookResponse>, Status> {
        let started = Instant::now();
        let handled = handled_of(&request);
        let result = match caller_of(&request) {
            Caller::Internal => self.webhook(request.into_inner()).await,
            Caller::Stranger(_) => Err(Reject::Unauthenticated),
        };
        self.answer(&handled, "VerifyWebhook", started.elapsed(), result)
    }
}
