//! The page's reports, and the deduplication rate that they result in.

use serde_json::Value;
use tandem_proto::v1::{Confirmation, EventState, Outcome};
use tandem_tests::{Person, World, messages};

fn report(id: &str, outcome: Outcome) -> Confirmation {
    Confirmation {
        event_name: "Lead".to_owned(),
        event_id: id.to_owned(),
        outcome: outcome.into(),
        ..Confirmation::default()
    }
}

fn rate_is(health: &Value, expected: f64) -> bool {
    health["last_24h"]["deduplication_rate"].as_f64().is_some_and(|rate| (rate - expected).abs() < 1e-9)
}

#[tokio::test]
async fn the_rate_is_confirmed_of_delivered() -> anyhow::Result<()> {
    let world = World::builder().without_gateway().start().await?;
    let visitor = world.visitor();
    assert!(world.health().await?["last_24h"]["deduplication_rate"].is_null(), "nothing was delivered yet");
    let mut ids = Vec::new();
    for _ in 0..4 {
        ids.push(world.capture_lead(&visitor, &Person::unique()).await?.event_id);
    }
    for id in &ids {
        world.wait_for_state("Lead", id, EventState::Delivered).await?;
    }

    let answer = visitor
        .confirm(vec![
            report(&ids[0], Outcome::Fired),
            report(&ids[1], Outcome::Fired),
            report(&ids[1], Outcome::Fired),
            report(&ids[2], Outcome::Blocked),
            report(&messages::event_id(), Outcome::Fired),
        ])
        .await?
        .outcome?;
    assert_eq!((answer.accepted, answer.unknown), (4, 1));
    world.wait_for_health("a rate of one half", |health| rate_is(health, 0.5)).await?;
    for (id, outcome) in [(&ids[0], "fired"), (&ids[2], "blocked"), (&ids[3], "")] {
        let event = world.event("Lead", id).await?.event.unwrap_or_default();
        assert_eq!(event.browser_outcome, outcome);
    }

    // No time of a report is out of range: it is moved between 1970 and now.
    for seconds in [i64::MIN, i64::MAX] {
        let occurred_at = Some(prost_types::Timestamp { seconds, nanos: i32::MIN });
        let report = Confirmation { occurred_at, ..report(&ids[3], Outcome::Blocked) };
        assert_eq!(visitor.confirm(vec![report]).await?.outcome?.accepted, 1);
    }

    // A page that was blocked at first and fired at its second try counts as fired.
    assert_eq!(world.confirm_fired(&visitor, "Lead", &ids[2]).await?, (1, 0));
    world.wait_for_health("a rate of three quarters", |health| rate_is(health, 0.75)).await?;
    Ok(())
}
