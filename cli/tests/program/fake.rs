//! A server that answers from memory and remembers what it was asked.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tandem_proto::stubs::operations_service_server::{OperationsService, OperationsServiceServer};
use tandem_proto::v1::*;
use tokio::net::TcpListener;
use tokio_stream::Stream;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status};

use crate::TOKEN;

/// A server with 2,500 events that remembers what it was asked.
#[derive(Clone, Default)]
pub(crate) struct Fake {
    pub(crate) health: Arc<Mutex<HealthStatus>>,
    pub(crate) asked: Arc<Mutex<Vec<ListEventsRequest>>>,
    pub(crate) calls: Arc<Mutex<Vec<Call>>>,
    /// How many more steps replaying and purging take.
    pub(crate) steps_more: u64,
    /// How long such a step takes.
    pub(crate) step_takes: Duration,
}

/// A request that changes something, or asks for dead letters or changes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Call {
    Watch(WatchEventsRequest),
    DeadLetters(ListDeadLettersRequest),
    DeadLetter(GetDeadLetterRequest),
    Replay(ReplayDeadLettersRequest),
    Purge(PurgeDeadLettersRequest),
    Pause(PauseDeliveryRequest),
    Resume(ResumeDeliveryRequest),
    Erase(ErasePersonRequest),
    Orders(ListOrdersRequest),
    Diagnose(DiagnoseRequest),
}

impl Fake {
    fn note<T>(&self, request: Request<T>, kind: fn(T) -> Call) -> Result<(), Status> {
        check(&request)?;
        self.calls.lock().expect("no test panics with the lock").push(kind(request.into_inner()));
        Ok(())
    }

    /// The token after `token`. Empty after the last step.
    async fn step(&self, token: &str) -> String {
        tokio::time::sleep(self.step_takes).await;
        let done: u64 = token.parse().unwrap_or(0);
        if done < self.steps_more { (done + 1).to_string() } else { String::new() }
    }
}

const EVENTS: u64 = 2_500;

fn check<T>(request: &Request<T>) -> Result<(), Status> {
    let given = request.metadata().get("authorization").and_then(|value| value.to_str().ok());
    if given == Some(&format!("Bearer {TOKEN}")) { Ok(()) } else { Err(Status::unauthenticated("no")) }
}

fn event(sequence: u64) -> EventSummary {
    EventSummary {
        sequence,
        event_name: "Lead".to_owned(),
        event_id: format!("id-{sequence}"),
        state: EventState::Delivered.into(),
        ..EventSummary::default()
    }
}

#[tonic::async_trait]
impl OperationsService for Fake {
    async fn get_tracking_health(
        &self,
        request: Request<GetTrackingHealthRequest>,
    ) -> Result<Response<GetTrackingHealthResponse>, Status> {
        check(&request)?;
        let status = (*self.health.lock().expect("no test panics with the lock")).into();
        Ok(Response::new(GetTrackingHealthResponse { status, ..Default::default() }))
    }

    async fn list_events(
        &self,
        request: Request<ListEventsRequest>,
    ) -> Result<Response<ListEventsResponse>, Status> {
        check(&request)?;
        let request = request.into_inner();
        self.asked.lock().expect("no test panics with the lock").push(request.clone());
        let from: u64 = request.page_token.parse().unwrap_or(0);
        let to = (from + u64::from(request.page_size)).min(EVENTS);
        let next_page_token = if to < EVENTS { to.to_string() } else { String::new() };
        Ok(Response::new(ListEventsResponse { events: (from..to).map(event).collect(), next_page_token }))
    }

    async fn get_event(
        &self,
        request: Request<GetEventRequest>,
    ) -> Result<Response<GetEventResponse>, Status> {
        check(&request)?;
        match request.into_inner().event_id.as_str() {
            "id-1" => Ok(Response::new(GetEventResponse { event: Some(event(1)), attempts: Vec::new() })),
            _ => Err(Status::not_found("no event has this ID")),
        }
    }

