//! Crashes and restarts. Every acknowledged event arrives.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::Context as _;
use futures_util::{StreamExt as _, TryStreamExt as _};
use serde_json::json;
use tandem_proto::v1::{ErasePersonRequest, EventState};
use tandem_tests::{Person, World, messages};

/// Number of leads in the crash test, and how many are under way at once.
const LEADS: usize = 1000;
const IN_FLIGHT: usize = 64;

/// The answer of a Graph API during an outage.
fn outage() -> serde_json::Value {
    let body = json!({"error": {"message": "down", "type": "OAuthException", "code": 2, "is_transient": true, "fbtrace_id": "AtRaCe"}});
    json!({ "answer": { "status": 500, "body": body.to_string(), "headers": {} } })
}

#[tokio::test]
async fn a_thousand_acknowledged_leads_survive_a_kill() -> anyhow::Result<()> {
    let mut world = World::builder().without_gateway().server("TANDEM_LOG", "info").start().await?;
    world.sandbox.fault("graph", None, json!("hang")).await?;
    let (caller, browser) = (world.internal()?, world.visitor().browser());
    let acknowledged: Vec<String> = futures_util::stream::iter(0..LEADS)
        .map(|_| {
            let (caller, browser) = (caller.clone(), browser.clone());
            async move {
                let mut request = messages::lead(&Person::unique());
                request.browser = Some(browser);
                let proposed = request.client_event_id.clone();
                let answer = caller.capture_lead(request).await?;
                anyhow::ensure!(answer.event_id == proposed, "acknowledged under the caller's ID");
                Ok(answer.event_id)
            }
        })
        .buffer_unordered(IN_FLIGHT)
        .try_collect()
        .await?;
    world.kill_server();
    assert_eq!(acknowledged.len(), LEADS);
    assert!(world.sandbox.server_events("Lead").await?.is_empty(), "none had arrived before the kill");

    world.sandbox.heal().await?;
    world.restart_server().await?;
    let arrived = world
        .eventually_within(Duration::from_secs(60), "all leads to arrive", async || {
            let mut counts = HashMap::<String, usize>::new();
            for event in world.sandbox.server_events("Lead").await? {
                *counts.entry(event.event_id().to_owned()).or_default() += 1;
            }
            Ok((counts.len() >= LEADS).then_some(counts))
        })
        .await?;
    for id in &acknowledged {
        assert_eq!(arrived.get(id), Some(&1), "lead {id} arrived once");
    }
    assert_eq!(arrived.len(), LEADS, "no other lead may arrive");
    world
        .eventually("every lead to be known as delivered", async || {
            let delivered = world.events("Lead", EventState::Delivered).await?;
            Ok((delivered.len() == LEADS).then_some(()))
        })
        .await?;
    Ok(())
}

#[tokio::test]
async fn a_repeat_after_the_crash_is_still_a_duplicate() -> anyhow::Result<()> {
    let mut world = World::builder().without_gateway().start().await?;
    let visitor = world.visitor();
    let request = messages::lead(&Person::unique());
    let first = visitor.capture_lead(request.clone()).await?.outcome?;
    world.kill_server();
    world.restart_server().await?;
    let again = visitor.capture_lead(request).await?.outcome?;
    assert!(again.duplicate);
    assert_eq!(again.browser_event, first.browser_event);
    world.wait_until_all_is_sent().await?;
    Ok(())
}

#[tokio::test]
async fn a_graceful_stop_keeps_what_could_not_be_sent_and_its_schedule() -> anyhow::Result<()> {
    let mut world = World::builder().without_gateway().start().await?;
    world.sandbox.fault("graph", None, outage()).await?;
    let id = world.capture_lead(&world.visitor(), &Person::unique()).await?.event_id;
    let before = world
        .eventually("two failed attempts", async || {
            let event = world.event("Lead", &id).await?;
            Ok(Some(event).filter(|event| event.attempts.len() >= 2))
        })
        .await?;
    assert!(before.attempts.iter().all(|attempt| attempt.result == "retry" && attempt.http_status == 500));
    world.stop_server().await?;

    world.restart_server().await?;
    let after = world.event("Lead", &id).await?;
    let (was, is) = (before.event.context("an event")?, after.event.context("an event")?);
    assert!(
        is.attempts >= was.attempts,
        "the restart must not reset the count of attempts: {} then {}",
        was.attempts,
        is.attempts
    );
    assert_eq!(
        after.attempts[..before.attempts.len()],
        before.attempts[..],
        "earlier attempts are remembered"
    );

    world.sandbox.heal().await?;
    world.wait_for_server_event("Lead", &id).await?;
    world.wait_for_state("Lead", &id, EventState::Delivered).await?;
    Ok(())
}

