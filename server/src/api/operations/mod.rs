//! `OperationsService`: the handlers. Each file has the RPCs of one concern.

mod clock;
mod control;
mod dead_letter_work;
mod dead_letters;
mod diagnose;
mod erase;
mod events;
mod health;
mod orders;
mod service;
mod wire;

pub use service::Operations;

use tandem_proto::stubs::operations_service_server::OperationsService;
use tandem_proto::v1;
use tonic::{Request, Response, Status};

use wire::Stream;

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

    async fn get_clock(
        &self,
        _request: Request<v1::GetClockRequest>,
    ) -> Result<Response<v1::GetClockResponse>, Status> {
        Ok(Response::new(self.clock().await?))
    }

    async fn confirm_clock(
        &self,
        _request: Request<v1::ConfirmClockRequest>,
    ) -> Result<Response<v1::ConfirmClockResponse>, Status> {
        Ok(Response::new(self.confirm_clock().await?))
    }

    async fn diagnose(
        &self,
        request: Request<v1::DiagnoseRequest>,
    ) -> Result<Response<v1::DiagnoseResponse>, Status> {
        Ok(Response::new(self.diagnose_deployment(request.get_ref()).await))
    }
}
