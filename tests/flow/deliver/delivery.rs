//! Delivery under pressure. A fault of one pixel or event affects no other, the server stays below Meta's limits, and
//! an operator's action takes effect at once.

use std::collections::HashSet;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use futures_util::{StreamExt as _, TryStreamExt as _};
use serde_json::{Value, json};
use tandem_proto::v1::{EventState, PauseDeliveryRequest, ReplayDeadLettersRequest, ResumeDeliveryRequest};
use tandem_tests::{GRAPH_TOKEN, OTHER_PIXEL_ID, PIXEL_ID, Person, World, messages};

fn answer(status: u16, body: &Value, headers: &Value) -> Value {
    json!({ "answer": { "status": status, "body": body.to_string(), "headers": headers } })
}

fn refusal(code: i64, subcode: i64) -> Value {
    let error = json!({"error": {"message": "x", "type": "OAuthException", "code": code, "error_subcode": subcode, "fbtrace_id": "AtRaCe"}});
    answer(400, &error, &json!({}))
}

/// Whether health shows this state and reason for the pixel.
fn pixel_is(health: &Value, pixel: &str, state: &str, reason: &str) -> bool {
    let mut pixels = health["pixels"].as_array().into_iter().flatten();
    pixels.any(|row| row["pixel_id"] == pixel && row["state"] == state && row["reason"] == reason)
}

/// Captures `count` leads, as many at once as visitors would.
async fn leads(world: &World, count: usize) -> anyhow::Result<Vec<String>> {
    let (caller, browser) = (world.internal()?, world.visitor().browser());
    futures_util::stream::iter(0..count)
        .map(|_| {
            let (caller, mut request) = (caller.clone(), messages::lead(&Person::unique()));
            request.browser = Some(browser.clone());
            async move { anyhow::Ok(caller.capture_lead(request).await?.event_id) }
        })
        .buffer_unordered(64)
        .try_collect()
        .await
}

async fn resume(world: &World) -> anyhow::Result<()> {
    world.internal()?.resume_delivery(ResumeDeliveryRequest::default()).await?;
    Ok(())
}

#[tokio::test]
async fn one_poison_event_among_a_thousand_holds_up_nobody() -> anyhow::Result<()> {
    let world = World::builder().without_gateway().server("TANDEM_LOG", "info").start().await?;
    world.internal()?.pause_delivery(PauseDeliveryRequest::default()).await?;
    let ids = leads(&world, 1000).await?;
    let poison = &ids[617];
    world.sandbox.refuse_event(poison).await?;
    // The delay gives a fresh lead time to overtake the search for the refused event.
    world.sandbox.script(json!({ "target": "graph", "delay_ms": 100 })).await?;
    resume(&world).await?;
    world
        .eventually("the first refusal", async || {
            let requests = world.sandbox.graph_requests().await?;
            Ok(requests.iter().any(|request| request["status"] == 400).then_some(()))
        })
        .await?;
    let fresh = world.capture_lead(&world.visitor(), &Person::unique()).await?.event_id;
    world.wait_for_server_event("Lead", &fresh).await?;
    let found = world.event("Lead", poison).await?.event.context("the poison")?.state();
    assert_ne!(found, EventState::DeadLetter, "the fresh lead did not wait for the search to end");

    world.wait_for_state("Lead", poison, EventState::DeadLetter).await?;
    world.wait_until_all_is_sent().await?;
    let attempt = world.event("Lead", poison).await?.attempts.pop().context("the event has no attempt")?;
    assert_eq!((attempt.meta_code, attempt.meta_subcode), (100, 2_804_019));
    assert_eq!((attempt.fbtrace_id.as_str(), attempt.batch_size), ("AtRaCe", 1));
    let arrived = world.sandbox.server_events("Lead").await?;
    assert_eq!(
        arrived.len(),
        999 + 2,
        "the other events, the fresh one and the last one must arrive once each"
    );
    let refused = world.sandbox.graph_requests().await?;
    let refused = refused.iter().filter(|request| request["status"] == 400).count();
    assert!(refused <= 11, "{refused} refused calls to find one event: log2(1000) is 10");
    Ok(())
}

#[tokio::test]
async fn a_slow_pixel_does_not_delay_another() -> anyhow::Result<()> {
    let world = World::builder().without_gateway().other_pixel(GRAPH_TOKEN).start().await?;
    world.sandbox.script(json!({ "target": "graph", "pixel": PIXEL_ID, "action": "hang" })).await?;
    let slow = leads(&world, 300).await?;
    let mut fast = messages::lead(&Person::unique());
    fast.pixel_id = OTHER_PIXEL_ID.to_owned();
    let fast = world.visitor().capture_lead(fast).await?.outcome?.event_id;
    world.wait_for_server_event("Lead", &fast).await?;
    let waits = world.event("Lead", &slow[0]).await?.event.unwrap_or_default().state();
    assert_ne!(waits, EventState::Delivered, "the slow pixel must still wait for its answer");
    Ok(())
}

