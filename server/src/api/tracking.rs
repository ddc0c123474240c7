//! `TrackingService`: the handlers. Each reads its request, calls the pipeline, answers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tandem_core::id::{EventId, EventName};
use tandem_core::normalise::MatchKey;
use tandem_proto::stubs::tracking_service_server::TrackingService;
use tandem_proto::v1;
use tonic::{Code, Request, Response, Status};

use super::access::{Caller, Stranger};
use super::decode::Keys;
use super::status::{Reject, Violation, code_name};
use crate::ingest::event::{Draft, Ingest};
use crate::orders::Purchases;
use crate::outbox::{BrowserOutcome, Confirmation};

/// Most confirmations of one call.
const CONFIRMATIONS_MAX: usize = 200;

/// The service. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Tracking {
    /// What every handler works with.
    pub ingest: Arc<Ingest>,
    /// What claims, facts and webhooks work with.
    pub purchases: Arc<Purchases>,
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
        self.ingest.metrics.answer(rpc, code_name(code), is_error, took, self.ingest.clock.now_ms());
        result.map(Response::new).map_err(|reject| {
            tracing::debug!(rpc, code = reject.code(), "call refused");
            reject.into()
        })
    }

    async fn lead(
        &self,
        caller: &Caller,
        request: v1::CaptureLeadRequest,
    ) -> Result<v1::CaptureLeadResponse, Reject> {
        let now_ms = self.ingest.clock.now_ms();
        let pixel = self.ingest.pixel(&request.pixel_id, caller)?;
        let mut reader = self.ingest.reader(caller, pixel, now_ms);
        let mut user_data = reader.user(request.user, Keys::Strict);
        let page = reader.browser(request.browser, &mut user_data);
        let custom_data = reader.custom_data(request.custom_data, request.experiment, None);
        let consent = reader.consent(request.consent);
        let time_s = reader.time_s(request.occurred_at);
        let id = reader.client_event_id(&request.client_event_id);
        let mut violations = reader.violations.0;
        let named =
            |violations: &[Violation], key: MatchKey| violations.iter().any(|v| v.field == key.field());
        if user_data.get(MatchKey::Email).is_none()
            && user_data.get(MatchKey::Phone).is_none()
            && !named(&violations, MatchKey::Email)
            && !named(&violations, MatchKey::Phone)
        {
            violations
                .push(Violation::new("user.email", "or user.phone is required: a lead needs one of them"));
        }
        for key in &self.ingest.settings.lead_required {
            if user_data.get(*key).is_none() && !named(&violations, *key) {
                violations.push(Violation::new(key.field(), "is required"));
            }
        }
        if !violations.is_empty() {
            return Err(Reject::Invalid(violations));
        }
        let pixel = pixel.clone();
        let name = EventName::lead();
        let draft = Draft { pixel, name, id, time_s, page, user_data, custom_data, consent };
        let taken = self.ingest.take(draft, caller, now_ms).await?;
        Ok(v1::CaptureLeadResponse {
            lead_id: format!("lead_{}", taken.event_id),
            event_id: taken.event_id.into(),
            duplicate: taken.duplicate,
            browser_event: taken.browser_event,
            suppressed_reason: taken.suppressed_reason,
        })
    }

    async fn track(
        &self,
        caller: &Caller,
        request: v1::TrackEventRequest,
    ) -> Result<v1::TrackEventResponse, Reject> {
        let now_ms = self.ingest.clock.now_ms();
        let pixel = self.ingest.pixel(&request.pixel_id, caller)?;
        let mut reader = self.ingest.reader(caller, pixel, now_ms);
        let mut user_data = reader.user(request.user, Keys::Lenient);
        let page = reader.browser(request.browser, &mut user_data);
        let order = reader.optional_order(&request.order_id);
        let custom_data = reader.custom_data(request.custom_data, request.experiment, order.as_ref());
        let consent = reader.consent(request.consent);
        let time_s = reader.time_s(request.occurred_at);
        let id = reader.client_event_id(&request.client_event_id);
        let mut violations = reader.violations.0;
        let name = if EventName::is_reserved(&request.event_name) {
            Err("has an RPC of its own, or is not taken at all".to_owned())
        } else {
            EventName::parse(&request.event_name).map_err(|problem| problem.to_string())
        };
        match name {
            Err(what) => {
                violations.push(Violation::new("event_name", what));
                Err(Reject::Invalid(violations))
            }
            Ok(_) if !violations.is_empty() => Err(Reject::Invalid(violations)),
            Ok(name) => {
                let pixel = pixel.clone();
                let draft = Draft { pixel, name, id, time_s, page, user_data, custom_data, consent };
                let taken = self.ingest.take(draft, caller, now_ms).await?;
                Ok(v1::TrackEventResponse {
                    event_id: taken.event_id.into(),
                    duplicate: taken.duplicate,
                    browser_event: taken.browser_event,
                    suppressed_reason: taken.suppressed_reason,
                })
            }
        }
    }

    async fn confirm(
        &self,
        caller: &Caller,
        request: v1::ConfirmBrowserEventsRequest,
    ) -> Result<v1::ConfirmBrowserEventsResponse, Reject> {
        let now_s = self.ingest.clock.now_s();
        let pixel = self.ingest.pixel(&request.pixel_id, caller)?;
        if request.confirmations.len() > CONFIRMATIONS_MAX {
            return Err(Reject::field("confirmations", format!("must be at most {CONFIRMATIONS_MAX}")));
        }
        let mut violations = Vec::new();
        let mut confirmations = Vec::with_capacity(request.confirmations.len());
        for (i, confirmation) in request.confirmations.into_iter().enumerate() {
            let at = |field: &str| format!("confirmations[{i}].{field}");
            let outcome = match confirmation.outcome() {
                v1::Outcome::Fired => Some(BrowserOutcome::Fired),
                v1::Outcome::Blocked => Some(BrowserOutcome::Blocked),
                v1::Outcome::Failed => Some(BrowserOutcome::Failed),
                v1::Outcome::Unspecified => None,
            };
            let name = EventName::parse(&confirmation.event_name);
            let id = EventId::parse(&confirmation.event_id);
            match (name, id, outcome) {
                (Ok(name), Ok(id), Some(outcome)) => {
                    let at_s = confirmation.occurred_at.map_or(now_s, |at| at.seconds.clamp(0, now_s));
                    confirmations.push(Confirmation { name, id, outcome, at_s });
                }
                (name, id, outcome) => {
                    violations.extend(name.err().map(|e| Violation::new(at("event_name"), e.to_string())));
                    violations.extend(id.err().map(|e| Violation::new(at("event_id"), e.to_string())));
                    if outcome.is_none() {
                        violations.push(Violation::new(at("outcome"), "is missing"));
                    }
                }
            }
        }
        if !violations.is_empty() {
            return Err(Reject::Invalid(violations));
        }
        let confirmed = self.ingest.outbox.events.confirm(pixel.id.clone(), confirmations).await?;
        Ok(v1::ConfirmBrowserEventsResponse { accepted: confirmed.accepted, unknown: confirmed.unknown })
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
        let cookies = self.ingest.cookies(&caller, &headers, &mut request.browser, request.consent.as_ref());
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
        let cookies = self.ingest.cookies(&caller, &headers, &mut request.browser, request.consent.as_ref());
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
        let cookies = self.ingest.cookies(&caller, &headers, &mut request.browser, request.consent.as_ref());
        let patience = crate::orders::patience(&headers);
        let mut waited = Duration::ZERO;
        let result = self.purchases.record(&caller, request, patience, &mut waited).await;
        // Waiting for a verdict is what was asked for; it says nothing about our speed.
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
            Caller::Internal => self.purchases.verify_webhook(request.into_inner()).await,
            Caller::Stranger(_) => Err(Reject::Unauthenticated),
        };
        self.answer("VerifyWebhook", started.elapsed(), result)
    }
}
