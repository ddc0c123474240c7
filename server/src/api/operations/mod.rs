//! `OperationsService`: what an operator asks over gRPC.

mod control;
mod dead_letter_work;
mod dead_letters;
mod diagnose;
mod erase;
mod events;
mod health;
mod orders;

use std::pin::Pin;
use std::sync::Arc;

use prost_types::Timestamp;
use tandem_proto::stubs::operations_service_server::OperationsService;
use tandem_proto::v1;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

use crate::api::Reject;
use crate::api::decode::Decoder;
use crate::delivery::{Delivery, PixelState};
use crate::insight::diagnosis::Diagnosis;
use crate::insight::health::Insight;
use crate::orders::Orders;
use crate::outbox::{EventStore, EventView, OperatorStore, Page};

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
    pub orders: Arc<Orders>,
    /// Lists and chores.
    pub operators: Arc<dyn OperatorStore>,
    /// Erases people.
    pub events: Arc<dyn EventStore>,
    /// Reads match keys.
    pub decoder: Arc<Decoder>,
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

pub(crate) fn timestamp(unix_ms: i64) -> Timestamp {
    let nanos = i32::try_from(unix_ms.rem_euclid(1000) * 1_000_000).unwrap_or_default();
    Timestamp { seconds: unix_ms.div_euclid(1000), nanos }
}

pub(super) fn millis(at: Timestamp) -> i64 {
    at.seconds.saturating_mul(1000).saturating_add(i64::from(at.nanos) / 1_000_000)
}

pub(crate) type Stream<T> = Pin<Box<dyn tokio_stream::Stream<Item = Result<T, Status>> + Send>>;

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
        Ok(Response::new(self.events(request.into_inner()).await?))
    }

    async fn get_event(
        &self,
        request: Request<v1::GetEventRequest>,
    ) -> Result<Response<v1::GetEventResponse>, Status> {
        Ok(Response::new(self.event(request.into_inner()).await?))
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
        Ok(Response::new(self.diagnose_deployment(request.get_ref()).await))
    }
}