    async fn get_clock(
        &self,
        request: Request<GetClockRequest>,
    ) -> Result<Response<GetClockResponse>, Status> {
        check(&request)?;
        let waiting = 2;
        Ok(Response::new(GetClockResponse { doubt: "jumped".to_owned(), waiting, ..Default::default() }))
    }

    async fn confirm_clock(
        &self,
        request: Request<ConfirmClockRequest>,
    ) -> Result<Response<ConfirmClockResponse>, Status> {
        check(&request)?;
        Ok(Response::new(ConfirmClockResponse::default()))
    }

    async fn diagnose(
        &self,
        request: Request<DiagnoseRequest>,
    ) -> Result<Response<DiagnoseResponse>, Status> {
        let send_test_event = request.get_ref().send_test_event;
        self.note(request, Call::Diagnose)?;
        let now = std::time::SystemTime::now();
        let finding = Finding {
            check: "test_event".to_owned(),
            subject: "123456789012345".to_owned(),
            level: if send_test_event { FindingLevel::Failed } else { FindingLevel::Skipped }.into(),
            code: "test_event_code_missing".to_owned(),
            detail: "none was sent\u{1b}[2J".to_owned(),
            advice: "set FACEBOOK_TEST_EVENT_CODE".to_owned(),
        };
        Ok(Response::new(DiagnoseResponse {
            server_version: env!("CARGO_PKG_VERSION").to_owned(),
            server_time: Some(now.into()),
            pixel_ids: vec!["123456789012345".to_owned()],
            cashfree_environment: "SANDBOX".to_owned(),
            findings: vec![finding],
            ..DiagnoseResponse::default()
        }))
    }

    type WatchEventsStream = Pin<Box<dyn Stream<Item = Result<WatchEventsResponse, Status>> + Send>>;

    /// Two changes; then the stream ends, as with a server that stops.
    async fn watch_events(
        &self,
        request: Request<WatchEventsRequest>,
    ) -> Result<Response<Self::WatchEventsStream>, Status> {
        self.note(request, Call::Watch)?;
        let accepted = EventSummary { state: EventState::Pending.into(), ..event(1) };
        let changes = [accepted, event(1)].map(|event| Ok(WatchEventsResponse { event: Some(event) }));
        Ok(Response::new(Box::pin(tokio_stream::iter(changes))))
    }

    async fn list_dead_letters(
        &self,
        request: Request<ListDeadLettersRequest>,
    ) -> Result<Response<ListDeadLettersResponse>, Status> {
        self.note(request, Call::DeadLetters)?;
        let letter = EventSummary {
            state: EventState::DeadLetter.into(),
            code: "meta_refused".to_owned(),
            ..event(9)
        };
        let webhook =
            WebhookDeadLetter { code: "webhook_unreadable".to_owned(), body_bytes: 12, ..Default::default() };
        Ok(Response::new(ListDeadLettersResponse {
            events: vec![letter],
            webhooks: vec![webhook],
            next_page_token: "9".to_owned(),
            next_webhook_page_token: "4".to_owned(),
        }))
    }

    async fn get_dead_letter(
        &self,
        request: Request<GetDeadLetterRequest>,
    ) -> Result<Response<GetDeadLetterResponse>, Status> {
        let asked = request.get_ref().clone();
        self.note(request, Call::DeadLetter)?;
        let page = Some(CodePage {
            code: "meta_refused".to_owned(),
            what_to_do: "Mend it.".to_owned(),
            path: "docs/codes/meta_refused.md".to_owned(),
            ..CodePage::default()
        });
        let webhook = WebhookDeadLetter { sequence: 4, ..WebhookDeadLetter::default() };
        match asked.event_id.as_str() {
            "id-9" => Ok(Response::new(GetDeadLetterResponse {
                event: Some(event(9)),
                replay: ReplayVerdict::Ready.into(),
                page,
                ..GetDeadLetterResponse::default()
            })),
            "" => Ok(Response::new(GetDeadLetterResponse {
                webhook: Some(webhook),
                replay: ReplayVerdict::Webhook.into(),
                ..GetDeadLetterResponse::default()
            })),
            _ => Err(Status::not_found("the event is no dead letter")),
        }
    }

