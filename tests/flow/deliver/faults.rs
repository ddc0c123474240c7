//! Faults of the Graph API. No event is lost, and health shows the fault.

use anyhow::Context as _;
use serde_json::{Value, json};
use tandem_proto::v1::EventState;
use tandem_tests::{GRAPH_TOKEN, OTHER_PIXEL_ID, PATIENCE, PIXEL_ID, Person, World, messages};

fn answer(status: u16, error: &Value) -> Value {
    json!({ "answer": { "status": status, "body": json!({ "error": error }).to_string(), "headers": {} } })
}

/// The result of an attempt: its name, its stable code, the HTTP status and Meta's code (0: none).
type Reason = (&'static str, &'static str, u32, i64);

/// Captures a lead while the Graph API has a fault. Waits for an attempt that failed for exactly this reason. Then
/// ends the fault and waits for the lead.
async fn survives(case: &str, action: Value, reason: Reason) -> anyhow::Result<()> {
    let world = World::builder().without_gateway().server("META_TIMEOUT", "1s").start().await?;
    world.sandbox.fault("graph", Some(1), action).await?;
    let id = world.capture_lead(&world.visitor(), &Person::unique()).await?.event_id;
    let arrived = world.wait_for_server_event("Lead", &id).await.context(case.to_owned())?;
    assert_eq!(arrived.event_id(), id);
    world.wait_for_state("Lead", &id, EventState::Delivered).await?;
    let attempts = world.event("Lead", &id).await?.attempts;
    let reasons: Vec<_> = attempts
        .iter()
        .map(|of| (of.result.as_str(), of.code.as_str(), of.http_status, of.meta_code))
        .collect();
    assert_eq!(reasons, [reason, ("delivered", "delivered", 200, 0)], "{case}");
    Ok(())
}

#[tokio::test]
async fn a_server_error_is_retried() -> anyhow::Result<()> {
    let error = json!({"message": "x", "type": "OAuthException", "code": 2, "is_transient": true, "fbtrace_id": "A1"});
    survives("HTTP 500", answer(500, &error), ("retry", "meta_transient", 500, 2)).await
}

#[tokio::test]
async fn a_page_instead_of_json_is_retried() -> anyhow::Result<()> {
    let page = json!({ "answer": { "status": 502, "body": "<html>bad gateway</html>", "headers": { "content-type": "text/html" } } });
    survives("HTML", page, ("retry", "meta_bad_answer", 502, 0)).await
}

#[tokio::test]
async fn no_answer_is_unknown_and_tried_again() -> anyhow::Result<()> {
    survives("no answer", json!("hang"), ("unknown", "meta_no_answer", 0, 0)).await
}

#[tokio::test]
async fn a_cut_connection_is_unknown_and_tried_again() -> anyhow::Result<()> {
    survives("a cut connection", json!("cut"), ("unknown", "meta_no_answer", 0, 0)).await
}

