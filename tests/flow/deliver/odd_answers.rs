//! Answers of the Graph API that public reports show: a refused click ID, an answer that counts nothing, an error with a
//! field that cannot be read.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use tandem_proto::v1::EventState;
use tandem_tests::{PIXEL_ID, Person, World};

fn answer(status: u16, body: &Value) -> Value {
    json!({ "answer": { "status": status, "body": body.to_string(), "headers": {} } })
}

fn has_reason(health: &Value, reason: &str) -> bool {
    health["reasons"].as_array().is_some_and(|reasons| reasons.iter().any(|found| found == reason))
}

#[tokio::test]
async fn a_refused_click_id_costs_the_click_id_and_not_the_event() -> anyhow::Result<()> {
    let world = World::builder().without_gateway().start().await?;
    let refusal = answer(400, &json!({"error": {"message": "x", "code": 100, "error_subcode": 2804001}}));
    let fault = json!({ "target": "graph", "action": refusal, "containing": "\"fbc\"" });
    world.sandbox.script(fault).await?;
    let visitor = world.visitor();
    let id = world.capture_lead(&visitor, &Person::unique()).await?.event_id;
    world.wait_for_state("Lead", &id, EventState::Delivered).await?;
    let arrived = world.sandbox.server_events_with_id("Lead", &id).await?;
    assert_eq!(arrived.len(), 1);
    assert_eq!((arrived[0].match_key("fbc"), arrived[0].match_key("fbp")), ("", visitor.fbp.as_str()));
    let attempts = world.event("Lead", &id).await?.attempts;
    let codes: Vec<&str> = attempts.iter().map(|attempt| attempt.code.as_str()).collect();
    assert_eq!(codes, ["delivered_without_click_id"]);
    let metrics = world.get("/metrics").await?.text().await?;
    assert!(metrics.contains("code=\"delivered_without_click_id\""), "{metrics}");
    Ok(())
}

#[tokio::test]
async fn what_meta_does_not_count_is_not_sent_again_at_once() -> anyhow::Result<()> {
    let world = World::builder().without_gateway().start().await?;
    world.sandbox.fault("graph", None, answer(200, &json!({"events_received": 0}))).await?;
    let first = world.capture_lead(&world.visitor(), &Person::unique()).await?.event_id;
    let reason = format!("pixel_held:{PIXEL_ID}:meta_received_none");
    let says = |health: &Value| has_reason(health, &reason) && has_reason(health, "shortfall");
    world.wait_for_health("the pixel to be held", says).await?;
    let due = world.event("Lead", &first).await?.event.and_then(|event| event.next_attempt_at);
    let now_s = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    assert!(due.is_some_and(|at| at.seconds.unsigned_abs() > now_s + 500), "{due:?}");
    // A later lead waits for the next probe, and is not lost.
    let second = world.capture_lead(&world.visitor(), &Person::unique()).await?.event_id;
    assert_eq!(world.event("Lead", &second).await?.event.unwrap_or_default().state(), EventState::Held);
    assert_eq!(world.sandbox.graph_requests().await?.len(), 1, "one call, and no other");
    Ok(())
}

#[tokio::test]
async fn numbers_that_are_texts_are_numbers() -> anyhow::Result<()> {
    let world = World::builder().without_gateway().start().await?;
    let taken = answer(200, &json!({"events_received": "1", "messages": null, "fbtrace_id": 7}));
    world.sandbox.script(json!({ "target": "graph", "action": taken, "accept": true })).await?;
    let id = world.capture_lead(&world.visitor(), &Person::unique()).await?.event_id;
    world.wait_for_state("Lead", &id, EventState::Delivered).await?;
    assert_eq!(world.sandbox.server_events_with_id("Lead", &id).await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_field_that_cannot_be_read_does_not_hide_a_refused_token() -> anyhow::Result<()> {
    let world = World::builder().without_gateway().start().await?;
    let error = json!({"error": {"code": "190", "error_user_msg": null, "fbtrace_id": 7}});
    world.sandbox.fault("graph", None, answer(400, &error)).await?;
    world.capture_lead(&world.visitor(), &Person::unique()).await?;
    let reason = format!("pixel_held:{PIXEL_ID}:token_refused");
    world.wait_for_health("the hold", |health: &Value| has_reason(health, &reason)).await?;
    Ok(())
}
