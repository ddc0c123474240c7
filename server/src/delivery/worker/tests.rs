//! One pixel's loop with a fake Graph API that answers at once.

use std::sync::Mutex;
use std::sync::atomic::AtomicUsize;

use axum::Router;
use tandem_core::order::Environment;

use super::*;
use crate::config::{Settings, Source};
use crate::outbox::conformance::{self, NOW_MS};
use crate::outbox::embedded::Embedded;
use crate::outbox::{
    Appended, AttemptResult, CallRecord, EventFilter, Initial, NewEvent, Outbox, Page, State, StoreError,
};

/// Enough events for the window to open wide: then some call has always just ended.
const BACKLOG: u32 = 40_000;

/// A Graph API that takes everything, and notes each call's body. Returns its address.
async fn graph(calls: &Arc<Mutex<Vec<String>>>) -> String {
    drop(rustls::crypto::ring::default_provider().install_default());
    let noted = Arc::clone(calls);
    let app = Router::new()
        .fallback(move |body: String| {
            let received = body.matches("\"event_id\"").count();
            noted.lock().unwrap().push(body);
            async move { format!("{{\"events_received\":{received}}}") }
        })
        .layer(axum::extract::DefaultBodyLimit::disable());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    url
}

/// Starts the worker of the suite's pixel.
fn deliver(
    graph: &str,
    queue: &Arc<dyn DeliveryQueue>,
    clock: &Clock,
    stop: &CancellationToken,
) -> (Delivery, Vec<JoinHandle<()>>) {
    let pixel = conformance::pixel();
    let source = Source::from_pairs([
        ("META_GRAPH_URL", graph),
        ("FACEBOOK_PIXEL_ID", pixel.as_str()),
        ("FACEBOOK_ACCESS_TOKEN", "token"),
    ]);
    let settings = Settings::read(&source).unwrap();
    let graph = Graph::new(&settings.meta, clock.clone()).unwrap();
    let pixels: Vec<_> = settings.pixels.into_iter().map(Arc::new).collect();
    start(&pixels, &[], &graph, queue, clock, &Arc::new(Metrics::default()), stop)
}

/// A queue that fails at first: so many results end in a panic, so many releases are refused.
#[derive(Debug)]
struct FailsAtFirst {
    queue: Arc<dyn DeliveryQueue>,
    panics: AtomicUsize,
    refusals: AtomicUsize,
}

/// Takes one of what is left.
fn take_one(left: &AtomicUsize) -> bool {
    left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
}

#[async_trait::async_trait]
impl DeliveryQueue for FailsAtFirst {
    async fn has_due(&self, pixel: PixelId) -> Result<bool, StoreError> {
        self.queue.has_due(pixel).await
    }

    async fn lease(
        &self,
        pixel: PixelId,
        max: usize,
        span: Duration,
    ) -> Result<Vec<LeasedEvent>, StoreError> {
        self.queue.lease(pixel, max, span).await
    }

    async fn record(&self, call: CallRecord, results: Vec<AttemptResult>) -> Result<(), StoreError> {
        assert!(!take_one(&self.panics), "as a test wants it");
        self.queue.record(call, results).await
    }

    async fn release(&self, leases: Vec<(u64, u32)>) -> Result<(), StoreError> {
        if take_one(&self.refusals) {
            return Err(StoreError::Unavailable("as a test wants it".into()));
        }
        self.queue.release(leases).await
    }

    async fn hold_other_environments(&self, environment: Environment) -> Result<u64, StoreError> {
        self.queue.hold_other_environments(environment).await
    }

    async fn release_held(&self, code: &str, environment: Environment) -> Result<u64, StoreError> {
        self.queue.release_held(code, environment).await
    }

    async fn expire(&self, max: usize) -> Result<usize, StoreError> {
        self.queue.expire(max).await
    }
}

/// A worker over a queue that fails at first.
struct Bench {
    outbox: Outbox,
    delivery: Delivery,
    workers: Vec<JoinHandle<()>>,
    stop: CancellationToken,
    _dir: tempfile::TempDir,
}

impl Bench {
    async fn start(panics: usize, refusals: usize) -> Self {
        let url = graph(&Arc::default()).await;
        let (dir, clock) = (tempfile::tempdir().unwrap(), Clock::system());
        let outbox = Outbox::new(Embedded::open(dir.path(), clock.clone()).unwrap());
        let (panics, refusals) = (panics.into(), refusals.into());
        let queue: Arc<dyn DeliveryQueue> =
            Arc::new(FailsAtFirst { queue: Arc::clone(&outbox.queue), panics, refusals });
        let stop = CancellationToken::new();
        let (delivery, workers) = deliver(&url, &queue, &clock, &stop);
        Self { outbox, delivery, workers, stop, _dir: dir }
    }