#[tokio::test]
async fn a_refused_event_becomes_a_dead_letter_and_spares_the_others() -> anyhow::Result<()> {
    let world = World::builder().without_gateway().start().await?;
    let visitor = world.visitor();
    // Meta refuses a whole batch once. The server then sends halves, and Meta accepts all events.
    let error = json!({"message": "Invalid parameter", "type": "OAuthException", "code": 100, "error_subcode": 2804019, "is_transient": false, "fbtrace_id": "A2"});
    world.sandbox.fault("graph", Some(1), answer(400, &error)).await?;
    let mut ids = Vec::new();
    for _ in 0..6 {
        ids.push(world.capture_lead(&visitor, &Person::unique()).await?.event_id);
    }
    // The first batch had one event or several. An event that is refused alone becomes a dead letter.
    let mut given_up = 0;
    for id in &ids {
        let state = world
            .eventually(format!("lead {id} to be finished"), async || {
                let state = world.event("Lead", id).await?.event.unwrap_or_default().state();
                Ok(Some(state)
                    .filter(|state| matches!(state, EventState::Delivered | EventState::DeadLetter)))
            })
            .await?;
        let arrived = world.sandbox.server_events_with_id("Lead", id).await?.len();
        if state == EventState::DeadLetter {
            given_up += 1;
            assert_eq!(arrived, 0);
        } else {
            assert_eq!(arrived, 1);
        }
    }
    assert!(given_up <= 1, "one refusal may give up one event at most, not {given_up}");

    // One event alone, which Meta refuses for good.
    world.wait_until_all_is_sent().await?;
    world.sandbox.fault("graph", Some(1), answer(400, &error)).await?;
    let refused = world.capture_lead(&visitor, &Person::unique()).await?.event_id;
    let letter = world.wait_for_state("Lead", &refused, EventState::DeadLetter).await?;
    let log = world.server_log();
    let told = |line: &&str| line.contains("WARN") && line.contains("dead letter") && line.contains(&refused);
    let line = log.lines().find(told).unwrap_or_default();
    for part in
        [r#""meta.code":100"#, r#""meta.subcode":"#, r#""meta.fbtrace_id":""#, r#""code":"meta_refused""#]
    {
        assert!(line.contains(part), "{part}: {line}");
    }
    assert_eq!(letter.code, "meta_refused", "a dead letter says why");
    let attempt = world.event("Lead", &refused).await?.attempts.pop().context("the event has no attempt")?;
    assert_eq!((attempt.result.as_str(), attempt.code.as_str()), ("refused", "meta_refused"));
    assert_eq!((attempt.meta_code, attempt.meta_subcode, attempt.http_status), (100, 2_804_019, 400));
    let all_counted = |health: &Value| health["outbox"]["dead_letters"] == given_up + 1;
    let health = world.wait_for_health("every dead letter", all_counted).await?;
    assert!(health["last_24h"]["delivery_rate"].as_f64().is_some_and(|rate| rate < 1.0));
    Ok(())
}

#[tokio::test]
async fn a_refused_token_holds_the_pixel_until_it_is_taken() -> anyhow::Result<()> {
    let world = World::builder().without_gateway().start().await?;
    world.sandbox.fault("graph", None, json!("refuse_token")).await?;
    let visitor = world.visitor();
    let id = world.capture_lead(&visitor, &Person::unique()).await?.event_id;
    let held = |health: &Value| health["pixels"][0]["state"] == "held" && health["outbox"]["held"] == 1;
    let health = world.wait_for_health("the pixel and its lead to be held", held).await?;
    assert_eq!(health["status"], "degraded");
    let pixel = &health["pixels"][0];
    assert_eq!(pixel["pixel_id"], PIXEL_ID);
    assert_eq!(pixel["reason"], "token_refused", "the hold says why");
    assert_eq!(health["reasons"], json!([format!("pixel_held:{PIXEL_ID}:token_refused")]));
    assert_eq!(health["outbox"]["pending"], 0, "events that wait for the token are counted separately");
    assert_eq!(world.event("Lead", &id).await?.event.unwrap_or_default().state(), EventState::Held);

    // The server still accepts leads, because a refused token is no reason to lose customers.
    assert_eq!(world.get("/readyz").await?.status(), 200);
    assert_eq!(world.get("/api/tracking-health").await?.status(), 200);
    let second = world.capture_lead(&visitor, &Person::unique()).await?.event_id;

    // Once Meta accepts the token again, the server notices it by itself. No event was lost.
    world.sandbox.heal().await?;
    let arrived = async || {
        let events = world.sandbox.server_events_with_id("Lead", &id).await?;
        Ok((!events.is_empty()).then_some(()))
    };
    world.eventually_within(2 * PATIENCE, "a probe to end the hold", arrived).await?;
    for id in [&id, &second] {
        world.wait_for_server_event("Lead", id).await?;
    }
    let recovered =
        |health: &Value| health["pixels"][0]["state"] == "delivering" && health["outbox"]["held"] == 0;
    world.wait_for_health("recovery", recovered).await?;
    Ok(())
}

#[tokio::test]
async fn without_a_pixel_and_token_events_are_held() -> anyhow::Result<()> {
    let mut world =
        World::builder().without_gateway().server_without("FACEBOOK_ACCESS_TOKEN").start().await?;
    let id = world.capture_lead(&world.visitor(), &Person::unique()).await?.event_id;
    let unconfigured = |health: &Value| health["pixels"][0]["state"] == "unconfigured";
    let health = world.wait_for_health("health to say why nothing is sent", unconfigured).await?;
    assert_eq!(health["status"], "degraded");
    assert_eq!(health["pixels"][0]["reason"], "unconfigured");
    assert_eq!(health["reasons"], json!([format!("pixel_unconfigured:{PIXEL_ID}")]));
    assert_eq!(world.get("/readyz").await?.status(), 200);
    assert!(
        world.sandbox.graph_requests().await?.is_empty(),
        "the server must not call Meta without a token"
    );

    world.restart_server_with(&[("FACEBOOK_ACCESS_TOKEN", GRAPH_TOKEN)]).await?;
    world.wait_for_server_event("Lead", &id).await?;
    Ok(())
}

#[tokio::test]
async fn a_token_in_a_file_is_read_again_when_it_changes() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("token");
    std::fs::write(&file, "an-old-token\n")?;
    let world = World::builder()
        .without_gateway()
        .server_without("FACEBOOK_ACCESS_TOKEN")
        .server("FACEBOOK_ACCESS_TOKEN_FILE", file.display().to_string())
        .start()
        .await?;
    let id = world.capture_lead(&world.visitor(), &Person::unique()).await?.event_id;
    world.wait_for_state("Lead", &id, EventState::Held).await?;
    std::fs::write(&file, format!("{GRAPH_TOKEN}\n"))?;
    world.wait_for_server_event("Lead", &id).await?;
    Ok(())
}

