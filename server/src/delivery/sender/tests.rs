//! Sends single batches to a small fake Graph API and checks which events share a call and what is
//! recorded.

use std::sync::Mutex;

use axum::Router;
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use tandem_core::order::Environment;
use tandem_core::user_data::KeySet;

use super::*;
use crate::clock::Doubt;
use crate::config::{MoneyRule, Settings, Source};
use crate::delivery::judge::{SUSPECT_ATTEMPTS, TWIN_AGE_MAX_S};
use crate::delivery::meta_codes::SUB_TOO_OLD;
use crate::outbox::conformance::{self, NOW_MS, pixel};
use crate::outbox::embedded::Embedded;
use crate::outbox::{EventFilter, EventView, Outbox, Page, Payload, State};

/// A Graph API whose answers depend on the body. It remembers how many events each call had.
pub(super) struct Meta {
    url: String,
    calls: Arc<Mutex<Vec<usize>>>,
}

impl Meta {
    pub(super) async fn start(
        answer: impl Fn(&str) -> (u16, String) + Clone + Send + Sync + 'static,
    ) -> Self {
        let calls = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&calls);
        let app = Router::new().fallback(move |body: String| {
            noted.lock().unwrap().push(body.matches("\"event_id\"").count());
            let (status, text) = answer(&body);
            async move { (StatusCode::from_u16(status).unwrap(), text).into_response() }
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { url, calls }
    }

    pub(super) fn calls(&self) -> Vec<usize> {
        self.calls.lock().unwrap().clone()
    }
}

pub(super) struct World {
    pub(super) sender: Sender,
    pub(super) outbox: Outbox,
    pub(super) clock: Clock,
    _dir: tempfile::TempDir,
}

impl World {
    pub(super) fn new(meta: &Meta) -> Self {
        Self::at(meta, NOW_MS + 10_000)
    }

    fn at(meta: &Meta, now_ms: i64) -> Self {
        drop(rustls::crypto::ring::default_provider().install_default());
        let source = Source::from_pairs([("META_GRAPH_URL", meta.url.as_str()), ("META_TIMEOUT", "2s")]);
        let settings = Settings::read(&source).unwrap();
        let (dir, clock) = (tempfile::tempdir().unwrap(), Clock::fixed(now_ms));
        let outbox = Outbox::new(Embedded::open(dir.path(), clock.clone()).unwrap());
        let sender = Sender {
            pixel: pixel(),
            graph: Graph::new(&settings.meta, clock.clone()).unwrap(),
            queue: Arc::clone(&outbox.queue),
            clock: clock.clone(),
            metrics: Arc::default(),
            test_event_code: None,
            page: None,
            money: MoneyRule::default(),
            lone_refusals: Arc::default(),
            isolating: Arc::default(),
            wake: Arc::default(),
        };
        Self { sender, outbox, clock, _dir: dir }
    }

    pub(super) async fn leased(&self, n: u32) -> Vec<LeasedEvent> {
        for n in 0..n {
            self.outbox.events.append(conformance::event(n)).await.unwrap();
        }
        self.outbox.queue.lease(pixel(), n as usize, Duration::from_secs(60)).await.unwrap()
    }

    pub(super) async fn send(&self, events: Vec<LeasedEvent>) -> CallFeedback {
        let secrets = CallSecrets { token: SecretString::from("token".to_owned()), app_secret: None };
        self.sender.send(&secrets, events).await
    }

    pub(super) async fn events(&self) -> Vec<EventView> {
        let page = Page { below_seq: None, size: 2000 };
        self.outbox.operators.list(EventFilter::default(), page).await.unwrap()
    }

