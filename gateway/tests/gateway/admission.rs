//! More webhooks at once than the gateway accepts.

use std::time::{Duration, Instant};

use tandem_gateway::Limits;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::fake_server::Script;
use crate::http_client::{Reply, post, post_chunked, send};
use crate::world::World;

/// How long the fake server takes. The tests check the gateway in this time.
const SLOW: Duration = Duration::from_secs(2);
/// Longest time that counts as "at once" on a busy machine.
const AT_ONCE: Duration = Duration::from_millis(1500);

/// Sends `count` webhooks and waits until the server has all of them.
async fn in_work(world: &World, count: usize, body: &[u8]) -> JoinSet<Reply> {
    world.fake.script(Script::Slow(SLOW));
    let mut under_way = JoinSet::new();
    for _ in 0..count {
        let (gateway, request) = (world.gateway, post(body));
        under_way.spawn(async move { send(gateway, &request).await });
    }
    let started = Instant::now();
    while world.fake.seen().len() < count {
        assert!(started.elapsed() < Duration::from_secs(10), "the server gets its webhooks");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    under_way
}

fn assert_turned_away(reply: &Reply, started: Instant) {
    assert_eq!((reply.status, reply.header("retry-after")), (503, Some("30")));
    assert!(started.elapsed() < AT_ONCE, "answered after {:?}", started.elapsed());
}

#[tokio::test]
async fn one_webhook_too_many_is_503_at_once_and_the_others_are_answered() {
    let world = World::limited(Limits { webhooks_max: 3, ..Limits::default() }).await;
    let under_way = in_work(&world, 3, b"{}").await;
    let started = Instant::now();
    assert_turned_away(&world.send(&post(b"{}")).await, started);
    for reply in under_way.join_all().await {
        assert_eq!(reply.status, 200);
    }
    assert_eq!(world.fake.seen().len(), 3);
    assert_eq!(world.send(&post(b"{}")).await.status, 200, "there is a place again");
}

#[tokio::test]
async fn a_full_house_answers_however_many_stand_at_the_door() {
    let limits = Limits { webhooks_max: 3, connections_max: 6, ..Limits::default() };
    let world = World::limited(limits).await;
    let under_way = in_work(&world, 3, b"{}").await;
    let mut idle = Vec::new();
    for _ in 0..20 {
        idle.push(TcpStream::connect(world.gateway).await.expect("the gateway listens"));
    }
    let started = Instant::now();
    assert_turned_away(&world.send(&post(b"{}")).await, started);
    for reply in under_way.join_all().await {
        assert_eq!(reply.status, 200, "a connection with a webhook in work stays");
    }
}

#[tokio::test]
async fn half_a_webhook_that_makes_room_is_not_answered() {
    let world = World::limited(Limits { connections_max: 1, ..Limits::default() }).await;
    let request = post(b"0123456789");
    let mut half = TcpStream::connect(world.gateway).await.expect("the gateway listens");
    half.write_all(&request[..request.len() - 1]).await.expect("it reads");
    let started = Instant::now();
    assert_eq!(world.send(&request).await.status, 200);
    let waited = started.elapsed();
    assert!(
        waited >= Duration::from_millis(150),
        "evicted after {waited:?}: the rest could still have arrived"
    );
    // The sender gets no answer, so it sends the webhook again.
    let mut answer = Vec::new();
    let _ = half.read_to_end(&mut answer).await;
    assert_eq!(String::from_utf8_lossy(&answer), "");
    assert_eq!(world.fake.seen().len(), 1);
}

#[tokio::test]
async fn large_bodies_have_places_of_their_own() {
    let limits = Limits { small_body_bytes_max: 1000, large_bodies_max: 1, ..Limits::default() };
    let world = World::limited(limits).await;
    let large = vec![b'x'; 1001];
    let under_way = in_work(&world, 1, &large).await;
    let started = Instant::now();
    assert_turned_away(&world.send(&post(&large)).await, started);
    assert_turned_away(&world.send(&post_chunked(&large, 100)).await, started);
    assert_eq!(world.send(&post(&large[..1000])).await.status, 200, "a small body needs no place");
    for reply in under_way.join_all().await {
        assert_eq!(reply.status, 200);
    }
    assert_eq!(world.send(&post(&large)).await.status, 200, "there is a place again");
}

#[tokio::test]
async fn with_few_places_left_an_answer_ends_its_connection() {
    let world = World::limited(Limits { connections_max: 8, webhooks_max: 4, ..Limits::default() }).await;
    assert_eq!(world.send(&post(b"{}")).await.header("connection"), None);
    let mut idle = Vec::new();
    for _ in 0..6 {
        idle.push(TcpStream::connect(world.gateway).await.expect("the gateway listens"));
    }
    // The listener accepts connections in order, so the webhook's connection is the last.
    let reply = world.send(&post(b"{}")).await;
    assert_eq!((reply.status, reply.header("connection")), (200, Some("close")));
}
