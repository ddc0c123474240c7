//! When an event is sent again after Meta refused it or did not count it, and when it is not.

use std::sync::Mutex;
use std::sync::atomic::Ordering;

use tandem_core::user_data::UserData;

use super::tests::{Meta, World, error, id_of, received};
use super::*;
use crate::delivery::meta_codes::SUB_INVALID_EVENT;
use crate::outbox::State;
use crate::outbox::conformance::{self, pixel};

/// Gives the event a click ID beside its `fbp`.
fn with_click_id(event: &mut LeasedEvent) {
    let mut user_data = UserData::default();
    user_data.fbp = Some("fb.1.1763942400000.1".into());
    user_data.fbc = Some("fb.1.1763942400000.REFUSED".into());
    let payload = Arc::make_mut(&mut event.payload);
    payload.keys = user_data.key_set();
    payload.personal_json = Some(
        r#"{"user_data":{"fbp":"fb.1.1763942400000.1","fbc":"fb.1.1763942400000.REFUSED"},
            "event_source_url":"https://shop.example/"}"#
            .into(),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_whose_click_id_meta_refuses_goes_again_without_it() {
    let bodies = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&bodies);
    let meta = Meta::start(move |body| {
        noted.lock().unwrap().push(body.to_owned());
        if body.contains("REFUSED") { error(100, SUB_INVALID_EVENT) } else { received(body) }
    })
    .await;
    let world = World::new(&meta);
    let mut events = world.leased(4).await;
    with_click_id(&mut events[2]);
    let feedback = world.send(events).await;
    assert!(feedback.worked && !feedback.failed && feedback.held.is_none(), "{feedback:?}");
    assert_eq!(world.count(State::Delivered).await, 4);
    assert_eq!(meta.calls(), [4, 2, 2, 1, 1, 1], "it is found, and goes once more");
    let bodies = bodies.lock().unwrap().clone();
    let last = bodies.iter().rev().find(|body| body.contains(&id_of(2))).unwrap();
    assert!(last.contains("\"fbp\"") && !last.contains("\"fbc\""), "the rest goes along: {last}");
    let (_, attempts) = world.outbox.operators.find(conformance::key(2)).await.unwrap().remove(0);
    let codes: Vec<&str> = attempts.iter().map(|attempt| attempt.code.as_str()).collect();
    assert_eq!(codes, [code::DELIVERED_WITHOUT_CLICK_ID], "the operator sees it");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_is_refused_without_its_click_id_too_is_a_dead_letter() {
    let meta = Meta::start(|_| error(100, SUB_INVALID_EVENT)).await;
    let world = World::new(&meta);
    let mut events = world.leased(2).await;
    with_click_id(&mut events[0]);
    world.send(events).await;
    assert_eq!(meta.calls(), [2, 1, 1, 1], "one repetition for the one that had a click ID");
    let codes: Vec<_> = world.events().await.into_iter().map(|event| (event.state, event.code)).collect();
    assert_eq!(codes, vec![(State::DeadLetter, Some(code::META_REFUSED.to_owned())); 2]);
    assert_eq!(world.sender.isolating.load(Ordering::Relaxed), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_refusal_is_not_laid_on_the_click_id() {
    let meta = Meta::start(|_| error(100, 2_804_009)).await;
    let world = World::new(&meta);
    let mut events = world.leased(1).await;
    with_click_id(&mut events[0]);
    world.send(events).await;
    assert_eq!((meta.calls(), world.count(State::DeadLetter).await), (vec![1], 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_meta_does_not_count_is_repeated_once_and_slowly() {
    for body in ["{\"events_received\":0}", "{\"events_received\":\"0\"}", "{}"] {
        let meta = Meta::start(move |_| (200, body.into())).await;
        let world = World::new(&meta);
        let events = world.leased(3).await;
        let feedback = world.send(events).await;
        assert_eq!(feedback.held, Some((code::META_RECEIVED_NONE, REQUEST_PROBE_WAIT)), "{body}");
        let figures = world.outbox.operators.figures(world.clock.now_ms()).await.unwrap();
        assert_eq!(figures.total(crate::outbox::Metric::Shortfall), 3, "counted, so that health says so");
        let lease = || world.outbox.queue.lease(pixel(), 3, Duration::from_secs(60));
        world.clock.set_ms(world.clock.now_ms() + 9 * 60_000);
        assert!(lease().await.unwrap().is_empty(), "nothing is due for ten minutes");
        world.clock.set_ms(world.clock.now_ms() + 2 * 60_000);
        world.send(lease().await.unwrap()).await;
        assert_eq!((world.count(State::DeadLetter).await, meta.calls().len()), (3, 2), "{body}");
        assert_eq!(world.events().await[0].code.as_deref(), Some(code::META_RECEIVED_NONE));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_was_not_counted_once_is_delivered_the_second_time() {
    let meta = Meta::start(received).await;
    let world = World::new(&meta);
    let mut events = world.leased(2).await;
    events[0].attempts = 1;
    events[0].last_code = Some(code::META_RECEIVED_NONE.into());
    assert!(world.send(events).await.worked);
    assert_eq!(world.count(State::Delivered).await, 2);
}