#[tokio::test]
async fn test_event_code_and_proof_travel_with_every_call() -> anyhow::Result<()> {
    let secret = "app_secret_abc";
    let world = World::builder()
        .without_gateway()
        .server("FACEBOOK_TEST_EVENT_CODE", "TEST123")
        .server("FACEBOOK_APP_SECRET", secret)
        .sandbox("TANDEM_SANDBOX_APP_SECRET", secret)
        .start()
        .await?;
    let id = world.visitor().capture_lead(messages::lead(&Person::unique())).await?.outcome?.event_id;
    world.wait_for_server_event("Lead", &id).await?;
    let row = world.sandbox.graph_rows().await?.pop().context("an accepted event")?;
    assert_eq!(row["test_event_code"], "TEST123");
    assert!(
        !row["appsecret_proof"].is_null() && row["appsecret_proof"] != false,
        "the sandbox checked a proof"
    );
    Ok(())
}

#[tokio::test]
async fn one_pixels_trouble_is_not_the_others() -> anyhow::Result<()> {
    let world = World::builder().without_gateway().other_pixel("another-token").start().await?;
    let visitor = world.visitor();
    let mut second = messages::lead(&Person::unique());
    second.pixel_id = OTHER_PIXEL_ID.to_owned();
    let second_id = visitor.capture_lead(second).await?.outcome?.event_id;
    world.wait_for_state("Lead", &second_id, EventState::Held).await?;

    let first_id = world.capture_lead(&visitor, &Person::unique()).await?.event_id;
    world.wait_for_server_event("Lead", &first_id).await?;
    let states = |health: &Value| {
        let state = |id: &str| {
            let pixels = health["pixels"].as_array().into_iter().flatten();
            pixels.filter(|pixel| pixel["pixel_id"] == id).map(|pixel| pixel["state"].clone()).next()
        };
        state(PIXEL_ID) == Some(json!("delivering")) && state(OTHER_PIXEL_ID) == Some(json!("held"))
    };
    world.wait_for_health("one pixel that delivers and one that is held", states).await?;
    Ok(())
}

#[tokio::test]
async fn test_events_in_production_are_a_reason_to_look() -> anyhow::Result<()> {
    let world = World::builder()
        .without_gateway()
        .server("CASHFREE_ENVIRONMENT", "PRODUCTION")
        .server("CASHFREE_CLIENT_SECRET_PRODUCTION", "cfsk_ma_prod_x")
        .server("FACEBOOK_TEST_EVENT_CODE", "TEST123")
        .start()
        .await?;
    let health = world.health().await?;
    assert_eq!(health["status"], "degraded", "{health}");
    assert_eq!(health["reasons"], json!([format!("test_event_code_in_production:{PIXEL_ID}")]));
    Ok(())
}
