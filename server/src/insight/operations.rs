//! `OperationsService`: what an operator asks over gRPC.

use std::pin::Pin;
use std::sync::Arc;

use prost_types::Timestamp;
use tandem_core::country::Country;
use tandem_core::id::EventId;
use tandem_proto::stubs::operations_service_server::OperationsService;
use tandem_proto::v1;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

use super::diagnosis::Diagnosis;
use super::health::{Insight, Status as HealthStatus};
use crate::delivery::{Delivery, PixelState};
use crate::ingest::Reject;
use crate::outbox::{AttemptView, EventFilter, EventKey, EventView, Page, State};
use crate::purchase::Purchases;

/// Page size where none is given.
const PAGE_DEFAULT: u32 = 50;
/// Largest page.
const PAGE_MAX: u32 = 1000;

/// The service.
#[derive(Debug, Clone)]
pub struct Operations {
    /// Where the figures come from.
    pub insight: Arc<Insight>,
    /// What is paused and resumed.
    pub delivery: Delivery,
    /// Asks about orders whose webhooks could not be used.
    pub purchases: Arc<Purchases>,
    /// Country of national phone numbers, for erasure.
    pub country: Country,
    /// What the server knows of its own deployment.
    pub diagnosis: Arc<Diagnosis>,
    /// The server is stopping: watchers leave.
    pub closing: CancellationToken,
}

impl Operations {
    /// Pixels whose events are held with them.
    pub(super) fn held_pixels(&self) -> Vec<String> {
        let held = |state| matches!(state, PixelState::Held | PixelState::Unconfigured);
        let board = self.insight.board.all();
        board.into_iter().filter(|(_, s)| held(s.state)).map(|(id, _)| id.as_str().to_owned()).collect()
    }

    async fn list(&self, request: v1::ListEventsRequest) -> Result<v1::ListEventsResponse, Reject> {
        let state = match request.state() {
            v1::EventState::Unspecified => None,
            v1::EventState::Pending => Some(State::Pending),
            v1::EventState::InFlight => Some(State::InFlight),
            v1::EventState::Delivered => Some(State::Delivered),
            v1::EventState::Held => Some(State::Held),
            v1::EventState::DeadLetter => Some(State::DeadLetter),
            v1::EventState::Suppressed => Some(State::Suppressed),
            v1::EventState::WaitingJoin => Some(State::WaitingJoin),
        };
        let page = page(&request.page_token, request.page_size)?;
        let text = |text: String| Some(text).filter(|text| !text.is_empty());
        let held_pixels = self.held_pixels();
        let filter = EventFilter {
            name: text(request.event_name),
            state,
            order_id: text(request.order_id),
            pixel: text(request.pixel_id),
            received_from_ms: request.received_after.map(millis),
            received_before_ms: request.received_before.map(millis),
            held_pixels: held_pixels.clone(),
            ..EventFilter::default()
        };
        let events = self.insight.outbox().operators.list(filter, page).await?;
        let next = next_page(&events, page);
        Ok(v1::ListEventsResponse {
            events: events.into_iter().map(|event| summary(event, &held_pixels)).collect(),
            next_page_token: next,
        })
    }

    async fn get(&self, request: v1::GetEventRequest) -> Result<v1::GetEventResponse, Reject> {
        let id = EventId::parse(&request.event_id)
            .map_err(|fault| Reject::field("event_id", fault.to_string()))?;
        let text = |text: String| Some(text).filter(|text| !text.is_empty());
        let key = EventKey { id, name: text(request.event_name), pixel: text(request.pixel_id) };
        let mut found = self.insight.outbox().operators.find(key).await?;
        if found.len() > 1 {
            return Err(Reject::field("event_name", "and pixel_id are needed: several events carry this ID"));
        }
        let (event, attempts) = found.pop().ok_or(Reject::NotFound)?;
        Ok(v1::GetEventResponse {
            event: Some(summary(event, &self.held_pixels())),
            attempts: attempts.into_iter().map(attempt).collect(),
        })
    }

