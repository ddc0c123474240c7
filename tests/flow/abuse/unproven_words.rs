//! An unproven word binds nothing that a proof decides: events without the shop's key, and
//! reports of a fired Purchase without the key that came with it.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use tandem_proto::v1::{
    AdsConsent, Confirmation, Consent, EventState, GetOrderRequest, Outcome, PurchaseState, TrackEventRequest,
};
use tandem_tests::{OTHER_PIXEL_ID, PIXEL_ID, Person, World, messages};
use tonic::Code;

const CLAIM_SECRET: &str = "claims-are-signed-with-this";

fn claim_key(order: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(CLAIM_SECRET.as_bytes()).expect("any length is a key");
    mac.update(order.as_bytes());
    hex::encode(mac.finalize().into_bytes())
}

/// An event of a stranger that names an order.
fn event_on(order: &str) -> TrackEventRequest {
    let mut event = messages::event("InitiateCheckout", "1.00");
    order.clone_into(&mut event.order_id);
    event
}

fn fired(order: &str) -> Confirmation {
    Confirmation {
        event_name: "Purchase".to_owned(),
        event_id: format!("purchase_{order}"),
        outcome: Outcome::Fired.into(),
        ..Confirmation::default()
    }
}

#[tokio::test]
async fn with_a_claim_secret_an_event_without_the_key_decides_nothing_of_its_order() -> anyhow::Result<()> {
    let world = World::builder()
        .server("TANDEM_CLAIM_SECRET", CLAIM_SECRET)
        .other_pixel("other-token")
        .start()
        .await?;
    let (stranger, person) = (world.visitor(), Person::unique());
    let (denied, granted, moved) = (messages::order_id(), messages::order_id(), messages::order_id());

    let mut refusal = event_on(&denied);
    refusal.consent = Some(Consent { ads: AdsConsent::ConsentDenied.into(), ..Consent::default() });
    stranger.track_event(refusal).await?.outcome?;
    let own = stranger.track_event(event_on(&granted)).await?.outcome?;
    let mut elsewhere = event_on(&moved);
    elsewhere.pixel_id = OTHER_PIXEL_ID.to_owned();
    stranger.track_event(elsewhere).await?.outcome?;

    // It counts as an event of its own, and nobody knows the order by it.
    world.wait_for_server_event("InitiateCheckout", &own.event_id).await?;
    let asked = world.internal()?.get_order(GetOrderRequest { order_id: granted.clone() }).await;
    assert_eq!(asked.err().map(|status| status.code()), Some(Code::NotFound));
    for order in [&denied, &granted, &moved] {
        world.pay_order(order, "1399.50", &person).await?;
        let arrived = world.wait_for_server_event("Purchase", &format!("purchase_{order}")).await?;
        assert_eq!(arrived.match_key("fbp"), "", "the stranger's browser is not on the Purchase");
        assert_eq!(arrived.match_key("client_user_agent"), "");
        let event = world.event("Purchase", &format!("purchase_{order}")).await?.event.unwrap_or_default();
        assert_eq!(event.pixel_id, PIXEL_ID, "nor does the stranger choose the pixel");
    }
    Ok(())
}

#[tokio::test]
async fn a_stranger_who_says_that_an_unpaid_purchase_was_fired_changes_nothing() -> anyhow::Result<()> {
    let world = World::start().await?;
    let (buyer, stranger, person, order) =
        (world.visitor(), world.visitor(), Person::unique(), messages::order_id());
    let mut checkout = event_on(&order);
    checkout.event_name = "InitiateCheckout".to_owned();
    buyer.track_event(checkout).await?.outcome?;
    let forged = stranger.confirm(vec![fired(&order)]).await?.outcome?;
    assert_eq!((forged.accepted, forged.unknown), (0, 1));

    world.pay_order(&order, "1399.50", &person).await?;
    let id = format!("purchase_{order}");
    world.wait_for_state("Purchase", &id, EventState::Delivered).await?;
    stranger.confirm(vec![fired(&order)]).await?.outcome?;
    let event = world.event("Purchase", &id).await?.event.unwrap_or_default();
    assert_eq!(event.browser_outcome, "", "the deduplication rate does not count a stranger's word");
    let answer = buyer.claim_purchase(messages::purchase(&order, "1399.50")).await?.outcome?;
    assert_eq!(answer.state(), PurchaseState::Verified);
    assert!(answer.browser_event.is_some(), "the buyer's page fires");
    Ok(())
}

