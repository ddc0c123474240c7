//! `/livez`, `/readyz`, and a gateway that starts without its token.

use std::time::Duration;

use tandem_gateway::Limits;

use crate::http_client::post;
use crate::world::World;

/// Longer than an answer of `/readyz` is cached.
const FORGOTTEN: Duration = Duration::from_millis(600);

#[tokio::test]
async fn a_gateway_without_a_token_starts_and_reads_it_when_it_comes() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().to_str().unwrap();
    let world = World::with(&[("TANDEM_DATA_DIR", data_dir)], Limits::default()).await;
    assert_eq!(world.get("/livez").await.status, 200);
    let reply = world.get("/readyz").await;
    assert_eq!((reply.status, reply.body.as_str()), (503, r#"{"status":"not_ready","reason":"no_token"}"#));
    let reply = world.send(&post(b"{}")).await;
    assert_eq!((reply.status, reply.header("retry-after")), (503, Some("30")));
    assert!(world.fake.seen().is_empty(), "without a token nothing is forwarded");

    std::fs::write(folder.path().join("internal-token"), "first\n").unwrap();
    assert_eq!(world.get("/readyz").await.status, 200);
    assert_eq!(world.send(&post(b"{}")).await.status, 200);
    std::fs::write(folder.path().join("internal-token"), "second-one\n").unwrap();
    assert_eq!(world.send(&post(b"{}")).await.status, 200);
    let tokens: Vec<_> = world.fake.seen().into_iter().filter_map(|seen| seen.authorization).collect();
    assert_eq!(tokens, ["Bearer first", "Bearer second-one"]);
}

#[tokio::test]
async fn readiness_follows_the_server() {
    let mut world = World::new().await;
    assert_eq!(world.get("/readyz").await.body, r#"{"status":"ready"}"#);
    world.stop_server().await;
    tokio::time::sleep(FORGOTTEN).await;
    let reply = world.get("/readyz").await;
    assert_eq!(
        (reply.status, reply.body.as_str()),
        (503, r#"{"status":"not_ready","reason":"server_away"}"#)
    );
    assert_eq!(world.get("/livez").await.status, 200, "the gateway is alive although it is not ready");
    world.start_server().await;
    tokio::time::sleep(FORGOTTEN).await;
    assert_eq!(world.get("/readyz").await.status, 200);
}
