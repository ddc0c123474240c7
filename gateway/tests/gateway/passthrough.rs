//! The server gets exactly the bytes that arrived.

use std::time::{SystemTime, UNIX_EPOCH};

use tandem_gateway::Limits;
use tandem_proto::v1::Provider;

use crate::http_client::{post, post_chunked, post_with};
use crate::world::{TOKEN, World};

#[tokio::test]
async fn bodies_arrive_byte_for_byte() {
    let world = World::new().await;
    let every_byte: Vec<u8> = (0..=255).collect();
    let bodies: [&[u8]; 7] = [
        b"",
        b"{\"payment_amount\":170.00}\n",
        b"\xef\xbb\xbf{\"a\" : 1.00,\r\n \"b\":\"\\u20b9\"}",
        b"\xff\xfe not text",
        &every_byte,
        b"orderId=KB-1&txMsg=00%3A%3Aok+x",
        &[0; 4096],
    ];
    for body in bodies {
        assert_eq!(world.send(&post(body)).await.status, 200);
        assert_eq!(world.send(&post_chunked(body, 7)).await.status, 200);
    }
    let seen = world.fake.seen();
    assert_eq!(seen.len(), 2 * bodies.len());
    for (pair, body) in seen.chunks(2).zip(bodies) {
        assert_eq!(pair[0].request.raw_body, body);
        assert_eq!(pair[1].request.raw_body, body);
    }
}

/// The signature covers the compressed body, so unpacking the body would break the signature.
#[tokio::test]
async fn content_encodings_are_left_alone() {
    let world = World::new().await;
    let body = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xab\xae\x05\x00\x43\xbf\xa6\xa3\x02\x00\x00\x00";
    assert_eq!(world.send(&post_with("content-encoding: gzip\r\n", body)).await.status, 200);
    let seen = &world.fake.seen()[0].request;
    assert_eq!(seen.raw_body, body);
    assert_eq!(seen.headers["content-encoding"], "gzip");
}

#[tokio::test]
async fn headers_arrive_in_lower_case_with_their_values_untouched() {
    let world = World::new().await;
    let headers = "X-Webhook-Signature:  dcMQtJj1XBbp0k86r7PnGW5kF78a4EzRv+yFeNZV5Bc= \r\n\
                   X-WEBHOOK-TIMESTAMP: 01763942400123\r\nX-Webhook-Version: 2026-01-01\r\n\
                   X-Extra: one\r\nx-extra: two\r\nAuthorization: Basic c2VjcmV0\r\nCookie: a=b\r\n";
    assert_eq!(world.send(&post_with(headers, b"{}")).await.status, 200);
    let seen = &world.fake.seen()[0];
    let request = &seen.request;
    assert_eq!(request.headers["x-webhook-signature"], "dcMQtJj1XBbp0k86r7PnGW5kF78a4EzRv+yFeNZV5Bc=");
    assert_eq!(request.headers["x-webhook-timestamp"], "01763942400123");
    assert_eq!(request.headers["x-webhook-version"], "2026-01-01");
    assert_eq!(request.headers["x-extra"], "one\ntwo");
    assert_eq!(request.content_type, "application/json");
    assert_eq!(request.provider(), Provider::Cashfree);
    assert_eq!(request.source_address, "127.0.0.1");
    // Credentials that a merchant configured for another service must not reach the server.
    assert!(!request.headers.contains_key("authorization") && !request.headers.contains_key("cookie"));
    assert_eq!(seen.authorization.as_deref(), Some(format!("Bearer {TOKEN}").as_str()));
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let received_at = request.received_at.as_ref().unwrap().seconds.unsigned_abs();
    assert!(now.abs_diff(received_at) <= 5);
}

#[tokio::test]
async fn a_header_that_is_no_text_is_no_missing_header() {
    let world = World::new().await;
    let mut request = post_with("x-webhook-signature: AAAA\r\n", b"{}");
    let at = request.windows(4).position(|window| window == b"AAAA").unwrap();
    request[at] = 0xff;
    assert_eq!(world.send(&request).await.status, 200);
    assert_eq!(world.fake.seen()[0].request.headers["x-webhook-signature"], "\u{fffd}AAA");
}

#[tokio::test]
async fn behind_a_trusted_proxy_the_sender_is_whom_it_names() {
    let settings = [("TANDEM_INTERNAL_TOKEN", TOKEN), ("TANDEM_TRUSTED_PROXIES", "127.0.0.0/8")];
    let world = World::with(&settings, Limits::default()).await;
    let request = post_with("x-forwarded-for: 6.6.6.6, 52.66.25.127, 127.0.0.9\r\n", b"{}");
    assert_eq!(world.send(&request).await.status, 200);
    assert_eq!(world.fake.seen()[0].request.source_address, "52.66.25.127");
}
