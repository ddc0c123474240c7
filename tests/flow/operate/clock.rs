//! A machine whose clock is wrong: nothing is given up until somebody says that the time is right.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;
use tandem_proto::v1::{ConfirmClockRequest, EventState, GetClockRequest};
use tandem_tests::status::expect_fields;
use tandem_tests::{GRAPH_TOKEN, Person, World, messages};

const DAY_S: i64 = 24 * 3600;
/// Longer than the server takes to give up what is too old.
const ROUNDS: Duration = Duration::from_secs(13);

fn is_untrusted(health: &Value) -> bool {
    health["reasons"]
        .as_array()
        .is_some_and(|reasons| reasons.iter().any(|reason| reason == "clock_untrusted"))
}

/// Starts the server so that its clock shows forty days more than what the store remembers.
async fn restart_forty_days_later(world: &mut World) -> anyhow::Result<()> {
    world.stop_server().await?;
    let db = rusqlite::Connection::open(world.data_dir().join("tandem.db"))?;
    let by_ms = 40 * DAY_S * 1000;
    let changed =
        db.execute("UPDATE clock SET wall_ms = wall_ms - ?1, believed_ms = believed_ms - ?1", [by_ms])?;
    anyhow::ensure!(changed == 1, "the store remembers a time");
    drop(db);
    world.restart_server().await
}

#[tokio::test]
async fn a_start_in_a_time_that_cannot_be_gives_up_nothing_until_it_is_confirmed() -> anyhow::Result<()> {
    let mut world =
        World::builder().without_gateway().server_without("FACEBOOK_ACCESS_TOKEN").start().await?;
    let mut lead = messages::lead(&Person::unique());
    let now_s = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())?;
    // Fifteen minutes of Meta's seven days are kept free for the way: this one has seconds left.
    lead.occurred_at = Some(prost_types::Timestamp { seconds: now_s - 7 * DAY_S + 15 * 60 + 5, nanos: 0 });
    let id = world.visitor().capture_lead(lead.clone()).await?.outcome?.event_id;
    restart_forty_days_later(&mut world).await?;

    world.wait_for_health("the doubt", is_untrusted).await?;
    tokio::time::sleep(ROUNDS).await;
    world.wait_for_state("Lead", &id, EventState::Held).await?;
    let again = world.visitor().capture_lead(lead).await?.outcome?;
    assert!(again.duplicate && again.event_id == id, "its age is no reason to refuse it, and it is known");
    // By a clock that is ahead, a lead of today happened last month.
    let mut old = messages::lead(&Person::unique());
    old.occurred_at = Some(prost_types::Timestamp { seconds: now_s - 30 * DAY_S, nanos: 0 });
    world.visitor().capture_lead(old.clone()).await?.outcome?;
    let clock = world.internal()?.get_clock(GetClockRequest {}).await?;
    assert!(!clock.trusted && clock.doubt == "implausible", "{clock:?}");
    assert!((40 * DAY_S - 60..40 * DAY_S + 600).contains(&clock.ahead_seconds), "{clock:?}");
    assert_eq!(clock.waiting, 2);

    // A kill and another start are no confirmation.
    world.restart_server().await?;
    assert!(is_untrusted(&world.health().await?));
    assert!(!world.internal()?.confirm_clock(ConfirmClockRequest {}).await?.was_trusted);
    let letter = world.wait_for_state("Lead", &id, EventState::DeadLetter).await?;
    assert_eq!(letter.code, "too_old");
    assert!(!is_untrusted(&world.health().await?));
    old.client_event_id = messages::lead(&Person::unique()).client_event_id;
    let refused = world.visitor().capture_lead(old).await?.outcome;
    expect_fields("a month ago by a time that is trusted", refused, &["occurred_at"]);
    Ok(())
}

#[tokio::test]
async fn an_answer_of_metas_confirms_the_time() -> anyhow::Result<()> {
    let mut world =
        World::builder().without_gateway().server_without("FACEBOOK_ACCESS_TOKEN").start().await?;
    let id = world.capture_lead(&world.visitor(), &Person::unique()).await?.event_id;
    restart_forty_days_later(&mut world).await?;
    world.wait_for_health("the doubt", is_untrusted).await?;
    world.restart_server_with(&[("FACEBOOK_ACCESS_TOKEN", GRAPH_TOKEN)]).await?;
    world.wait_for_state("Lead", &id, EventState::Delivered).await?;
    world.wait_for_health("trust", |health| !is_untrusted(health)).await?;
    Ok(())
}
