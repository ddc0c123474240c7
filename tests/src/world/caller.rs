//! A caller over native gRPC: a service of the shop, the gateway, or a stranger.

use std::time::Duration;

use tandem_proto::stubs::operations_service_client::OperationsServiceClient;
use tandem_proto::stubs::tracking_service_client::TrackingServiceClient;
use tandem_proto::v1;
use tonic::transport::{Channel, ClientTlsConfig, Endpoint};
use tonic::{Request, Status};

/// A connection to the server, and what each of its calls carries.
#[derive(Debug, Clone)]
pub struct Caller {
    channel: Channel,
    headers: Vec<(&'static str, String)>,
    deadline: Option<Duration>,
}

macro_rules! rpcs {
    ($client:ident: $($(#[$meta:meta])* $name:ident($request:ident) -> $answer:ident;)+) => {$(
        $(#[$meta])*
        ///
        /// # Errors
        /// The server's status.
        pub async fn $name(&self, message: v1::$request) -> Result<v1::$answer, Status> {
            let mut client = $client::new(self.channel.clone());
            client.$name(self.request(message)).await.map(tonic::Response::into_inner)
        }
    )+};
}

impl Caller {
    /// Connects to `endpoint` on the first call.
    ///
    /// # Errors
    /// When `endpoint` is not an address.
    pub fn new(endpoint: &str) -> anyhow::Result<Self> {
        let channel = Endpoint::from_shared(endpoint.to_owned())?.connect_lazy();
        Ok(Self { channel, headers: Vec::new(), deadline: None })
    }

    /// Connects to `endpoint` over TLS on the first call.
    ///
    /// # Errors
    /// When `endpoint` is not an address or a certificate cannot be used.
    pub fn over_tls(endpoint: &str, tls: ClientTlsConfig) -> anyhow::Result<Self> {
        let channel = Endpoint::from_shared(endpoint.to_owned())?.tls_config(tls)?.connect_lazy();
        Ok(Self { channel, headers: Vec::new(), deadline: None })
    }

    /// Adds a token to every call.
    #[must_use]
    pub fn with_token(self, token: &str) -> Self {
        self.with_header("authorization", format!("Bearer {token}"))
    }

    /// Adds a header to every call.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Adds a deadline (`grpc-timeout`) to every call.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// The connection, for clients of other services.
    #[must_use]
    pub fn channel(&self) -> Channel {
        self.channel.clone()
    }

    fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        for (name, value) in &self.headers {
            let value = value.parse().expect("headers of the suites are ASCII");
            request.metadata_mut().insert(*name, value);
        }
        if let Some(deadline) = self.deadline {
            request.set_timeout(deadline);
        }
        request
    }

    rpcs! { TrackingServiceClient:
        /// `CaptureLead`
        capture_lead(CaptureLeadRequest) -> CaptureLeadResponse;
        /// `TrackEvent`
        track_event(TrackEventRequest) -> TrackEventResponse;
        /// `RecordPurchase`
        record_purchase(RecordPurchaseRequest) -> RecordPurchaseResponse;
        /// `ConfirmBrowserEvents`
        confirm_browser_events(ConfirmBrowserEventsRequest) -> ConfirmBrowserEventsResponse;
        /// `VerifyWebhook`
        verify_webhook(VerifyWebhookRequest) -> VerifyWebhookResponse;
    }

    rpcs! { OperationsServiceClient:
        /// `GetTrackingHealth`
        get_tracking_health(GetTrackingHealthRequest) -> GetTrackingHealthResponse;
        /// `ListEvents`
        list_events(ListEventsRequest) -> ListEventsResponse;
        /// `GetEvent`
        get_event(GetEventRequest) -> GetEventResponse;
        /// `ListDeadLetters`
        list_dead_letters(ListDeadLettersRequest) -> ListDeadLettersResponse;
        /// `GetDeadLetter`
        get_dead_letter(GetDeadLetterRequest) -> GetDeadLetterResponse;
        /// `PurgeDeadLetters`
        purge_dead_letters(PurgeDeadLettersRequest) -> PurgeDeadLettersResponse;
        /// `ReplayDeadLetters`
        replay_dead_letters(ReplayDeadLettersRequest) -> ReplayDeadLettersResponse;
        /// `PauseDelivery`
        pause_delivery(PauseDeliveryRequest) -> PauseDeliveryResponse;
        /// `ResumeDelivery`
        resume_delivery(ResumeDeliveryRequest) -> ResumeDeliveryResponse;
        /// `ErasePerson`
        erase_person(ErasePersonRequest) -> ErasePersonResponse;
        /// `GetClock`
        get_clock(GetClockRequest) -> GetClockResponse;
        /// `ConfirmClock`
        confirm_clock(ConfirmClockRequest) -> ConfirmClockResponse;
        /// `ListOrders`
        list_orders(ListOrdersRequest) -> ListOrdersResponse;
        /// `GetOrder`
        get_order(GetOrderRequest) -> GetOrderResponse;
    }

    /// Calls the RPC at `path` (`/package.Service/Method`) with an empty message. Returns when the answer begins.
    ///
    /// # Errors
    /// The server's status.
    pub async fn call_empty(&self, path: &str) -> Result<(), Status> {
        let mut client = tonic::client::Grpc::new(self.channel.clone());
        client.ready().await.map_err(|error| Status::unknown(error.to_string()))?;
        let path = path.parse().map_err(|error| Status::invalid_argument(format!("{path}: {error}")))?;
        let codec = tonic_prost::ProstCodec::<(), ()>::default();
        client.server_streaming(self.request(()), path, codec).await.map(drop)
    }

    /// Calls `WatchEvents`. Returns when the stream begins.
    ///
    /// # Errors
    /// The server's status.
    pub async fn watch_events(
        &self,
        message: v1::WatchEventsRequest,
    ) -> Result<tonic::Streaming<v1::WatchEventsResponse>, Status> {
        let mut client = OperationsServiceClient::new(self.channel.clone());
        client.watch_events(self.request(message)).await.map(tonic::Response::into_inner)
    }
}
