//! `/metrics`: every answer is counted, and only callers that no proxy passed on see it.

use tandem_proto::v1::Verdict;

use crate::fake_server::Script;
use crate::http_client::post;
use crate::world::World;

#[tokio::test]
async fn every_answer_is_counted_under_its_name() {
    let mut world = World::new().await;
    for verdict in [Verdict::Accepted, Verdict::Accepted, Verdict::InvalidSignature, Verdict::DeadLettered] {
        world.fake.script(Script::Verdict(verdict));
        world.send(&post(b"{}")).await;
    }
    assert_eq!(world.get("/webhooks/cashfree").await.status, 405);
    world.stop_server().await;
    world.send(&post(b"{}")).await;

    let reply = world.get("/metrics").await;
    assert_eq!(reply.status, 200);
    assert!(
        reply.header("content-type").is_some_and(|kind| kind.starts_with("application/openmetrics-text"))
    );
    for (answer, count) in
        [("accepted", 2), ("invalid_signature", 1), ("dead_lettered", 1), ("method", 1), ("server_away", 1)]
    {
        let line = format!(
            "tandem_gateway_webhooks_total{{path=\"/webhooks/cashfree\",answer=\"{answer}\"}} {count}\n"
        );
        assert!(reply.body.contains(&line), "{line}{}", reply.body);
    }
    assert!(reply.body.contains("tandem_gateway_answer_seconds_count 6\n"), "{}", reply.body);
    assert!(reply.body.contains("tandem_gateway_webhooks_in_work 0\n"), "{}", reply.body);

    let passed_on = b"GET /metrics HTTP/1.1\r\nhost: gateway\r\nx-forwarded-for: 192.0.2.7\r\n\r\n";
    assert_eq!(world.send(passed_on).await.status, 403);
    assert_eq!(world.send(b"GET /metrics HTTP/1.1\r\nhost: hooks.shop.example\r\n\r\n").await.status, 403);
}