#[tokio::test]
async fn a_paid_order_that_waits_for_its_browser_survives_a_kill() -> anyhow::Result<()> {
    let mut world = World::builder().server("TANDEM_JOIN_WAIT", "4s").start().await?;
    let (waits, claimed) = (messages::order_id(), messages::order_id());
    let (person, visitor) = (Person::unique(), world.visitor());
    visitor.claim_purchase(messages::purchase(&claimed, "10.00")).await?.outcome?;
    world.pay_order(&waits, "20.00", &person).await?;
    world.kill_server();
    world.restart_server().await?;

    // The order still waits after the crash, and a claim from before the crash joins a payment from after it.
    world.wait_for_server_event("Purchase", &format!("purchase_{waits}")).await?;
    world
        .eventually("the gateway to find the server again", async || {
            Ok(world.pay_order(&claimed, "10.00", &person).await.is_ok().then_some(()))
        })
        .await?;
    let arrived = world.wait_for_server_event("Purchase", &format!("purchase_{claimed}")).await?;
    assert_eq!(arrived.match_key("fbp"), visitor.fbp);
    Ok(())
}

#[tokio::test]
async fn two_servers_never_share_a_data_directory() -> anyhow::Result<()> {
    let world = World::builder().without_gateway().start().await?;
    let environment = [
        ("TANDEM_DATA_DIR".to_owned(), world.data_dir().display().to_string()),
        ("TANDEM_GRPC_ADDR".to_owned(), "127.0.0.1:0".to_owned()),
        ("TANDEM_HTTP_ADDR".to_owned(), "127.0.0.1:0".to_owned()),
    ];
    let program = tandem_tests::binaries::program("tandem-server")?;
    let ended = tandem_tests::process::Process::run(
        &program,
        &world.log_dir(),
        &environment.into_iter().collect(),
        &[],
    )
    .await?;
    assert!(ended.code.is_some_and(|code| code != 0), "the second server must not start");
    assert!(!ended.log.contains("panicked"), "{}", ended.log);
    world.wait_until_all_is_sent().await?;
    Ok(())
}

#[tokio::test]
async fn open_calls_are_answered_before_the_stop() -> anyhow::Result<()> {
    let mut world = World::builder().without_gateway().start().await?;
    let visitor = world.visitor();
    // A claim without a payment waits for some seconds. The server is stopped meanwhile.
    let claim = tokio::spawn(async move { visitor.claim_purchase(messages::purchase("KB-9", "1.00")).await });
    let (lead, caller) = (messages::lead(&Person::unique()), world.stranger()?);
    let lead_id = caller.capture_lead(lead).await?.event_id;
    world.wait_for_claim("KB-9").await?;
    world.stop_server().await?;
    let answer = claim.await??.outcome?;
    assert_eq!(answer.event_id, "purchase_KB-9", "the claim must get an answer before the connection closes");

    world.restart_server().await?;
    world.wait_for_server_event("Lead", &lead_id).await?;
    Ok(())
}

#[tokio::test]
async fn after_an_erasure_another_program_may_look_and_a_crash_loses_nothing() -> anyhow::Result<()> {
    let mut world = World::builder().without_gateway().start().await?;
    world.sandbox.fault("graph", None, json!("hang")).await?;
    let (visitor, erased) = (world.visitor(), Person::unique());
    world.capture_lead(&visitor, &erased).await?;
    let person = ErasePersonRequest { email: Some(erased.email.clone()), ..Default::default() };
    let answer = world.internal()?.erase_person(person).await?;
    anyhow::ensure!(!answer.leaves_traces, "{answer:?}");

    // An operator's shell. If nobody else held a lock, it would clear the log away when it closes.
    let shell = rusqlite::Connection::open(world.data_dir().join("tandem.db"))?;
    shell.query_row("SELECT count(*) FROM events", [], |row| row.get::<_, i64>(0))?;
    shell.close().map_err(|(_, error)| error)?;
    anyhow::ensure!(
        world.data_dir().join("tandem.db-wal").exists(),
        "the log was removed from under the server"
    );

    let acknowledged = world.capture_lead(&visitor, &Person::unique()).await?.event_id;
    world.kill_server();
    world.sandbox.heal().await?;
    world.restart_server().await?;
    world.wait_for_server_event("Lead", &acknowledged).await?;
    Ok(())
}
