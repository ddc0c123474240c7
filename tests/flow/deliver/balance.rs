//! Every accepted event has one outcome: it is finished, or it still waits.

use std::collections::HashMap;

use serde_json::json;
use tandem_proto::v1::{AdsConsent, Consent, EventState, TrackEventRequest};
use tandem_tests::{Person, World, messages};

/// Sum of the samples with this label, such as `outcome="accepted"`, over all other labels.
fn sum(metrics: &str, name: &str, label: &str) -> u64 {
    let samples = metrics.lines().filter(|line| line.starts_with(name) && line.contains(label));
    samples.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum()
}

#[tokio::test]
async fn accepted_is_what_was_finished_and_what_waits() -> anyhow::Result<()> {
    let world = World::start().await?;
    let visitor = world.visitor();
    let mut accepted = 0;

    // One event that Meta refuses, some that are delivered, one suppressed event, a duplicate, and a paid order.
    let error = json!({"message": "x", "type": "OAuthException", "code": 100, "error_subcode": 2804019, "fbtrace_id": "A"});
    let refusal =
        json!({ "answer": { "status": 400, "body": json!({ "error": error }).to_string(), "headers": {} } });
    world.sandbox.fault("graph", Some(1), refusal).await?;
    let refused = world.capture_lead(&visitor, &Person::unique()).await?.event_id;
    world.wait_for_state("Lead", &refused, EventState::DeadLetter).await?;
    let repeated = messages::lead(&Person::unique());
    for _ in 0..3 {
        visitor.capture_lead(repeated.clone()).await?.outcome?;
    }
    let mut denied = messages::lead(&Person::unique());
    denied.consent = Some(Consent { ads: AdsConsent::ConsentDenied.into(), ..Consent::default() });
    let denied = visitor.capture_lead(denied).await?.outcome?.event_id;
    visitor.track_event(messages::event("AddToCart", "5.00")).await?.outcome?;
    world.pay_order(&messages::order_id(), "10.00", &Person::unique()).await?;
    accepted += 2 + 1 + 1 + 1;
    world.wait_until_all_is_sent().await?;
    accepted += 1;
    // Some events that wait, because Meta refuses the token from now on.
    world.sandbox.fault("graph", None, json!("refuse_token")).await?;
    let mut waiting = Vec::new();
    for _ in 0..3 {
        waiting.push(world.capture_lead(&visitor, &Person::unique()).await?.event_id);
    }
    accepted += 3;
    for id in &waiting {
        world.wait_for_state("Lead", id, EventState::Held).await?;
    }

    let mut states = HashMap::<EventState, usize>::new();
    let events = world.events("", EventState::Unspecified).await?;
    for event in &events {
        *states.entry(event.state()).or_default() += 1;
    }
    assert_eq!(events.len(), accepted, "{states:?}");
    assert_eq!(states.get(&EventState::DeadLetter), Some(&1), "{states:?}");
    assert_eq!(states.get(&EventState::Suppressed), Some(&1), "{states:?}");
    assert_eq!(states.get(&EventState::Held), Some(&3), "{states:?}");
    assert_eq!(states.get(&EventState::Delivered), Some(&4), "{states:?}");
    assert!(events.iter().any(|event| event.event_id == denied));
    assert_eq!(world.sandbox.server_events("").await?.len(), 4, "each delivered event must have arrived");

    // The metrics must agree.
    world.wait_for_health("three held events", |health| health["outbox"]["held"] == 3).await?;
    let metrics = world.get("/metrics").await?.text().await?;
    let of = |outcome: &str| sum(&metrics, "tandem_events_last_24h", &format!("outcome=\"{outcome}\""));
    let open = 3;
    assert_eq!(of("delivered"), 4, "{metrics}");
    assert_eq!(of("dead_letter"), 1, "{metrics}");
    assert_eq!(of("suppressed"), 1, "{metrics}");
    assert_eq!(of("duplicate"), 2, "{metrics}");
    assert_eq!(
        of("accepted"),
        of("delivered") + of("dead_letter") + open,
        "suppressed events are counted separately"
    );
    Ok(())
}

#[tokio::test]
async fn strangers_cannot_make_metrics_grow() -> anyhow::Result<()> {
    let world = World::builder().without_gateway().start().await?;
    let visitor = world.visitor();
    for number in 0..20 {
        let event_name = format!("Invented{number}");
        let request = TrackEventRequest { event_name, ..TrackEventRequest::default() };
        visitor.track_event(request).await?.outcome?;
    }
    world.wait_until_all_is_sent().await?;
    let metrics = world.get("/metrics").await?.text().await?;
    assert!(!metrics.contains("Invented1"), "a label contains a name that a stranger invented:\n{metrics}");
    Ok(())
}
