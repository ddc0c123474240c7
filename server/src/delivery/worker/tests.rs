//! The loop of one pixel against a Graph API that answers at once.

use std::sync::Mutex;

use axum::Router;

use super::*;
use crate::config::{Settings, Source};
use crate::outbox::conformance::{self, NOW_MS};
use crate::outbox::embedded::Embedded;
use crate::outbox::{Appended, Initial, NewEvent, Outbox};

/// Enough for the window to open wide: then a call has always just ended.
const BACKLOG: u32 = 40_000;

#[tokio::test(flavor = "multi_thread")]
async fn a_fresh_event_overtakes_a_backlog_however_fast_meta_answers() {
    drop(rustls::crypto::ring::default_provider().install_default());
    let calls = Arc::new(Mutex::new(Vec::<String>::new()));
    let noted = Arc::clone(&calls);
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

    let dir = tempfile::tempdir().unwrap();
    let clock = Clock::fixed(NOW_MS + 60_000);
    let outbox = Outbox::new(Embedded::open(dir.path(), clock.clone()).unwrap());
    for part in 0..BACKLOG / 10_000 {
        let appends = (0..10_000).map(|n| outbox.events.append(conformance::event(part * 10_000 + n)));
        futures_util::future::try_join_all(appends).await.unwrap();
    }
    let pixel = conformance::pixel();
    let source = Source::from_pairs([
        ("META_GRAPH_URL", url.as_str()),
        ("FACEBOOK_PIXEL_ID", pixel.as_str()),
        ("FACEBOOK_ACCESS_TOKEN", "token"),
    ]);
    let settings = Settings::read(&source).unwrap();
    let graph = Graph::new(&settings.meta, clock.clone()).unwrap();
    let stop = CancellationToken::new();
    let metrics = Arc::new(Metrics::default());
    let pixels: Vec<_> = settings.pixels.into_iter().map(Arc::new).collect();
    let (delivery, workers) = start(&pixels, &[], &graph, &outbox.queue, &clock, &metrics, &stop);
    while calls.lock().unwrap().len() < 12 {
        tokio::task::yield_now().await;
    }

    let place = delivery.reserve(&conformance::pixel()).expect("the pixel delivers");
    let fresh = NewEvent { initial: Initial::Leased(place.lease()), ..conformance::event(BACKLOG) };
    let Appended::New { seq } = outbox.events.append(fresh.clone()).await.unwrap() else {
        panic!("it is new")
    };
    place.hand(seq, fresh.time_s, Arc::clone(&fresh.payload));
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
