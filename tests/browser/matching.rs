//! The person's data that the pixel's `init` gets, and a purchase in several tabs.

use serde_json::json;
use tandem_tests::Person;
use tandem_tests::browser::{Session, Shop};

use crate::page::Page;
use crate::{pixel_event, world_with_shop};

#[tokio::test]
async fn init_comes_once_with_what_both_sides_hash_alike() -> anyhow::Result<()> {
    let (world, session, person) = (world_with_shop().await?, Session::start().await?, Person::unique());
    let page = Page { world: &world, session: &session, person: &person };
    page.open("").await?;
    let script = "
        const known = { email: ' ' + person.email.toUpperCase() + ' ', phone: '+91 98765-43210', firstName: person.firstName,
            city: 'A'.repeat(64) + '.AQQCAQMC', externalId: '' };
        for (let times = 0; times < 2; times++) await Tandem.connect({ ...options, pixelScript: '/none.js', person: known });
        return window.fbq.queue.map((call) => [...call]);";
    let calls = page.run(script, json!({})).await?;
    let matching = json!({ "em": person.email.to_lowercase(), "ph": "919876543210", "ct": "a".repeat(64) });
    assert_eq!(calls, json!([["init", tandem_tests::PIXEL_ID, matching], ["track", "PageView"]]));
    Ok(())
}

#[tokio::test]
async fn init_leaves_out_what_only_the_server_can_normalise() -> anyhow::Result<()> {
    let (world, session, person) = (world_with_shop().await?, Session::start().await?, Person::unique());
    let page = Page { world: &world, session: &session, person: &person };
    let script = "
        await Tandem.connect({ ...options, pixelScript: '/none.js', person: more });
        return window.fbq.queue[0][2];";
    for (known, expected) in [
        (
            json!({ "phone": "+91 98765-43210", "email": "noreply@shop.example" }),
            json!({ "ph": "919876543210" }),
        ),
        (json!({ "phone": "+1 (415) 555-2671", "email": "none@none.com" }), json!({ "ph": "14155552671" })),
        (json!({ "phone": "+91 098765 01234" }), json!({})),
        (json!({ "phone": "+९१ ९८७६५ ४३२१०" }), json!({})),
        (json!({ "phone": "+91 98765 01234 ext 5" }), json!({})),
        (json!({ "phone": "+44 (0)7911 123456" }), json!({})),
        (json!({ "phone": "+44+447911123456" }), json!({})),
        (json!({ "phone": "+91 99999 99999", "email": "not an address" }), json!({})),
    ] {
        page.open("").await?;
        assert_eq!(page.run(script, known.clone()).await?, expected, "{known}");
    }
    Ok(())
}

#[tokio::test]
async fn a_purchase_page_in_two_tabs_and_after_going_back_fires_once() -> anyhow::Result<()> {
    let (world, session, person) = (world_with_shop().await?, Session::start().await?, Person::unique());
    let shop = Shop::new(&session, &world.sandbox.url);
    shop.check_out(&person).await?;
    let order = shop.pay().await?;
    let first = shop.purchase_done().await?;
    assert_eq!(first.pixel, "fired");

    let address = session.page.current_url().await?;
    let tab = session.page.new_window(true).await?;
    session.page.switch_to_window(tab.handle).await?;
    session.page.goto(address.as_str()).await?;
    assert_eq!(shop.purchase_done().await?.event_id, format!("purchase_{order}"));
    shop.open("/shop/product").await?;
    session.page.back().await?;
    shop.arrive("/shop/thank-you").await?;
    assert_eq!(shop.purchase_done().await?.pixel, "fired");
    world.wait_until_all_is_sent().await?;
    assert_eq!(pixel_event(&world, "Purchase").await?["eid"], format!("purchase_{order}"));
    Ok(())
}

#[tokio::test]
async fn tabs_that_ask_at_once_fire_one_purchase() -> anyhow::Result<()> {
    let (world, session, person) = (world_with_shop().await?, Session::start().await?, Person::unique());
    let order = "tabs-1";
    world.pay_order(order, "1499.00", &person).await?;
    let page = Page { world: &world, session: &session, person: &person };
    page.open("").await?;
    // Meta's library is late. Until it has loaded, no tab knows that another tab has fired.
    let script = "
        const calls = [];
        const send = (name, { eventID }) => { new Image().src = `/tr/?ev=${name}&eid=${eventID}`; };
        const fbq = (...call) => { calls.push(call); if (call[0] === 'track') send(call[1], call[3] ?? {}); };
        window.fbq = window._fbq = Object.assign(fbq, { queue: [], loaded: true, version: '2.0' });
        setTimeout(() => { fbq.callMethod = fbq; }, 1000);
        const tabs = await Promise.all([1, 2, 3].map(() => Tandem.connect(options)));
        const results = await Promise.all(tabs.map((tandem) => tandem.recordPurchase({ orderId: more })));
        return { results, purchases: calls.filter(([, name]) => name === 'Purchase').length };";
    let seen = page.run(script, json!(order)).await?;
    assert_eq!(seen["purchases"], 1, "{seen}");
    for result in seen["results"].as_array().into_iter().flatten() {
        assert_eq!(
            (&result["pixel"], &result["eventId"]),
            (&json!("fired"), &json!("purchase_tabs-1")),
            "{seen}"
        );
    }
    Ok(())
}
