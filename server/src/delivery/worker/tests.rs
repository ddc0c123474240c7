//! The loop of one pixel against a Graph API that answers at once.

use std::sync::Mutex;
use std::sync::atomic::AtomicUsize;

use axum::Router;

use super::*;
use crate::config::{Settings, Source};
use crate::outbox::conformance::{self, NOW_MS};
use crate::outbox::embedded::Embedded;
use crate::outbox::{
    Appended, AttemptResult, CallRecord, EventFilter, Initial, NewEvent, Outbox, Page, State, StoreError,
};

/// Enough for the window to open wide: then a call has always just ended.
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
    let graph = Graph::new(&settings.meta).unwrap();
    let pixels: Vec<_> = settings.pixels.into_iter().map(Arc::new).collect();
    start(&pixels, &[], &graph, queue, clock, &Arc::new(Metrics::default()), stop)
}

/// A queue whose first results end in a panic.
#[derive(Debug)]
struct PanicsAtFirst {
    queue: Arc<dyn DeliveryQueue>,
    left: AtomicUsize,
}

#[async_trait::async_trait]
impl DeliveryQueue for PanicsAtFirst {
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
        let is_left = |left: usize| left.checked_sub(1);
        if self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, is_left).is_ok() {
            panic!("as a test wants it");
        }
        self.queue.record(call, results).await
    }

    async fn release(&self, leases: Vec<(u64, u32)>) -> Result<(), StoreError> {
        self.queue.release(leases).await
    }

    async fn release_held(&self, code: &str) -> Result<u64, StoreError> {
        self.queue.release_held(code).await
    }

    async fn expire(&self, max: usize) -> Result<usize, StoreError> {
        self.queue.expire(max).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_panics_gives_its_permit_and_its_events_back() {
    let calls = Arc::new(Mutex::new(Vec::<String>::new()));
    let url = graph(&calls).await;
    let dir = tempfile::tempdir().unwrap();
    let clock = Clock::system();
    let outbox = Outbox::new(Embedded::open(dir.path(), clock.clone()).unwrap());
    // More than the first window has room for, so that a permit that is gone stops everything.
    let queue = PanicsAtFirst { queue: Arc::clone(&outbox.queue), left: AtomicUsize::new(3) };
    let queue: Arc<dyn DeliveryQueue> = Arc::new(queue);
    for n in 0..10 {
        let fresh = NewEvent { time_s: clock.now_s(), received_ms: clock.now_ms(), ..conformance::event(n) };
        outbox.events.append(fresh).await.unwrap();
    }
    let stop = CancellationToken::new();
    let (_delivery, workers) = deliver(&url, &queue, &clock, &stop);
    let delivered = async || {
        let filter = EventFilter { state: Some(State::Delivered), ..EventFilter::default() };
        outbox.operators.list(filter, Page { below_seq: None, size: 100 }).await.unwrap().len()
    };
    let all = async {
        while delivered().await < 10 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), all).await.expect("long before a lease ends");
    stop.cancel();
    for worker in workers {
        worker.await.unwrap();
    }
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
