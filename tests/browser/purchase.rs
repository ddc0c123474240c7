//! A purchase: product, checkout, payment, thank-you page.

use tandem_tests::Person;
use tandem_tests::browser::{Browser, Profile, Session, Shop};
use tandem_tests::sandbox::minor;

use crate::{pixel_event, wait_until_deduplicated, world_with_shop};

#[tokio::test]
async fn pixel_and_server_report_one_purchase_under_one_id() -> anyhow::Result<()> {
    buy(Browser::Chromium).await
}

#[tokio::test]
async fn in_firefox_pixel_and_server_report_one_purchase_under_one_id() -> anyhow::Result<()> {
    buy(Browser::Firefox).await
}

async fn buy(browser: Browser) -> anyhow::Result<()> {
    let (world, person) = (world_with_shop().await?, Person::unique());
    let session = Session::start_in(browser, Profile::Usual).await?;
    let shop = Shop::new(&session, &world.sandbox.url);
    shop.open("/shop/?fbclid=IwAR2-Click_ID").await?;
    // Once the pixel has loaded, a cookie holds the click ID.
    shop.tracked().await?;
    shop.check_out(&person).await?;
    let order = shop.pay().await?;
    let done = shop.purchase_done().await?;
    assert_eq!(done.event_id, format!("purchase_{order}"));
    assert_eq!(done.pixel, "fired");

    let browser = pixel_event(&world, "Purchase").await?;
    let server = world.wait_for_server_event("Purchase", &done.event_id).await?;
    assert_eq!(browser["eid"], done.event_id.as_str());
    assert_eq!(minor(&browser["cd"]["value"]), Some(server.value_minor()));
    assert_eq!(browser["cd"]["currency"], server.text(&["custom_data", "currency"]));
    assert_eq!(server.text(&["custom_data", "order_id"]), order);
    assert_eq!(browser["fbp"], server.match_key("fbp"));
    assert_eq!(browser["fbc"], server.match_key("fbc"));
    assert_eq!(browser["user_agent"], server.match_key("client_user_agent"));
    assert_eq!(server.match_key("em"), person.email_hash());
    assert_eq!(server.match_key("ph"), person.phone_hash());
    wait_until_deduplicated(&world, "Purchase", &done.event_id).await?;

    // Both sides have also reported the checkout.
    let checkout = pixel_event(&world, "InitiateCheckout").await?;
    let checkout = checkout["eid"].as_str().unwrap_or_default();
    world.wait_for_server_event("InitiateCheckout", checkout).await?;
    wait_until_deduplicated(&world, "InitiateCheckout", checkout).await?;

    // A reload of the page fires no new event.
    session.page.refresh().await?;
    shop.arrive("/shop/thank-you").await?;
    let again = shop.purchase_done().await?;
    assert_eq!(again.event_id, done.event_id);
    assert!(again.duplicate, "{again:?}");
    world.wait_until_all_is_sent().await?;
    pixel_event(&world, "Purchase").await?;
    world.wait_for_server_event("Purchase", &done.event_id).await?;
    Ok(())
}

#[tokio::test]
async fn a_purchase_whose_payment_is_told_late_fires_when_it_is_known() -> anyhow::Result<()> {
    let (world, session, person) = (world_with_shop().await?, Session::start().await?, Person::unique());
    // The first webhook is lost. The next one arrives after the page was told "pending".
    let lost = serde_json::json!("cut");
    world.sandbox.fault("webhook", None, lost).await?;
    let shop = Shop::new(&session, &world.sandbox.url);
    shop.check_out(&person).await?;
    let order = shop.pay().await?;
    let pending = "return document.querySelector('#purchase-status')?.dataset.pixel";
    world
        .eventually("the page to learn that the payment is not known yet", async || {
            Ok((session.page.execute(pending, vec![]).await? == "pending").then_some(()))
        })
        .await?;
    assert!(world.sandbox.server_events("Purchase").await?.is_empty());

    world.sandbox.heal().await?;
    world.pay_order(&order, "1499.00", &person).await?;
    let done = shop.purchase_done().await?;
    assert_eq!((done.event_id, done.pixel.as_str()), (format!("purchase_{order}"), "fired"));
    let browser = pixel_event(&world, "Purchase").await?;
    assert_eq!(minor(&browser["cd"]["value"]), Some(149_900));
    wait_until_deduplicated(&world, "Purchase", &format!("purchase_{order}")).await
}