    pub(super) async fn count(&self, state: State) -> usize {
        self.events().await.iter().filter(|event| event.state == state).count()
    }
}

pub(super) fn received(body: &str) -> (u16, String) {
    (200, format!("{{\"events_received\":{}}}", body.matches("\"event_id\"").count()))
}

pub(super) fn error(code: i64, subcode: i64) -> (u16, String) {
    (400, format!("{{\"error\":{{\"code\":{code},\"error_subcode\":{subcode},\"message\":\"x\"}}}}"))
}

/// The ID of conformance event `n` as a body contains it.
pub(super) fn id_of(n: u32) -> String {
    conformance::event(n).id.as_str().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_bad_event_among_a_thousand_is_found_in_twenty_calls() {
    let bad = id_of(617);
    let meta =
        Meta::start(move |body| if body.contains(&bad) { error(100, 2_804_009) } else { received(body) })
            .await;
    let world = World::new(&meta);
    let events = world.leased(1000).await;
    let feedback = world.send(events).await;
    assert!(feedback.worked && !feedback.failed, "it says nothing against the pixel: {feedback:?}");
    assert_eq!((world.count(State::Delivered).await, world.count(State::DeadLetter).await), (999, 1));
    assert!(meta.calls().len() <= 21, "{:?}", meta.calls());
    assert_eq!(world.sender.isolating.load(Ordering::Relaxed), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_oldest_event_is_tried_first_where_meta_finds_one_too_old() {
    let old = id_of(3);
    let meta =
        Meta::start(move |body| if body.contains(&old) { error(100, SUB_TOO_OLD) } else { received(body) })
            .await;
    let world = World::new(&meta);
    let mut events = world.leased(100).await;
    events[3].time_s -= 3600;
    world.send(events).await;
    assert_eq!(meta.calls().len(), 4, "{:?}", meta.calls());
    assert_eq!(world.count(State::DeadLetter).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_meta_may_choke_on_travels_alone() {
    let bad = id_of(1);
    let meta = Meta::start(move |body| if body.contains(&bad) { error(1, 0) } else { received(body) }).await;
    let world = World::new(&meta);
    let mut events = world.leased(5).await;
    events[1].attempts = SUSPECT_ATTEMPTS;
    events[1].last_code = Some(code::META_UNKNOWN_ERROR.into());
    let feedback = world.send(events).await;
    assert_eq!(meta.calls(), [4, 1]);
    assert!(!feedback.failed, "and does not open the circuit");
    assert_eq!((world.count(State::Delivered).await, world.count(State::Pending).await), (4, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_of_the_request_costs_one_event_and_holds_the_rest() {
    let meta = Meta::start(|_| error(100, 0)).await;
    let world = World::new(&meta);
    let events = world.leased(64).await;
    let feedback = world.send(events).await;
    assert_eq!(feedback.held, Some((code::REQUEST_REFUSED, REQUEST_PROBE_WAIT)));
    assert_eq!((world.count(State::DeadLetter).await, world.count(State::Pending).await), (1, 63));
    // The next probe takes another event.
    let next = world.outbox.queue.lease(pixel(), 1, Duration::from_secs(60)).await.unwrap();
    assert!(next[0].last_code.is_none(), "{next:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_sent_when_meta_failed_made_no_attempt() {
    let bad = id_of(0);
    // Refuses the whole batch, then fails.
    let meta = Meta::start(move |body| {
        if body.contains(&bad) && body.matches("\"event_id\"").count() == 8 {
            error(100, 2_804_009)
        } else {
            error(2, 0)
        }
    })
    .await;
    let world = World::new(&meta);
    let events = world.leased(8).await;
    let feedback = world.send(events).await;
    assert!(feedback.failed);
    let attempts: Vec<u32> = world.events().await.iter().rev().map(|event| event.attempts).collect();
    assert_eq!(attempts, [1, 1, 1, 1, 0, 0, 0, 0]);
    assert_eq!(world.count(State::Pending).await, 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_meta_would_refuse_never_enters_a_batch() {
    let meta = Meta::start(received).await;
    let world = World::new(&meta);
    let mut events = world.leased(5).await;
    events[0].time_s -= 8 * 24 * 3600;
    events[1].fired_s = Some(world.clock.now_s() - TWIN_AGE_MAX_S - 1);
    let payload = |event: &LeasedEvent| Payload::clone(&event.payload);
    events[2].payload = Arc::new(Payload { personal_json: None, ..payload(&events[2]) });
    events[3].payload = Arc::new(Payload { keys: KeySet(0), ..payload(&events[3]) });
    world.send(events).await;
    assert_eq!(meta.calls(), [1]);
    let codes: Vec<String> = world.events().await.into_iter().rev().filter_map(|event| event.code).collect();
    let expected =
        [code::TOO_OLD, code::DEDUP_WINDOW_PASSED, code::PERSON_GONE, code::MATCH_KEYS_INSUFFICIENT];
    assert_eq!(codes, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn events_that_meta_does_not_count_are_delivered_and_told_apart() {
    let meta = Meta::start(|_| (200, "{\"events_received\":3}".into())).await;
    let world = World::new(&meta);
    let events = world.leased(5).await;
    world.send(events).await;
    assert_eq!(world.count(State::Delivered).await, 5);
    let figures = world.outbox.operators.figures(world.clock.now_ms()).await.unwrap();
    assert_eq!(figures.total(crate::outbox::Metric::Shortfall), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_with_a_warning_for_each_of_a_thousand_events_is_read() {
    let warning = "\"a sentence of Meta's about one of the events, as long as such sentences are\"";
    let messages = vec![warning; 1000].join(",");
    let text = format!("{{\"messages\":[{messages}],\"events_received\":1000}}");
    let meta = Meta::start(move |_| (200, text.clone())).await;
    let world = World::new(&meta);
    let events = world.leased(1000).await;
    assert!(world.send(events).await.worked);
    assert_eq!(world.count(State::Delivered).await, 1000);
}

const DAY_MS: i64 = 24 * 3600 * 1000;

#[tokio::test(flavor = "multi_thread")]
async fn under_a_doubted_clock_age_is_no_reason_to_give_up() {
    let meta = Meta::start(received).await;
    let world = World::new(&meta);
    let mut events = world.leased(3).await;
    events[1].fired_s = Some(world.clock.now_s());
    world.clock.jump_ms(40 * DAY_MS);
    world.send(events).await;
    assert_eq!(meta.calls(), [2], "what looks too old is sent: Meta knows");
    let waits = &world.events().await[1];
    assert_eq!((waits.state, waits.code.as_deref()), (State::Pending, Some(code::CLOCK_UNTRUSTED)));
    assert_eq!(world.count(State::DeadLetter).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn metas_clock_confirms_a_right_time_and_contradicts_a_wrong_one() {
    let meta = Meta::start(received).await;
    let world = World::at(&meta, Clock::system().now_ms());
    world.clock.jump_ms(-40 * DAY_MS);
    assert!(world.clock.trusted().is_none());
    world.clock.jump_ms(40 * DAY_MS + 10 * DAY_MS);
    let first = world.leased(1).await;
    world.send(first).await;
    assert!(
        matches!(world.clock.trust_view().doubt, Some(Doubt::MetaDisagrees { ahead_s }) if ahead_s > 863_000)
    );
    // Set right, but by a clock that had been wrong before: Meta's word is enough.
    world.clock.jump_ms(-10 * DAY_MS - 4 * 60_000);
    assert!(world.clock.trusted().is_none(), "four minutes behind what is believed");
    let second = world.leased(2).await;
    world.send(second).await;
    assert!(world.clock.trusted().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_without_a_page_gets_the_pixels_or_is_held() {
    let meta = Meta::start(received).await;
    for page in [None, Some("https://shop.example/")] {
        let mut world = World::new(&meta);
        world.sender.page = page.and_then(PageUrl::clean).map(|(page, _)| page);
        let mut events = world.leased(1).await;
        let payload = Arc::make_mut(&mut events[0].payload);
        payload.personal_json = Some(r#"{"user_data":{"fbp":"x"}}"#.into());
        payload.has_page = false;
        let before = meta.calls().len();
        world.send(events).await;
        let state = world.events().await[0].state;
        match page {
            None => assert_eq!((state, meta.calls().len()), (State::Held, before)),
            Some(_) => assert_eq!((state, meta.calls().len()), (State::Delivered, before + 1)),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn money_of_which_nobody_may_be_told_is_held_whatever_brought_it() {
    let meta = Meta::start(received).await;
    let rule = |pairs: &[(&str, &str)]| {
        let pixel = [("FACEBOOK_PIXEL_ID", "123456789012345")];
        let source = Source::from_pairs(pixel.iter().chain(pairs).copied());
        Settings::read(&source).unwrap().pixels[0].money
    };
    let (play, real) = (Some(Environment::Sandbox), Some(Environment::Production));
    let (other, untested) = (code::OTHER_ENVIRONMENT, code::SANDBOX_WITHOUT_TEST_CODE);
    let sandbox = rule(&[]);
    let tested = rule(&[("FACEBOOK_TEST_EVENT_CODE", "TEST1")]);
    let production = rule(&[("CASHFREE_ENVIRONMENT", "PRODUCTION")]);
    for (money, environment, held) in [
        (sandbox, play, Some(untested)),
        (sandbox, real, Some(other)),
        (sandbox, None, None),
        (tested, play, None),
        (tested, real, Some(other)),
        (production, play, Some(other)),
        (production, real, None),
    ] {
        let mut world = World::new(&meta);
        world.sender.money = money;
        let mut events = world.leased(1).await;
        events[0].environment = environment;
        world.send(events).await;
        let event = world.events().await.remove(0);
        let found = event.code.filter(|_| event.state == State::Held);
        assert_eq!(found.as_deref(), held, "{money:?}: {environment:?}");
        assert!(held.is_some() || event.state == State::Delivered, "{money:?}: {environment:?}");
    }
}
