//! The operator's tool against a running server.

use std::collections::BTreeMap;

use tandem_proto::v1::EventState;
use tandem_tests::process::{Ended, Process};
use tandem_tests::{INTERNAL_TOKEN, Person, World, binaries};

async fn tandem(world: &World, token: &str, arguments: &[&str]) -> anyhow::Result<Ended> {
    let environment = BTreeMap::from([
        ("TANDEM_SERVER_URL".to_owned(), world.grpc.clone()),
        ("TANDEM_INTERNAL_TOKEN".to_owned(), token.to_owned()),
    ]);
    Process::run(&binaries::program("tandem")?, &world.log_dir(), &environment, arguments).await
}

#[tokio::test]
async fn the_tool_shows_health_and_events() -> anyhow::Result<()> {
    let mut world = World::builder().without_gateway().start().await?;
    let id = world.capture_lead(&world.visitor(), &Person::unique()).await?.event_id;
    world.wait_for_state("Lead", &id, EventState::Delivered).await?;
    world.wait_for_health("one lead", |health| health["last_24h"]["lead_events"] == 1).await?;

    let health = tandem(&world, INTERNAL_TOKEN, &["health"]).await?;
    assert_eq!(health.code, Some(0), "{}", health.log);
    assert!(health.out.contains("healthy"), "{}", health.out);
    let events = tandem(&world, INTERNAL_TOKEN, &["events", "list"]).await?;
    assert_eq!(events.code, Some(0), "{}", events.log);
    assert!(events.out.contains(&id) && events.out.contains("Lead"), "{}", events.out);

    let refused = tandem(&world, "a-wrong-token", &["health"]).await?;
    assert_eq!(refused.code, Some(2), "a wrong token: {}", refused.log);
    assert!(!refused.log.contains("a-wrong-token"), "{}", refused.log);
    world.stop_server().await?;
    let away = tandem(&world, INTERNAL_TOKEN, &["health"]).await?;
    assert_eq!(away.code, Some(3), "the server is away: {}", away.log);
    assert!(!away.log.contains("panicked"), "{}", away.log);
    Ok(())
}
