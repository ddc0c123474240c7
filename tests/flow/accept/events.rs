//! Events other than Lead and Purchase.

use tandem_proto::v1::{
    Confirmation, Content, CustomData, Experiment, Money, Outcome, Property, TrackEventRequest,
};
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
async fn a_standard_event_in_another_spelling_is_the_standard_event() -> anyhow::Result<()> {
    let world = World::builder().without_gateway().start().await?;
    let visitor = world.visitor();
    for (given, standard) in [("viewcontent", "ViewContent"), ("Add To Cart", "AddToCart")] {
        let answer = visitor.track_event(messages::event(given, "1499.00")).await?.outcome?;
        let to_fire = answer.browser_event.expect("the page is told what to fire");
        assert_eq!((to_fire.event_name.as_str(), to_fire.custom), (standard, false));
        world.wait_for_server_event(standard, &answer.event_id).await?;
    }
    let answer = visitor.track_event(messages::event("Video: 50% (new)", "1.00")).await?.outcome?;
    world.wait_for_server_event("Video: 50% (new)", &answer.event_id).await?;
    Ok(())
}

#[tokio::test]
async fn an_id_keeps_its_case_and_names_one_event_in_any() -> anyhow::Result<()> {
    let world = World::builder().without_gateway().start().await?;
    let visitor = world.visitor();
    let mut request = messages::event("ViewContent", "1499.00");
    let given = request.client_event_id.to_uppercase();
    request.client_event_id.clone_from(&given);
    let answer = visitor.track_event(request.clone()).await?.outcome?;
    assert_eq!(answer.event_id, given, "the page may fire its copy by itself");
    assert_eq!(answer.browser_event.unwrap_or_default().event_id, given);
    world.wait_for_server_event("ViewContent", &given).await?;

    request.client_event_id = given.to_lowercase();
    let again = visitor.track_event(request).await?.outcome?;
    assert!(again.duplicate);
    assert_eq!(again.event_id, given, "Meta knows the first spelling");
    let fired = Confirmation {
        event_name: "ViewContent".to_owned(),
        event_id: given.to_lowercase(),
        outcome: Outcome::Fired.into(),
        ..Confirmation::default()
    };
    assert_eq!(visitor.confirm(vec![fired]).await?.outcome?.accepted, 1);
    Ok(())
}

#[tokio::test]
async fn identifiers_that_look_like_phone_numbers_stay() -> anyhow::Result<()> {
    let world = World::builder().without_gateway().start().await?;
    let mut request = messages::event("AddToCart", "1499.00");
    request.experiment = Some(Experiment {
        experiment_id: "9876543210".to_owned(),
        variant: "+91 98765 43210".to_owned(),
        ..Experiment::default()
    });
    let data = request.custom_data.get_or_insert_default();
    data.content_ids = vec!["9112345678".to_owned(), "asha@example.com".to_owned()];
    let id = world.visitor().track_event(request).await?.outcome?.event_id;
    let arrived = world.wait_for_server_event("AddToCart", &id).await?;
    assert_eq!(arrived.text(&["custom_data", "experiment_id"]), "9876543210", "an A/B test is not lost");
    assert_eq!(arrived.text(&["custom_data", "variant"]), "(removed)");
    let ids = arrived.field(&["custom_data", "content_ids"]);
    assert_eq!(ids, &serde_json::json!(["9112345678", "(removed)"]));
    Ok(())
}

#[tokio::test]
async fn prices_without_a_value_are_summed_or_left_out() -> anyhow::Result<()> {
    let world = World::builder().without_gateway().start().await?;
    let visitor = world.visitor();
    let line = |id: &str, quantity, amount: &str| Content {
        id: id.to_owned(),
        quantity,
        item_price: (!amount.is_empty())
            .then(|| Money { amount: amount.to_owned(), currency_code: "INR".to_owned() }),
    };
    let track = async |contents| {
        let mut request = messages::event("AddToCart", "1.00");
        request.custom_data = Some(CustomData { contents, ..CustomData::default() });
        let answer = visitor.track_event(request).await?.outcome?;
        let fired = answer.browser_event.unwrap_or_default().custom_data.unwrap_or_default();
        let arrived = world.wait_for_server_event("AddToCart", &answer.event_id).await?;
        anyhow::Ok((fired, arrived))
    };
    let (fired, arrived) = track(vec![line("deck", 2, "499.50"), line("wheel", 1, "1.00")]).await?;
    assert_eq!(fired.value.unwrap_or_default().amount, "1000.00", "both copies say the same");
    assert_eq!(arrived.value_minor(), 100_000);
    assert_eq!(arrived.text(&["custom_data", "currency"]), "INR");
    let (fired, arrived) = track(vec![line("deck", 2, "499.50"), line("wheel", 1, "")]).await?;
    assert_eq!(fired.value, None);
    assert!(arrived.field(&["custom_data", "value"]).is_null(), "a sum without one line would be wrong");
    assert!(
        arrived.field(&["custom_data", "contents"])[0]["item_price"].is_null(),
        "a price needs a currency"
    );
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
