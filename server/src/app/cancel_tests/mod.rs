//! Callers who leave. Each RPC is dropped at each of its awaits, one after the other, over a real store and a Graph
//! API that answers at once. Whatever was committed is delivered within seconds, and every permit, place and waiter
//! comes back.

mod messages;

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use axum::Router;
use tandem_core::id::PixelId;
use tandem_proto::stubs::operations_service_client::OperationsServiceClient;
use tandem_proto::stubs::tracking_service_client::TrackingServiceClient;
use tandem_proto::stubs::tracking_service_server::TrackingService as _;
use tandem_proto::v1;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::{Code, Request, Status};
use tower::Layer as _;

use self::messages::*;
use super::assemble::{Parts, assemble};
use super::store;
use crate::api::caller::{Caller, Stranger};
use crate::api::{CallerLayer, CallerService, serve};
use crate::clock::Clock;
use crate::config::{Settings, Source};
use crate::delivery::PixelState;
use crate::outbox::{EventFilter, Outbox, Page, State};

const PIXEL: &str = "123456789012345";
const TOKEN: &str = "an-internal-token-of-the-suite";
const SECRET: &str = "cfsk_ma_test_of_the_suite";
/// Most awaits that an RPC may have.
const POLLS_MAX: u32 = 200;
/// Calls that are dropped at one await.
const TRIES: u32 = 4;
/// How long everything may take to come back: far less than a lease.
const SOON: Duration = Duration::from_secs(15);

type Call = Pin<Box<dyn Future<Output = Result<(), Status>> + Send>>;

/// A server without its ports.
struct Bench {
    parts: Parts,
    outbox: Outbox,
    port: CallerService<Routes>,
    pixel: PixelId,
    _dir: tempfile::TempDir,
    stop: CancellationToken,
}

impl Bench {
    async fn start() -> Self {
        drop(rustls::crypto::ring::default_provider().install_default());
        let app = Router::new()
            .fallback(|body: String| async move {
                format!("{{\"events_received\":{}}}", body.matches("\"event_id\"").count())
            })
            .layer(axum::extract::DefaultBodyLimit::disable());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let graph = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        let dir = tempfile::tempdir().unwrap();
        let settings = Settings::read(&Source::from_pairs([
            ("TANDEM_DATA_DIR", dir.path().to_str().unwrap()),
            ("META_GRAPH_URL", graph.as_str()),
            ("FACEBOOK_PIXEL_ID", PIXEL),
            ("FACEBOOK_ACCESS_TOKEN", "token"),
            ("TANDEM_INTERNAL_TOKEN", TOKEN),
            ("TANDEM_SHOP_URL", "https://shop.example/"),
            ("TANDEM_JOIN_WAIT", "100ms"),
            ("CASHFREE_CLIENT_SECRET", SECRET),
        ]))
        .unwrap();
        let (clock, stop) = (Clock::system(), CancellationToken::new());
        let outbox = store::open(&settings, &clock).unwrap();
        let parts = assemble(settings, outbox.clone(), clock, &stop).await.unwrap();
        let routes = serve::routes(parts.tracking.clone(), parts.operations.clone());
        let port = CallerLayer(Arc::clone(&parts.access)).layer(routes);
        Self { parts, outbox, port, pixel: PixelId::parse(PIXEL).unwrap(), _dir: dir, stop }
    }

    fn tracking(&self) -> TrackingServiceClient<CallerService<Routes>> {
        TrackingServiceClient::new(self.port.clone())
    }

    fn operations(&self) -> OperationsServiceClient<CallerService<Routes>> {
        OperationsServiceClient::new(self.port.clone())
    }

    async fn in_state(&self, state: State) -> usize {
        let filter = EventFilter { state: Some(state), ..EventFilter::default() };
        self.outbox.operators.list(filter, Page { below_seq: None, size: 10_000 }).await.unwrap().len()
    }

    /// Whether nothing is under way any more, and what still is.
    async fn rest(&self) -> Result<(), String> {
        let open = [State::Pending, State::InFlight, State::WaitingJoin];
        for state in open {
            let events = self.in_state(state).await;
            if events > 0 {
                return Err(format!("{events} events are {state:?}"));
            }
        }
        let (places, claims) =
            (self.parts.operations.delivery.taken_places(), self.parts.tracking.orders.waiting_claims());
        if places > 0 || claims > 0 || !self.parts.access.admission.is_idle() {
            return Err(format!("{places} places taken, {claims} claims wait, or a request is open"));
        }
        Ok(())
    }

    async fn settles(&self, what: &str) {
        let mut rest = self.rest().await;
        let end = tokio::time::Instant::now() + SOON;
        while let Err(why) = &rest {
            assert!(tokio::time::Instant::now() < end, "{what}: {why}");
            tokio::time::sleep(Duration::from_millis(20)).await;
            rest = self.rest().await;
        }
    }