    async fn health(&self) -> v1::GetTrackingHealthResponse {
        let snapshot = self.insight.snapshot().await;
        let health = &snapshot.health;
        let status = match health.status {
            HealthStatus::Healthy => v1::HealthStatus::Healthy,
            HealthStatus::Degraded => v1::HealthStatus::Degraded,
            HealthStatus::Critical => v1::HealthStatus::Critical,
        };
        let last = &health.last_24h;
        v1::GetTrackingHealthResponse {
            status: status.into(),
            reasons: health.reasons.clone(),
            last_24h: Some(v1::Last24h {
                lead_events: last.lead_events,
                purchase_events: last.purchase_events,
                deduplication_rate: last.deduplication_rate,
                avg_response_time: last.avg_response_time,
                p99_response_time: last.p99_response_time,
                error_rate: last.error_rate,
                delivery_rate: last.delivery_rate,
                capi_timeout_rate: last.capi_timeout_rate,
            }),
            outbox: Some(v1::OutboxFigures {
                pending: health.outbox.pending,
                oldest_age_seconds: health.outbox.oldest_age_seconds,
                held: health.outbox.held,
                dead_letters: health.outbox.dead_letters,
            }),
            pixels: health
                .pixels
                .iter()
                .map(|pixel| v1::PixelFigures {
                    pixel_id: pixel.pixel_id.clone(),
                    state: pixel.state.to_owned(),
                    reason: pixel.reason.to_owned(),
                    calls_max: pixel.calls_max,
                })
                .collect(),
        }
    }
}

/// Reads where a page begins and how long it is.
pub(super) fn page(token: &str, size: u32) -> Result<Page, Reject> {
    let below_seq = match token {
        "" => None,
        token => Some(token.parse().map_err(|_| Reject::field("page_token", "is not one of ours"))?),
    };
    if size > PAGE_MAX {
        return Err(Reject::field("page_size", format!("must be at most {PAGE_MAX}")));
    }
    Ok(Page { below_seq, size: if size == 0 { PAGE_DEFAULT } else { size } as usize })
}

/// Where the next page begins; empty after the last.
pub(super) fn next_page(events: &[EventView], page: Page) -> String {
    let last = events.last().filter(|_| events.len() == page.size);
    last.map(|event| event.seq.to_string()).unwrap_or_default()
}

/// The state as an operator sees it: what waits for a held pixel is held.
pub(super) fn state_of(event: &EventView, held_pixels: &[String]) -> v1::EventState {
    match event.state {
        State::Pending if held_pixels.iter().any(|id| id == event.pixel.as_str()) => v1::EventState::Held,
        State::Pending => v1::EventState::Pending,
        State::InFlight => v1::EventState::InFlight,
        State::Delivered => v1::EventState::Delivered,
        State::Held => v1::EventState::Held,
        State::DeadLetter => v1::EventState::DeadLetter,
        State::Suppressed => v1::EventState::Suppressed,
        State::WaitingJoin => v1::EventState::WaitingJoin,
    }
}

pub(super) fn summary(event: EventView, held_pixels: &[String]) -> v1::EventSummary {
    let waits = matches!(event.state, State::Pending | State::WaitingJoin);
    v1::EventSummary {
        sequence: event.seq,
        state: state_of(&event, held_pixels).into(),
        pixel_id: event.pixel.into(),
        event_name: event.name.into(),
        event_id: event.id.into(),
        order_id: event.order_id.unwrap_or_default(),
        event_time: Some(Timestamp { seconds: event.time_s, nanos: 0 }),
        received_at: Some(timestamp(event.received_ms)),
        attempts: event.attempts,
        code: event.code.unwrap_or_default(),
        match_keys: event.keys.names().into_iter().map(str::to_owned).collect(),
        browser_outcome: event.browser.map(|outcome| outcome.name().to_owned()).unwrap_or_default(),
        browser_fired_at: event.fired_s.map(|seconds| Timestamp { seconds, nanos: 0 }),
        finished_at: event.finished_ms.map(timestamp),
        next_attempt_at: event.due_ms.filter(|_| waits).map(timestamp),
    }
}

pub(super) fn attempt(attempt: AttemptView) -> v1::DeliveryAttempt {
    v1::DeliveryAttempt {
        attempt_no: attempt.attempt_no,
        started_at: Some(timestamp(attempt.started_ms)),
        duration_ms: attempt.duration_ms,
        result: attempt.result,
        code: attempt.code,
        http_status: attempt.http_status.into(),
        meta_code: attempt.meta_code,
        meta_subcode: attempt.meta_subcode,
        fbtrace_id: attempt.fbtrace_id,
        batch_size: attempt.batch_size,
        blamed_path: attempt.blamed_path,
    }
}