#[tokio::test]
async fn a_call_limit_pauses_the_pixel_and_says_so() -> anyhow::Result<()> {
    let world = World::builder().without_gateway().start().await?;
    let headers = json!({ "x-business-use-case-usage": r#"{"1":[{"call_count":100,"estimated_time_to_regain_access":5}]}"# });
    let error = json!({"error": {"message": "x", "code": 80004, "fbtrace_id": "A"}});
    world.sandbox.fault("graph", Some(1), answer(400, &error, &headers)).await?;
    let first = world.capture_lead(&world.visitor(), &Person::unique()).await?.event_id;
    let paused = |health: &Value| pixel_is(health, PIXEL_ID, "open_circuit", "meta_throttled");
    let health = world.wait_for_health("the pause", paused).await?;
    assert_eq!(health["status"], "degraded");
    let second = world.capture_lead(&world.visitor(), &Person::unique()).await?.event_id;
    let due = world.event("Lead", &first).await?.event.and_then(|event| event.next_attempt_at);
    let now_s = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    assert!(
        due.is_some_and(|at| at.seconds.unsigned_abs() > now_s + 240),
        "the pixel must wait five minutes, as Meta asked"
    );
    assert_eq!(world.sandbox.graph_requests().await?.len(), 1, "nothing else may be tried meanwhile");

    // An operator resumes delivery earlier.
    resume(&world).await?;
    world.wait_for_server_event("Lead", &second).await?;
    Ok(())
}

#[tokio::test]
async fn a_nearly_used_up_allowance_stops_the_calls_before_meta_does() -> anyhow::Result<()> {
    let world = World::builder().without_gateway().start().await?;
    let headers = json!({ "x-app-usage": r#"{"call_count":96,"total_time":10,"total_cputime":10}"# });
    let taken = answer(200, &json!({"events_received": 1, "fbtrace_id": "A"}), &headers);
    world.sandbox.script(json!({ "target": "graph", "count": 1, "action": taken, "accept": true })).await?;
    let first = world.capture_lead(&world.visitor(), &Person::unique()).await?.event_id;
    world.wait_for_state("Lead", &first, EventState::Delivered).await?;
    let paused = |health: &Value| pixel_is(health, PIXEL_ID, "open_circuit", "meta_throttled");
    world.wait_for_health("the pause", paused).await?;
    let second = world.capture_lead(&world.visitor(), &Person::unique()).await?.event_id;
    resume(&world).await?;
    world.wait_for_server_event("Lead", &second).await?;
    Ok(())
}

#[tokio::test]
async fn requests_that_are_refused_whatever_they_hold_hold_the_pixel() -> anyhow::Result<()> {
    let world = World::builder().without_gateway().start().await?;
    world.sandbox.fault("graph", None, refusal(100, 0)).await?;
    let ids = leads(&world, 20).await?;
    let held = |health: &Value| pixel_is(health, PIXEL_ID, "held", "request_refused");
    let health = world.wait_for_health("the hold", held).await?;
    assert!(health["outbox"]["dead_letters"].as_u64().is_some_and(|n| n <= 1), "{health}");

    world.sandbox.heal().await?;
    resume(&world).await?;
    let delivers = |health: &Value| pixel_is(health, PIXEL_ID, "delivering", "");
    world.wait_for_health("delivery", delivers).await?;
    let replay = ReplayDeadLettersRequest { all: true, ..ReplayDeadLettersRequest::default() };
    world.internal()?.replay_dead_letters(replay).await?;
    resume(&world).await?;
    for id in &ids {
        // The events that were tried alone wait two minutes: at most eight from one address, and the probes. The
        // others are sent at once.
        let state = world.event("Lead", id).await?.event.unwrap_or_default();
        if state.code != "request_refused" {
            world.wait_for_server_event("Lead", id).await?;
        }
    }
    assert!(world.sandbox.server_events("Lead").await?.len() >= 8);
    Ok(())
}

#[tokio::test]
async fn events_that_meta_does_not_count_are_a_reason_to_look() -> anyhow::Result<()> {
    let world = World::builder().without_gateway().start().await?;
    world.internal()?.pause_delivery(PauseDeliveryRequest::default()).await?;
    let ids = leads(&world, 3).await?;
    let short = answer(200, &json!({"events_received": 2, "fbtrace_id": "A"}), &json!({}));
    world.sandbox.script(json!({ "target": "graph", "count": 1, "action": short, "accept": true })).await?;
    resume(&world).await?;
    for id in &ids {
        world.wait_for_state("Lead", id, EventState::Delivered).await?;
    }
    let attempt = world.event("Lead", &ids[0]).await?.attempts.pop().context("an attempt")?;
    assert_eq!(attempt.code, "delivered_short");
    let says =
        |health: &Value| health["reasons"].as_array().is_some_and(|all| all.contains(&json!("shortfall")));
    world.wait_for_health("the shortfall", says).await?;
    assert_eq!(world.sandbox.server_events("Lead").await?.len(), 3, "nothing may be sent again");
    Ok(())
}

#[tokio::test]
async fn an_event_that_grows_too_old_behind_a_held_pixel_becomes_a_dead_letter() -> anyhow::Result<()> {
    let world = World::builder().without_gateway().start().await?;
    world.sandbox.fault("graph", None, json!("refuse_token")).await?;
    let fresh = world.capture_lead(&world.visitor(), &Person::unique()).await?.event_id;
    world.wait_for_state("Lead", &fresh, EventState::Held).await?;
    // The server reserves fifteen minutes of Meta's seven days for delivery. This event has seconds left before that.
    let mut old = messages::lead(&Person::unique());
    let now_s = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())?;
    old.occurred_at = Some(prost_types::Timestamp { seconds: now_s - 7 * 24 * 3600 + 15 * 60 + 2, nanos: 0 });
    let old = world.visitor().capture_lead(old).await?.outcome?.event_id;
    let letter = world.wait_for_state("Lead", &old, EventState::DeadLetter).await?;
    assert_eq!(letter.code, "too_old");
    assert_eq!(world.event("Lead", &fresh).await?.event.unwrap_or_default().state(), EventState::Held);
    Ok(())
}

#[tokio::test]
async fn a_restart_with_a_new_token_delivers_what_the_old_one_could_not() -> anyhow::Result<()> {
    let mut world =
        World::builder().without_gateway().server("FACEBOOK_ACCESS_TOKEN", "an-old-token").start().await?;
    let ids = leads(&world, 5).await?;
    for id in &ids {
        world.wait_for_state("Lead", id, EventState::Held).await?;
    }
    world.restart_server_with(&[("FACEBOOK_ACCESS_TOKEN", GRAPH_TOKEN)]).await?;
    for id in &ids {
        world.wait_for_server_event("Lead", id).await?;
    }
    Ok(())
}

/// Drains a backlog while visitors leave leads. Each of Meta's answers takes `delay_ms`. The first fresh lead must
/// arrive before the last old one.
async fn fresh_leads_overtake(delay_ms: u64) -> anyhow::Result<()> {
    let world = World::builder().without_gateway().server("TANDEM_LOG", "info").start().await?;
    world.internal()?.pause_delivery(PauseDeliveryRequest::default()).await?;
    let old: HashSet<String> = leads(&world, 6000).await?.into_iter().collect();
    world.sandbox.script(json!({ "target": "graph", "delay_ms": delay_ms })).await?;
    resume(&world).await?;
    let requested = Instant::now();
    loop {
        world.capture_lead(&world.visitor(), &Person::unique()).await?;
        let backlog = world.health().await?["outbox"]["pending"].as_u64().unwrap_or_default();
        if backlog < 1000 {
            break;
        }
        anyhow::ensure!(requested.elapsed() < Duration::from_secs(60), "{backlog} events still wait");
    }
    world.wait_until_all_is_sent().await?;
    let arrived = world.sandbox.server_events("Lead").await?;
    let is_old: Vec<bool> = arrived.iter().map(|event| old.contains(event.event_id())).collect();
    assert_eq!(is_old.iter().filter(|old| **old).count(), old.len(), "each once");
    let (first_fresh, last_old) = (is_old.iter().position(|old| !old), is_old.iter().rposition(|old| *old));
    assert!(
        first_fresh < last_old,
        "the first fresh lead arrived at {first_fresh:?}, the last old one at {last_old:?}"
    );
    Ok(())
}

#[tokio::test]
async fn a_long_backlog_does_not_starve_fresh_events() -> anyhow::Result<()> {
    fresh_leads_overtake(0).await
}

#[tokio::test]
async fn nor_does_one_that_a_slow_meta_takes() -> anyhow::Result<()> {
    fresh_leads_overtake(500).await
}