    /// Makes calls, and drops them after one more poll each time, until they complete. Each gets a number of its
    /// own. The store may answer before the first poll ends, so each await has several tries.
    async fn drop_at_every_await(&self, what: &str, call: impl Fn(u32) -> Call) {
        for polls in 1..POLLS_MAX {
            let mut completed = 0;
            for n in 0..TRIES {
                if let Some(outcome) = dropped_after(polls, call(polls * TRIES + n)).await {
                    outcome.unwrap_or_else(|status| panic!("{what}: {status}"));
                    completed += 1;
                }
            }
            if completed == TRIES {
                return self.settles(what).await;
            }
        }
        panic!("{what} has no end");
    }
}

/// Polls a future so often, and drops it if it has not completed by then.
async fn dropped_after<F: Future + Unpin>(polls: u32, mut future: F) -> Option<F::Output> {
    let mut left = polls;
    let outcome = poll_fn(|context| {
        left -= 1;
        match Pin::new(&mut future).poll(context) {
            Poll::Ready(outcome) => Poll::Ready(Some(outcome)),
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await;
    drop(future);
    outcome
}

/// A call of a client, as a future that owns what it needs.
macro_rules! call {
    ($client:expr, $rpc:ident, $request:expr) => {{
        let mut client = $client;
        let request = $request;
        Box::pin(async move { client.$rpc(request).await.map(drop) }) as Call
    }};
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tracking_call_dropped_at_any_await_leaves_nothing_behind() {
    let bench = Bench::start().await;
    let tracking = || bench.tracking();
    bench
        .drop_at_every_await("CaptureLead", |n| call!(tracking(), capture_lead, Request::new(lead(n))))
        .await;
    let named = |n| Request::new(checkout(format!("T-{n}")));
    bench.drop_at_every_await("TrackEvent", |n| call!(tracking(), track_event, named(n))).await;
    let claim = |n| {
        let mut request = Request::new(purchase(format!("C-{n}")));
        request.set_timeout(Duration::from_millis(400));
        request
    };
    bench.drop_at_every_await("a claim", |n| call!(tracking(), record_purchase, claim(n))).await;
    let report = |n| internal(purchase(format!("R-{n}")));
    bench.drop_at_every_await("a report", |n| call!(tracking(), record_purchase, report(n))).await;
    let signed = |n| internal(webhook(&format!("W-{n}")));
    bench.drop_at_every_await("VerifyWebhook", |n| call!(tracking(), verify_webhook, signed(n))).await;
    let fired = || v1::Confirmation {
        event_name: "Lead".to_owned(),
        event_id: "0198c5f0-0000-7000-8000-000000000001".to_owned(),
        outcome: v1::Outcome::Fired.into(),
        ..Default::default()
    };
    let confirm = || v1::ConfirmBrowserEventsRequest { confirmations: vec![fired()], ..Default::default() };
    bench
        .drop_at_every_await("ConfirmBrowserEvents", |_| {
            call!(tracking(), confirm_browser_events, Request::new(confirm()))
        })
        .await;
    bench.stop.cancel();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_hears_of_a_payment_whose_caller_left() {
    let bench = Bench::start().await;
    let mut page = bench.tracking();
    let claim =
        tokio::spawn(async move { page.record_purchase(Request::new(purchase("N-1".to_owned()))).await });
    while bench.parts.tracking.orders.waiting_claims() == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let payment = call!(bench.tracking(), verify_webhook, internal(webhook("N-1")));
    dropped_after(1, payment).await;
    let answer = claim.await.unwrap().unwrap().into_inner();
    assert_eq!(answer.state(), v1::PurchaseState::Verified);
    bench.settles("a payment").await;
    bench.stop.cancel();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_whose_caller_left_waits_no_longer() {
    let bench = Bench::start().await;
    let mut page = bench.tracking();
    let claim =
        tokio::spawn(async move { page.record_purchase(Request::new(purchase("N-2".to_owned()))).await });
    while bench.parts.tracking.orders.waiting_claims() == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let left = std::time::Instant::now();
    claim.abort();
    while bench.parts.tracking.orders.waiting_claims() > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(left.elapsed() < Duration::from_secs(2), "its place is free at once, not after five seconds");
    bench.stop.cancel();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_dropped_at_any_await_leases_nothing_to_nobody() {
    let bench = Bench::start().await;
    let tracking = || bench.parts.tracking.clone();
    let stranger = || Caller::Stranger(Stranger::default());
    macro_rules! handler {
        ($rpc:ident, $request:expr) => {{
            let (tracking, request) = (tracking(), $request);
            Box::pin(async move { tracking.$rpc(request).await.map(drop) }) as Call
        }};
    }
    bench.drop_at_every_await("CaptureLead", |n| handler!(capture_lead, direct(lead(n), stranger()))).await;
    let named = |n| checkout(format!("T-{n}"));
    bench.drop_at_every_await("TrackEvent", |n| handler!(track_event, direct(named(n), stranger()))).await;
    let report = |n| purchase(format!("R-{n}"));
    bench
        .drop_at_every_await("a report", |n| handler!(record_purchase, direct(report(n), Caller::Internal)))
        .await;
    let signed = |n| webhook(&format!("W-{n}"));
    bench
        .drop_at_every_await("VerifyWebhook", |n| {
            handler!(verify_webhook, direct(signed(n), Caller::Internal))
        })
        .await;
    bench.stop.cancel();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operators_call_dropped_at_any_await_is_done_whole_or_not_at_all() {
    let bench = Bench::start().await;
    let operations = || bench.operations();
    macro_rules! reading {
        ($($rpc:ident($request:ident)),+ $(,)?) => {$(
            let request = || internal(v1::$request::default());
            bench.drop_at_every_await(stringify!($rpc), |_| call!(operations(), $rpc, request())).await;
        )+};
    }
    reading!(
        get_tracking_health(GetTrackingHealthRequest),
        list_events(ListEventsRequest),
        watch_events(WatchEventsRequest),
        list_dead_letters(ListDeadLettersRequest),
        list_orders(ListOrdersRequest),
        diagnose(DiagnoseRequest),
    );
    let erase = || v1::ErasePersonRequest { email: Some("a1@example.com".to_owned()), ..Default::default() };
    bench.drop_at_every_await("ErasePerson", |_| call!(operations(), erase_person, internal(erase()))).await;
    let replay = || v1::ReplayDeadLettersRequest { all: true, ..Default::default() };
    bench
        .drop_at_every_await("Replay", |_| call!(operations(), replay_dead_letters, internal(replay())))
        .await;
    let purge = || v1::PurgeDeadLettersRequest { all: true, ..Default::default() };
    bench.drop_at_every_await("Purge", |_| call!(operations(), purge_dead_letters, internal(purge()))).await;
    for missing in ["get_event", "get_dead_letter", "get_order"] {
        bench
            .drop_at_every_await(missing, |_| {
                let mut client = operations();
                let id = "0198c5f0-0000-7000-8000-00000000000f".to_owned();
                Box::pin(async move {
                    let status = match missing {
                        "get_event" => {
                            let request = v1::GetEventRequest { event_id: id, ..Default::default() };
                            client.get_event(internal(request)).await.map(drop)
                        }
                        "get_dead_letter" => {
                            let request = v1::GetDeadLetterRequest { event_id: id, ..Default::default() };
                            client.get_dead_letter(internal(request)).await.map(drop)
                        }
                        _ => {
                            let request = v1::GetOrderRequest { order_id: id };
                            client.get_order(internal(request)).await.map(drop)
                        }
                    };
                    match status {
                        Err(status) if status.code() == Code::NotFound => Ok(()),
                        other => other,
                    }
                })
            })
            .await;
    }
    pause_and_resume(&bench).await;
    bench.stop.cancel();
}

/// What the store remembers of a pause is what the worker does.
async fn pause_and_resume(bench: &Bench) {
    let operations = || bench.operations();
    let agrees = async |what: &str| {
        let end = tokio::time::Instant::now() + SOON;
        while !bench.parts.access.admission.is_idle() {
            assert!(tokio::time::Instant::now() < end, "{what} is still open");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        // What was queued before it is written.
        bench.outbox.operators.probe().await.unwrap();
        loop {
            let stored = bench.outbox.operators.paused().await.unwrap().contains(&bench.pixel);
            let shown = bench.parts.operations.delivery.board().get(&bench.pixel).unwrap().state;
            if stored == (shown == PixelState::Held) {
                return;
            }
            assert!(
                tokio::time::Instant::now() < end,
                "{what}: stored as paused: {stored}, shown: {shown:?}"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    for polls in 1..POLLS_MAX {
        let pause = call!(operations(), pause_delivery, internal(v1::PauseDeliveryRequest::default()));
        let paused = dropped_after(polls, pause).await.is_some();
        agrees("PauseDelivery").await;
        let resume = call!(operations(), resume_delivery, internal(v1::ResumeDeliveryRequest::default()));
        let resumed = dropped_after(polls, resume).await.is_some();
        agrees("ResumeDelivery").await;
        if paused && resumed {
            return;
        }
    }
    panic!("a pause has no end");
}