pub(super) fn timestamp(unix_ms: i64) -> Timestamp {
    let nanos = i32::try_from(unix_ms.rem_euclid(1000) * 1_000_000).unwrap_or_default();
    Timestamp { seconds: unix_ms.div_euclid(1000), nanos }
}

pub(super) fn millis(at: Timestamp) -> i64 {
    at.seconds.saturating_mul(1000).saturating_add(i64::from(at.nanos) / 1_000_000)
}

pub(super) type Stream<T> = Pin<Box<dyn tokio_stream::Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl OperationsService for Operations {
    type WatchEventsStream = Stream<v1::WatchEventsResponse>;

    async fn get_tracking_health(
        &self,
        _request: Request<v1::GetTrackingHealthRequest>,
    ) -> Result<Response<v1::GetTrackingHealthResponse>, Status> {
        Ok(Response::new(self.health().await))
    }

    async fn list_events(
        &self,
        request: Request<v1::ListEventsRequest>,
    ) -> Result<Response<v1::ListEventsResponse>, Status> {
        Ok(Response::new(self.list(request.into_inner()).await?))
    }

    async fn get_event(
        &self,
        request: Request<v1::GetEventRequest>,
    ) -> Result<Response<v1::GetEventResponse>, Status> {
        Ok(Response::new(self.get(request.into_inner()).await?))
    }

    async fn watch_events(
        &self,
        request: Request<v1::WatchEventsRequest>,
    ) -> Result<Response<Self::WatchEventsStream>, Status> {
        Ok(Response::new(self.watch(request.into_inner())))
    }

    async fn list_dead_letters(
        &self,
        request: Request<v1::ListDeadLettersRequest>,
    ) -> Result<Response<v1::ListDeadLettersResponse>, Status> {
        Ok(Response::new(self.dead_letters(request.into_inner()).await?))
    }

    async fn get_dead_letter(
        &self,
        request: Request<v1::GetDeadLetterRequest>,
    ) -> Result<Response<v1::GetDeadLetterResponse>, Status> {
        Ok(Response::new(self.dead_letter(request.into_inner()).await?))
    }

    async fn replay_dead_letters(
        &self,
        request: Request<v1::ReplayDeadLettersRequest>,
    ) -> Result<Response<v1::ReplayDeadLettersResponse>, Status> {
        Ok(Response::new(self.replay(request.into_inner()).await?))
    }

    async fn purge_dead_letters(
        &self,
        request: Request<v1::PurgeDeadLettersRequest>,
    ) -> Result<Response<v1::PurgeDeadLettersResponse>, Status> {
        Ok(Response::new(self.purge(request.into_inner()).await?))
    }

    async fn pause_delivery(
        &self,
        request: Request<v1::PauseDeliveryRequest>,
    ) -> Result<Response<v1::PauseDeliveryResponse>, Status> {
        Ok(Response::new(self.pause(request.into_inner()).await?))
    }

    async fn resume_delivery(
        &self,
        request: Request<v1::ResumeDeliveryRequest>,
    ) -> Result<Response<v1::ResumeDeliveryResponse>, Status> {
        Ok(Response::new(self.resume(request.into_inner()).await?))
    }

    async fn erase_person(
        &self,
        request: Request<v1::ErasePersonRequest>,
    ) -> Result<Response<v1::ErasePersonResponse>, Status> {
        Ok(Response::new(self.erase(request.into_inner()).await?))
    }

    async fn list_orders(
        &self,
        request: Request<v1::ListOrdersRequest>,
    ) -> Result<Response<v1::ListOrdersResponse>, Status> {
        Ok(Response::new(self.orders(request.into_inner()).await?))
    }

    async fn get_order(
        &self,
        request: Request<v1::GetOrderRequest>,
    ) -> Result<Response<v1::GetOrderResponse>, Status> {
        Ok(Response::new(self.order(request.into_inner()).await?))
    }

    async fn diagnose(
        &self,
        request: Request<v1::DiagnoseRequest>,
    ) -> Result<Response<v1::DiagnoseResponse>, Status> {
        let asked = request.into_inner();
        Ok(Response::new(self.diagnosis.run(&self.insight, asked.send_test_event).await))
    }
}