    /// Stores a lead of now.
    async fn append(&self, n: u32, initial: Initial) -> NewEvent {
        let now_ms = Clock::system().now_ms();
        let lead = conformance::event(n);
        let lead = NewEvent { time_s: now_ms / 1000, received_ms: now_ms, initial, ..lead };
        assert!(matches!(self.outbox.events.append(lead.clone()).await, Ok(Appended::New { .. })));
        lead
    }

    /// Expects that so many events are delivered long before a lease ends.
    async fn expect_delivered(self, wanted: usize) {
        let all = async {
            loop {
                let filter = EventFilter { state: Some(State::Delivered), ..EventFilter::default() };
                let page = Page { below_seq: None, size: 100 };
                if self.outbox.operators.list(filter, page).await.unwrap().len() >= wanted {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), all).await.expect("long before a lease ends");
        self.stop.cancel();
        for worker in self.workers {
            worker.await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_panics_gives_its_permit_and_its_events_back() {
    // More often than the first window has room for calls.
    let bench = Bench::start(3, 0).await;
    for n in 0..10 {
        bench.append(n, Initial::Pending).await;
    }
    bench.expect_delivered(10).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_that_cannot_be_given_back_now_are_given_back_later() {
    let bench = Bench::start(0, 2).await;
    let pixel = conformance::pixel();
    let place = bench.delivery.reserve(&pixel).expect("the pixel delivers");
    bench.delivery.set_paused(&pixel, true);
    bench.append(0, Initial::Leased(place)).await;
    bench.delivery.put_back().await;
    bench.delivery.set_paused(&pixel, false);
    bench.expect_delivered(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_waited_too_long_in_memory_is_given_back() {
    let bench = Bench::start(0, 0).await;
    let lead = bench.append(0, conformance::Holder::default().lease()).await;
    let found = bench.outbox.operators.find(conformance::key(0)).await.unwrap().remove(0).0;
    let waited = LeasedEvent {
        seq: found.seq,
        lease_no: 1,
        lease_ends: std::time::Instant::now(),
        attempts: 0,
        last_code: None,
        time_s: lead.time_s,
        environment: lead.environment,
        fired_s: None,
        payload: lead.payload,
    };
    bench.delivery.queues[&conformance::pixel()].fresh.send(waited).await.unwrap();
    bench.expect_delivered(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fresh_event_overtakes_a_backlog_however_fast_meta_answers() {
    let calls = Arc::new(Mutex::new(Vec::<String>::new()));
    let url = graph(&calls).await;
    let dir = tempfile::tempdir().unwrap();
    let clock = Clock::fixed(NOW_MS + 60_000);
    let outbox = Outbox::new(Embedded::open(dir.path(), clock.clone()).unwrap());
    for part in 0..BACKLOG / 10_000 {
        let appends = (0..10_000).map(|n| outbox.events.append(conformance::event(part * 10_000 + n)));
        futures_util::future::try_join_all(appends).await.unwrap();
    }
    let stop = CancellationToken::new();
    let (delivery, workers) = deliver(&url, &outbox.queue, &clock, &stop);
    while calls.lock().unwrap().len() < 12 {
        tokio::task::yield_now().await;
    }

    let place = delivery.reserve(&conformance::pixel()).expect("the pixel delivers");
    let fresh = NewEvent { initial: Initial::Leased(place), ..conformance::event(BACKLOG) };
    assert!(matches!(outbox.events.append(fresh.clone()).await, Ok(Appended::New { .. })));
    let sent =
        || calls.lock().unwrap().iter().map(|body| body.matches("\"event_id\"").count()).sum::<usize>();
    tokio::time::timeout(Duration::from_secs(60), async {
        while sent() <= BACKLOG as usize {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .expect("everything is sent");
    let place = calls.lock().unwrap().iter().position(|body| body.contains(fresh.id.as_str()));
    let place = place.expect("it was sent");
    let last = calls.lock().unwrap().len() - 1;
    assert!(place < last, "the fresh event came in call {place}, the last one");
    stop.cancel();
    for worker in workers {
        worker.await.unwrap();
    }
}
