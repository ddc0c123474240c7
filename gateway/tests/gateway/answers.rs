//! Every answer of the gateway, and when it is given.

use std::time::{Duration, Instant};

use tandem_gateway::Limits;
use tandem_proto::v1::Verdict;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tonic::Status;

use crate::fake_server::Script;
use crate::http_client::{post, post_chunked, post_with, read_reply};
use crate::world::World;

const MIB: usize = 1024 * 1024;

fn short(answer: Duration) -> Limits {
    Limits { answer, ..Limits::default() }
}

#[test]
fn the_default_limits_are_the_contracts() {
    let limits = Limits::default();
    assert_eq!(limits.answer, Duration::from_secs(5));
    assert_eq!(limits.drain, Duration::from_secs(10));
    assert_eq!(limits.body_bytes_max, MIB);
}

#[tokio::test]
async fn every_verdict_has_its_status() {
    let world = World::new().await;
    for (verdict, status, body) in [
        (Verdict::Accepted, 200, r#"{"status":"received","outcome":"accepted"}"#),
        (Verdict::Duplicate, 200, r#"{"status":"received","outcome":"duplicate"}"#),
        (Verdict::Ignored, 200, r#"{"status":"received","outcome":"ignored"}"#),
        (Verdict::DeadLettered, 200, r#"{"status":"received","outcome":"dead_lettered"}"#),
        (Verdict::InvalidSignature, 401, r#"{"status":"refused","reason":"invalid_signature"}"#),
        (Verdict::Stale, 401, r#"{"status":"refused","reason":"stale"}"#),
        (Verdict::Unspecified, 503, r#"{"status":"unavailable"}"#),
    ] {
        world.fake.script(Script::Verdict(verdict));
        let reply = world.send(&post(b"{}")).await;
        assert_eq!((reply.status, reply.body.as_str()), (status, body), "{verdict:?}");
        assert_eq!(reply.header("content-type"), Some("application/json"));
        assert_eq!(reply.header("retry-after").is_some(), status == 503, "{verdict:?}");
    }
}

#[tokio::test]
async fn a_server_that_cannot_accept_means_try_again() {
    let world = World::new().await;
    for status in [
        Status::unauthenticated("wrong token"),
        Status::unavailable("disk full"),
        Status::unavailable("no_secret"),
        Status::failed_precondition("no secret"),
        Status::resource_exhausted("too fast"),
        Status::invalid_argument("provider"),
        Status::internal("bug"),
        Status::unknown("?"),
        Status::unimplemented("old server"),
        Status::deadline_exceeded("slow disk"),
        Status::cancelled("stopping"),
    ] {
        let name = status.code();
        world.fake.script(Script::Refuse(status));
        let reply = world.send(&post(b"{}")).await;
        assert_eq!((reply.status, reply.header("retry-after")), (503, Some("30")), "{name:?}");
        assert_eq!(reply.body, r#"{"status":"unavailable"}"#, "the answer tells no details");
    }
}

#[tokio::test]
async fn missing_headers_are_the_servers_to_judge() {
    let world = World::new().await;
    world.fake.script(Script::Verdict(Verdict::InvalidSignature));
    for headers in ["", "x-webhook-signature: c2ln\r\n", "x-webhook-timestamp: 1763942400123\r\n"] {
        assert_eq!(world.send(&post_with(headers, b"{}")).await.status, 401, "{headers:?}");
    }
    assert_eq!(world.fake.seen().len(), 3);
}

#[tokio::test]
async fn repeated_signature_or_timestamp_is_401_even_if_the_server_were_pleased() {
    let world = World::new().await;
    for (first, second) in [
        ("x-webhook-signature: YQ==", "X-Webhook-Signature: YQ=="),
        ("x-webhook-signature: YQ==", "x-webhook-signature: Yg=="),
        ("x-webhook-timestamp: 1", "X-WEBHOOK-TIMESTAMP: 1"),
        ("x-cashfree-signature: YQ==", "X-Cashfree-Signature: Yg=="),
        ("x-cashfree-timestamp: 1", "X-CASHFREE-TIMESTAMP: 1"),
    ] {
        let headers = format!("{first}\r\n{second}\r\n");
        assert_eq!(world.send(&post_with(&headers, b"{}")).await.status, 401, "{headers:?}");
    }
    assert!(world.fake.seen().is_empty());
}

#[tokio::test]
async fn only_post_is_taken() {
    let world = World::new().await;
    for method in ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"] {
        let request = format!("{method} /webhooks/cashfree HTTP/1.1\r\nhost: g\r\nconnection: close\r\n\r\n");
        let reply = world.send(request.as_bytes()).await;
        assert_eq!((reply.status, reply.header("allow")), (405, Some("POST")), "{method}");
    }
    assert_eq!(world.get("/").await.status, 404);
    assert_eq!(world.get("/webhooks/other").await.status, 404);
    assert!(world.fake.seen().is_empty());
}

#[tokio::test]
async fn a_trailing_slash_is_no_redirect() {
    let world = World::new().await;
    let request = String::from_utf8(post(b"{}")).unwrap().replace("/cashfree ", "/cashfree/ ");
    assert_eq!(world.send(request.as_bytes()).await.status, 200);
}

#[tokio::test]
async fn a_body_of_one_mebibyte_passes_and_one_more_byte_is_413() {
    let world = World::new().await;
    let mut body = vec![b'x'; MIB];
    assert_eq!(world.send(&post(&body)).await.status, 200);
    assert_eq!(world.send(&post_chunked(&body, 64_000)).await.status, 200);
    assert_eq!(world.fake.seen()[1].request.raw_body.len(), MIB);
    body.push(b'x');
    assert_eq!(world.send(&post(&body)).await.status, 413);
    assert_eq!(world.send(&post_chunked(&body, 64_000)).await.status, 413);
    body.resize(3 * MIB, b'x');
    assert_eq!(world.send(&post_chunked(&body, 64_000)).await.status, 413);
    assert_eq!(world.fake.seen().len(), 2);
}

#[tokio::test]
async fn a_slow_server_is_503_in_time_and_never_200() {
    let world = World::limited(short(Duration::from_millis(300))).await;
    world.fake.script(Script::Slow(Duration::from_secs(30)));
    let started = Instant::now();
    let reply = world.send(&post(b"{}")).await;
    assert_eq!((reply.status, reply.header("retry-after")), (503, Some("30")));
    assert!(started.elapsed() >= Duration::from_millis(300) && started.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn the_answer_waits_for_the_servers() {
    let world = World::new().await;
    let wait = Duration::from_millis(400);
    world.fake.script(Script::Slow(wait));
    let started = Instant::now();
    assert_eq!(world.send(&post(b"{}")).await.status, 200);
    assert!(started.elapsed() >= wait);
}

#[tokio::test]
async fn a_server_that_went_away_is_503_and_its_return_is_noticed() {
    let mut world = World::new().await;
    assert_eq!(world.send(&post(b"{}")).await.status, 200);
    world.stop_server().await;
    for _ in 0..3 {
        let reply = world.send(&post(b"{}")).await;
        assert_eq!((reply.status, reply.header("retry-after")), (503, Some("30")));
    }
    world.start_server().await;
    assert_eq!(world.send(&post(b"{}")).await.status, 200);
}

#[tokio::test]
async fn calls_beyond_the_bound_wait_and_are_answered_in_the_end() {
    let world = World::limited(Limits { calls_max: 2, ..Limits::default() }).await;
    world.fake.script(Script::Slow(Duration::from_millis(100)));
    let started = Instant::now();
    let request = post(b"{}");
    let send = || world.send(&request);
    let (a, b, c, d, e, f) = tokio::join!(send(), send(), send(), send(), send(), send());
    for reply in [a, b, c, d, e, f] {
        assert_eq!(reply.status, 200);
    }
    assert!(started.elapsed() >= Duration::from_millis(300), "six calls ran two at a time");
}

#[tokio::test]
async fn calls_that_would_wait_too_long_are_503() {
    let limits = Limits { calls_max: 1, answer: Duration::from_millis(400), ..Limits::default() };
    let world = World::limited(limits).await;
    world.fake.script(Script::Slow(Duration::from_secs(30)));
    let request = post(b"{}");
    let (first, second) = tokio::join!(world.send(&request), world.send(&request));
    assert_eq!((first.status, second.status), (503, 503));
}

#[tokio::test]
async fn a_body_that_does_not_come_is_408() {
    let world = World::limited(Limits { body: Duration::from_millis(200), ..Limits::default() }).await;
    let request = post(b"0123456789");
    let reply = world.send(&request[..request.len() - 1]).await;
    assert_eq!(reply.status, 408);
    assert!(world.fake.seen().is_empty());
}

#[tokio::test]
async fn a_list_of_addresses_keeps_others_out() {
    let settings =
        [("TANDEM_INTERNAL_TOKEN", "t"), ("CASHFREE_ALLOWED_ADDRESSES", "52.66.101.190,3.109.102.0/24")];
    let world = World::with(&settings, Limits::default()).await;
    assert_eq!(world.send(&post(b"{}")).await.status, 403);
    // Anyone can write this header. No proxy is trusted here.
    let forwarded = post_with("x-forwarded-for: 52.66.101.190\r\n", b"{}");
    assert_eq!(world.send(&forwarded).await.status, 403);
    assert!(world.fake.seen().is_empty());

    let settings = [settings[0], settings[1], ("TANDEM_TRUSTED_PROXIES", "127.0.0.1")];
    let world = World::with(&settings, Limits::default()).await;
    assert_eq!(world.send(&forwarded).await.status, 200);
    assert_eq!(world.fake.seen()[0].request.source_address, "52.66.101.190");
}

#[tokio::test]
async fn a_stop_lets_open_requests_finish() {
    let mut world = World::new().await;
    world.fake.script(Script::Slow(Duration::from_millis(500)));
    let mut stream = TcpStream::connect(world.gateway).await.unwrap();
    stream.write_all(&post(b"{}")).await.unwrap();
    while world.fake.seen().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    world.stop_gateway();
    assert_eq!(read_reply(&mut stream).await.status, 200);
    tokio::time::timeout(Duration::from_secs(5), &mut world.gateway_task).await.unwrap().unwrap();
    assert!(TcpStream::connect(world.gateway).await.is_err(), "the gateway no longer listens");
}

#[tokio::test]
async fn a_stop_does_not_wait_for_ever() {
    let mut world = World::limited(Limits { drain: Duration::from_millis(200), ..Limits::default() }).await;
    world.fake.script(Script::Slow(Duration::from_secs(30)));
    let mut stream = TcpStream::connect(world.gateway).await.unwrap();
    stream.write_all(&post(b"{}")).await.unwrap();
    while world.fake.seen().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    world.stop_gateway();
    tokio::time::timeout(Duration::from_secs(3), &mut world.gateway_task).await.unwrap().unwrap();
}

#[tokio::test]
async fn who_only_holds_on_makes_room_for_a_webhook() {
    let world = World::limited(Limits { connections_max: 8, ..Limits::default() }).await;
    let mut crowd = Vec::new();
    for number in 0..40 {
        let mut stream = TcpStream::connect(world.gateway).await.expect("the gateway listens");
        let begin: &[u8] = match number % 3 {
            0 => b"",
            1 => b"POST /webhooks/cashfree HTTP/1.1\r\nhost: x\r\nx-slow: ",
            _ => b"POST /webhooks/cashfree HTTP/1.1\r\nhost: x\r\ncontent-length: 4096\r\n\r\nhalf a",
        };
        let _ = stream.write_all(begin).await;
        crowd.push(stream);
    }
    let started = Instant::now();
    assert_eq!(world.send(&post(b"{}")).await.status, 200);
    assert!(started.elapsed() < Duration::from_secs(3), "answered after {:?}", started.elapsed());
}
