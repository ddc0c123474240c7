//! A paid order that no browser named: Meta wants a page for it, and it must not be lost for want of one.

use tandem_proto::v1::{EventState, RecordPurchaseRequest};
use tandem_tests::{Person, World, messages};

const SHOP: &str = "https://shop.example/";

#[tokio::test]
async fn without_any_page_a_paid_order_is_held_and_leaves_when_the_shops_address_is_set() -> anyhow::Result<()>
{
    let mut world = World::builder().server_without("TANDEM_SHOP_URL").start().await?;
    let (person, order) = (Person::unique(), messages::order_id());
    let id = format!("purchase_{order}");
    world.pay_order(&order, "1399.50", &person).await?;
    let event = world.wait_for_state("Purchase", &id, EventState::Held).await?;
    assert_eq!(event.code, "page_missing");
    // So does what a service of the shop says without a page.
    let mut lead = messages::lead(&person);
    lead.client_event_id = messages::event_id();
    let lead_id = world.internal()?.capture_lead(lead).await?.event_id;
    world.wait_for_state("Lead", &lead_id, EventState::Held).await?;
    world
        .wait_for_health("a reason", |health| {
            health["status"] == "degraded" && health["reasons"].to_string().contains(":page_missing")
        })
        .await?;

    world.restart_server_with(&[("TANDEM_SHOP_URL", SHOP)]).await?;
    let arrived = world.wait_for_server_event("Purchase", &id).await?;
    assert_eq!(arrived.text(&["event_source_url"]), SHOP);
    let arrived = world.wait_for_server_event("Lead", &lead_id).await?;
    assert_eq!(arrived.text(&["event_source_url"]), SHOP);
    world.wait_for_health("nothing held", |health| health["outbox"]["held"] == 0).await?;
    Ok(())
}

#[tokio::test]
async fn without_the_shops_address_the_first_allowed_origin_is_the_page() -> anyhow::Result<()> {
    let world = World::builder()
        .server_without("TANDEM_SHOP_URL")
        .server("TANDEM_ALLOWED_ORIGINS", "http://localhost:3000,https://*.shop.example,https://shop.example")
        .start()
        .await?;
    let (person, order, reported) = (Person::unique(), messages::order_id(), messages::order_id());
    world.pay_order(&order, "1399.50", &person).await?;
    let mut report: RecordPurchaseRequest = messages::purchase(&reported, "10.00");
    report.user = Some(person.user());
    world.internal()?.record_purchase(report).await?;
    for order in [&order, &reported] {
        let arrived = world.wait_for_server_event("Purchase", &format!("purchase_{order}")).await?;
        assert_eq!(arrived.text(&["event_source_url"]), SHOP);
    }
    Ok(())
}