    async fn replay_dead_letters(
        &self,
        request: Request<ReplayDeadLettersRequest>,
    ) -> Result<Response<ReplayDeadLettersResponse>, Status> {
        let asked = request.get_ref().clone();
        self.note(request, Call::Replay)?;
        if !asked.all && asked.filter.unwrap_or_default() == DeadLetterFilter::default() {
            return Err(Status::invalid_argument("filter: is empty"));
        }
        Ok(Response::new(ReplayDeadLettersResponse {
            replayed: 7,
            skipped_double_count: 2,
            skipped_unsendable: 1,
            skipped_webhooks: 0,
            next_page_token: self.step(&asked.page_token).await,
        }))
    }

    async fn purge_dead_letters(
        &self,
        request: Request<PurgeDeadLettersRequest>,
    ) -> Result<Response<PurgeDeadLettersResponse>, Status> {
        let asked = request.get_ref().clone();
        self.note(request, Call::Purge)?;
        Ok(Response::new(PurgeDeadLettersResponse {
            purged_events: 5,
            purged_webhooks: 1,
            next_page_token: self.step(&asked.page_token).await,
        }))
    }

    async fn pause_delivery(
        &self,
        request: Request<PauseDeliveryRequest>,
    ) -> Result<Response<PauseDeliveryResponse>, Status> {
        self.note(request, Call::Pause)?;
        Ok(Response::new(PauseDeliveryResponse { pixels: 1 }))
    }

    async fn resume_delivery(
        &self,
        request: Request<ResumeDeliveryRequest>,
    ) -> Result<Response<ResumeDeliveryResponse>, Status> {
        self.note(request, Call::Resume)?;
        Ok(Response::new(ResumeDeliveryResponse { pixels: 2 }))
    }

    async fn erase_person(
        &self,
        request: Request<ErasePersonRequest>,
    ) -> Result<Response<ErasePersonResponse>, Status> {
        self.note(request, Call::Erase)?;
        Ok(Response::new(ErasePersonResponse { events: 3, orders: 1, leaves_traces: false }))
    }

    async fn list_orders(
        &self,
        request: Request<ListOrdersRequest>,
    ) -> Result<Response<ListOrdersResponse>, Status> {
        let asked = request.get_ref().clone();
        self.note(request, Call::Orders)?;
        let from: u64 = asked.page_token.parse().unwrap_or(0);
        let to = (from + u64::from(asked.page_size)).min(EVENTS);
        let next_page_token = if to < EVENTS { to.to_string() } else { String::new() };
        Ok(Response::new(ListOrdersResponse { orders: (from..to).map(order).collect(), next_page_token }))
    }

    async fn get_order(
        &self,
        request: Request<GetOrderRequest>,
    ) -> Result<Response<GetOrderResponse>, Status> {
        check(&request)?;
        match request.into_inner().order_id.as_str() {
            "KB-1" => Ok(Response::new(GetOrderResponse { order: Some(order(1)), ..Default::default() })),
            _ => Err(Status::not_found("there is no such order")),
        }
    }
}

fn order(sequence: u64) -> OrderSummary {
    OrderSummary { order_id: format!("KB-{sequence}"), purchase: "placed".to_owned(), ..Default::default() }
}

pub(crate) async fn start(fake: &Fake) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("the fake can listen");
    let addr = listener.local_addr().expect("a listener has an address");
    let server = tonic::transport::Server::builder().add_service(OperationsServiceServer::new(fake.clone()));
    tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
    addr
}