#[tokio::test]
async fn under_the_optimistic_policy_a_fired_with_its_key_counts_once_the_order_is_paid() -> anyhow::Result<()>
{
    let world = World::builder().server("TANDEM_BROWSER_POLICY", "optimistic").start().await?;
    let (buyer, stranger, person, order) =
        (world.visitor(), world.visitor(), Person::unique(), messages::order_id());
    let told = buyer.claim_purchase(messages::purchase(&order, "1399.50")).await?.outcome?;
    assert_eq!((told.state(), told.browser_event.is_some()), (PurchaseState::Pending, true));
    assert_eq!(told.confirm_key.len(), 64);
    let other = stranger.claim_purchase(messages::purchase(&order, "1399.50")).await?.outcome?;
    assert_eq!((other.browser_event, other.confirm_key.as_str()), (None, ""), "another browser owns it");
    let wrong = claim_key(&order);
    assert_eq!(world.confirm_purchase(&stranger, &order, &wrong).await?, (0, 1));
    assert_eq!(world.confirm_purchase(&buyer, &order, &told.confirm_key).await?, (1, 0));

    world.pay_order(&order, "1399.50", &person).await?;
    let id = format!("purchase_{order}");
    let event = world.wait_for_state("Purchase", &id, EventState::Delivered).await?;
    assert_eq!(event.browser_outcome, "fired");
    world
        .wait_for_health("a rate of one", |health| {
            health["last_24h"]["deduplication_rate"].as_f64().is_some_and(|rate| rate > 0.99)
        })
        .await?;
    let again = buyer.claim_purchase(messages::purchase(&order, "1399.50")).await?.outcome?;
    assert_eq!((again.state(), again.browser_event), (PurchaseState::Verified, None), "it has fired");
    Ok(())
}

#[tokio::test]
async fn with_the_shops_key_a_checkout_and_a_report_of_a_fired_purchase_count() -> anyhow::Result<()> {
    let world = World::builder().server("TANDEM_CLAIM_SECRET", CLAIM_SECRET).start().await?;
    let (buyer, person, order) = (world.visitor(), Person::unique(), messages::order_id());
    let mut checkout = event_on(&order);
    checkout.claim_key = claim_key(&order);
    buyer.track_event(checkout).await?.outcome?;
    world.pay_order(&order, "1399.50", &person).await?;
    let id = format!("purchase_{order}");
    let arrived = world.wait_for_server_event("Purchase", &id).await?;
    assert_eq!(arrived.match_key("fbp"), buyer.fbp);
    let report = Confirmation { claim_key: claim_key(&order), ..fired(&order) };
    let counted = buyer.confirm(vec![report]).await?.outcome?;
    assert_eq!((counted.accepted, counted.unknown), (1, 0));
    let event = world.event("Purchase", &id).await?.event.unwrap_or_default();
    assert_eq!(event.browser_outcome, "fired");
    Ok(())
}

#[tokio::test]
async fn health_and_doctor_say_when_order_ids_can_be_guessed() -> anyhow::Result<()> {
    let mut world = World::start().await?;
    let person = Person::unique();
    for n in 1001..1011 {
        world.pay_order(&n.to_string(), "10.00", &person).await?;
    }
    let names_it = |health: &serde_json::Value| health["reasons"].to_string().contains("order_ids_guessable");
    let health = world.wait_for_health("the advice", names_it).await?;
    assert_eq!(health["status"], "healthy", "it is advice: {health}");
    let told = crate::tool::tool(&world, &["doctor"]).await?.out;
    assert!(told.contains("order_ids_guessable") && told.contains("TANDEM_CLAIM_SECRET"), "{told}");
    world.restart_server_with(&[("TANDEM_CLAIM_SECRET", CLAIM_SECRET)]).await?;
    world.wait_for_health("no advice", |health| !names_it(health)).await?;
    Ok(())
}
