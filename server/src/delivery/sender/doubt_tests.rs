//! Whom a refusal costs that blames no event, and how long a batch may be split.

use std::sync::Mutex;

use tandem_core::order::Environment;

use super::tests::{Meta, World, error, id_of, received};
use super::*;
use crate::config::{Settings, Source as Variables};
use crate::outbox::State;

/// Gives the event the address of a browser.
pub(super) fn from_address(event: &mut LeasedEvent, last: u8) {
    Arc::make_mut(&mut event.payload).personal_json = Some(format!(
        r#"{{"user_data":{{"fbp":"fb.1.1763942400000.1","client_ip_address":"192.0.2.{last}"}},
            "event_source_url":"https://shop.example/"}}"#
    ));
}

/// Lets events about real money through.
pub(super) fn with_real_money(mut world: World) -> World {
    let pairs = [("FACEBOOK_PIXEL_ID", "123456789012345"), ("CASHFREE_ENVIRONMENT", "PRODUCTION")];
    world.sender.money = Settings::read(&Variables::from_pairs(pairs)).unwrap().pixels[0].money;
    world
}

/// A Graph API that refuses these events without blaming their content, and the bodies it got.
async fn refusing(bad: &[u32]) -> (Meta, Arc<Mutex<Vec<String>>>) {
    let bad: Vec<String> = bad.iter().map(|n| id_of(*n)).collect();
    let bodies = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&bodies);
    let answer = move |body: &str| {
        noted.lock().unwrap().push(body.to_owned());
        if bad.iter().any(|id| body.contains(id)) { error(100, 0) } else { received(body) }
    };
    (Meta::start(answer).await, bodies)
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_events_of_one_address_do_not_hold_the_pixel() {
    let (meta, _) = refusing(&[2, 3, 4]).await;
    let world = World::new(&meta);
    let mut events = world.leased(8).await;
    events.iter_mut().for_each(|event| from_address(event, 7));
    let feedback = world.send(events).await;
    assert!(feedback.worked && feedback.held.is_none(), "{feedback:?}");
    let counts = [
        world.count(State::Delivered).await,
        world.count(State::DeadLetter).await,
        world.count(State::Pending).await,
    ];
    assert_eq!(counts, [5, 1, 2], "the second and the third are tried again, alone");
    let waits = world.events().await.into_iter().filter(|event| event.state == State::Pending);
    assert!(waits.into_iter().all(|event| event.code.as_deref() == Some(code::REQUEST_REFUSED)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proven_event_is_tried_before_others_when_strangers_events_are_refused() {
    let (meta, bodies) = refusing(&[0, 1]).await;
    let world = with_real_money(World::new(&meta));
    let mut events = world.leased(8).await;
    for (event, last) in events.iter_mut().zip(1..) {
        from_address(event, last);
    }
    events[6].environment = Some(Environment::Production);
    let feedback = world.send(events).await;
    assert!(feedback.worked && feedback.held.is_none(), "{feedback:?}");
    assert_eq!(meta.calls(), [8, 4, 2, 1, 1, 1, 2, 2, 1]);
    assert!(bodies.lock().unwrap()[5].contains(&id_of(6)), "the proven one, alone, after two refusals");
    assert_eq!(world.count(State::Delivered).await, 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_refused_proven_events_hold_the_pixel_for_longer() {
    let (meta, _) = refusing(&[0, 1, 2, 3]).await;
    let world = with_real_money(World::new(&meta));
    let mut events = world.leased(4).await;
    events.iter_mut().for_each(|event| event.environment = Some(Environment::Production));
    let feedback = world.send(events).await;
    assert_eq!(feedback.held, Some((code::REQUEST_REFUSED, REQUEST_PROBE_WAIT)));
    assert_eq!((world.count(State::DeadLetter).await, world.count(State::Pending).await), (1, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_probe_takes_a_proven_event_else_one_of_an_address_that_was_not_refused() {
    let (meta, _) = refusing(&[0]).await;
    let world = World::new(&meta);
    let mut events = world.leased(6).await;
    for (event, last) in events.iter_mut().zip([1, 1, 1, 2, 3, 4]) {
        from_address(event, last);
    }
    world.send(events[..1].to_vec()).await;
    assert_eq!(world.sender.doubt().probe(&events[1..]), 2, "of another address");
    events[5].environment = Some(Environment::Production);
    assert_eq!(world.sender.doubt().probe(&events[1..]), 4, "the proven one");
    assert_eq!(world.sender.doubt().probe(&events[1..3]), 0, "any");
    events[5].last_code = Some(code::REQUEST_REFUSED.into());
    assert_eq!(world.sender.doubt().probe(&events[1..]), 2, "a refused one does not stay the probe");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_whose_leases_would_end_during_a_call_is_given_back() {
    let (meta, _) = refusing(&[0]).await;
    let world = World::new(&meta);
    let mut events = world.leased(4).await;
    for event in &mut events[2..] {
        event.lease_ends = Instant::now() + Duration::from_secs(1);
    }
    let feedback = world.send(events.clone()).await;
    assert!(!feedback.called, "a call may take two seconds");
    let seen = world.events().await;
    assert!(seen.iter().all(|event| (event.state, event.attempts) == (State::Pending, 0)), "{seen:?}");
    assert!(meta.calls().is_empty());
}
