//! Events other than Lead and Purchase.

use tandem_proto::v1::{CustomData, Property, TrackEventRequest};
use tandem_tests::{World, messages};

#[tokio::test]
async fn standard_and_custom_events_take_the_same_way() -> anyhow::Result<()> {
    let world = World::builder().without_gateway().start().await?;
    let visitor = world.visitor();

    let request = messages::event("InitiateCheckout", "1499.00");
    let proposed = request.client_event_id.clone();
    let answer = visitor.track_event(request.clone()).await?.outcome?;
    assert_eq!(answer.event_id, proposed);
    let to_fire = answer.browser_event.expect("the page is told what to fire");
    assert!(!to_fire.custom);
    let fired = to_fire.custom_data.expect("parameters for the page");
    assert_eq!(fired.content_ids, ["deck"]);
    let arrived = world.wait_for_server_event("InitiateCheckout", &proposed).await?;
    assert_eq!(arrived.value_minor(), 149_900);
    assert_eq!(arrived.field(&["custom_data", "content_ids"]), &serde_json::json!(["deck"]));
    assert_eq!(arrived.field(&["custom_data", "num_items"]), 1);
    assert_eq!(arrived.text(&["custom_data", "content_type"]), "product");
    assert_eq!(arrived.field(&["custom_data", "contents"])[0]["id"], "deck");
    assert!(visitor.track_event(request.clone()).await?.outcome?.duplicate);

    // The deduplication key is name and ID, so the same ID under another name is another event.
    let mut other = request;
    other.event_name = "AddPaymentInfo".to_owned();
    assert!(!visitor.track_event(other).await?.outcome?.duplicate);
    world.wait_for_server_event("AddPaymentInfo", &proposed).await?;

    let custom = TrackEventRequest {
        event_name: "DeckConfigured".to_owned(),
        custom_data: Some(CustomData {
            properties: vec![Property { key: "width".to_owned(), value: "8.25".to_owned() }],
            ..CustomData::default()
        }),
        ..TrackEventRequest::default()
    };
    let answer = visitor.track_event(custom).await?.outcome?;
    assert!(answer.browser_event.expect("the page is told what to fire").custom, "goes through trackCustom");
    let arrived = world.wait_for_server_event("DeckConfigured", &answer.event_id).await?;
    assert_eq!(arrived.text(&["custom_data", "width"]), "8.25");
    Ok(())
}

#[tokio::test]
async fn an_event_needs_no_person() -> anyhow::Result<()> {
    let world = World::builder().without_gateway().start().await?;
    let visitor = world.visitor();
    let request = TrackEventRequest { event_name: "PageView".to_owned(), ..TrackEventRequest::default() };
    let answer = visitor.track_event(request).await?.outcome?;
    let arrived = world.wait_for_server_event("PageView", &answer.event_id).await?;
    assert_eq!(arrived.match_key("fbp"), visitor.fbp);
    assert!(arrived.field(&["user_data", "em"]).is_null());
    assert!(arrived.field(&["custom_data", "value"]).is_null(), "no value is invented");
    Ok(())
}
