//! A lead from the landing page.

use std::time::Duration;

use serde_json::json;
use tandem_proto::v1::EventState;
use tandem_tests::Person;
use tandem_tests::browser::{Session, Shop};
use tandem_tests::sandbox::minor;

use crate::{pixel_event, wait_until_deduplicated, world_with_shop};

/// How long the page may take to reach a server that is up again. The pauses between its tries grow while the server
/// is down.
const RETURN_LIMIT: Duration = Duration::from_secs(90);

#[tokio::test]
async fn pixel_and_server_report_one_lead_under_one_id() -> anyhow::Result<()> {
    let (world, session, person) = (world_with_shop().await?, Session::start().await?, Person::unique());
    let shop = Shop::new(&session, &world.sandbox.url);
    shop.open("/shop/?fbclid=IwAR1-Click_ID").await?;
    shop.submit_lead(&person).await?;
    let done = shop.lead_done().await?;
    assert_eq!(done.pixel, "fired");
    assert!(!done.duplicate);

    let browser = pixel_event(&world, "Lead").await?;
    let server = world.wait_for_server_event("Lead", &done.event_id).await?;
    assert_eq!(browser["eid"], done.event_id.as_str());
    assert_eq!(browser["id"], tandem_tests::PIXEL_ID);
    wait_until_deduplicated(&world, "Lead", &done.event_id).await?;

    // Both sides report the same event and the same browser.
    assert_eq!(minor(&browser["cd"]["value"]), minor(server.field(&["custom_data", "value"])));
    assert_eq!(browser["cd"]["currency"], server.text(&["custom_data", "currency"]));
    assert_eq!(browser["fbp"], server.match_key("fbp"));
    assert_eq!(browser["fbc"], server.match_key("fbc"));
    assert!(server.match_key("fbc").ends_with(".IwAR1-Click_ID"));
    assert_eq!(browser["user_agent"], server.match_key("client_user_agent"));
    assert_eq!(server.match_key("em"), person.email_hash());
    assert_eq!(server.match_key("ph"), person.phone_hash());
    assert_eq!(server.match_key("fn"), person.first_name_hash());

    // The server has the page's report too.
    world
        .eventually("the page's report", async || {
            let event = world.event("Lead", &done.event_id).await?.event.unwrap_or_default();
            Ok((event.browser_outcome == "fired").then_some(()))
        })
        .await
}

#[tokio::test]
async fn a_blocked_pixel_does_not_stop_the_server() -> anyhow::Result<()> {
    let (world, session, person) = (world_with_shop().await?, Session::start().await?, Person::unique());
    world.sandbox.fault("fbevents", None, json!("cut")).await?;
    let shop = Shop::new(&session, &world.sandbox.url);
    shop.open("/shop/").await?;
    shop.submit_lead(&person).await?;
    let done = shop.lead_done().await?;
    assert_eq!(done.pixel, "blocked");
    let server = world.wait_for_server_event("Lead", &done.event_id).await?;
    assert_eq!(server.match_key("em"), person.email_hash());
    assert!(world.sandbox.pixel_events().await?.is_empty(), "the pixel was blocked, so it sent nothing");
    world
        .eventually("the page's report", async || {
            let event = world.event("Lead", &done.event_id).await?.event.unwrap_or_default();
            Ok((event.browser_outcome == "blocked").then_some(()))
        })
        .await
}

#[tokio::test]
async fn with_the_server_away_the_pixel_fires_and_the_server_gets_the_same_id_later() -> anyhow::Result<()> {
    let (mut world, session, person) = (world_with_shop().await?, Session::start().await?, Person::unique());
    let shop = Shop::new(&session, &world.sandbox.url);
    shop.open("/shop/").await?;
    world.kill_server();
    shop.submit_lead(&person).await?;
    let done = shop.lead_done().await?;
    assert_eq!(done.pixel, "fired", "the page does not wait for the server");
    let browser = pixel_event(&world, "Lead").await?;
    assert_eq!(browser["eid"], done.event_id.as_str());

    // The calls that wait in the browser contain no raw personal data.
    let kept = session.run("return JSON.stringify({ ...localStorage, ...sessionStorage })", vec![]).await?;
    let kept = kept.as_str().unwrap_or_default().to_lowercase();
    for raw in [&person.email, &person.phone, &person.first_name] {
        assert!(!kept.contains(&raw.to_lowercase()), "the page keeps {raw}: {kept}");
    }

    world.restart_server().await?;
    let what = format!("the lead {} from the page's queue", done.event_id);
    let server = world
        .eventually_within(RETURN_LIMIT, what, async || {
            Ok(world.sandbox.server_events_with_id("Lead", &done.event_id).await?.pop())
        })
        .await?;
    assert_eq!(server.match_key("em"), person.email_hash());
    assert_eq!(server.match_key("ph"), person.phone_hash());
    wait_until_deduplicated(&world, "Lead", &done.event_id).await?;
    let leads = world.events("Lead", EventState::Unspecified).await?;
    assert_eq!(leads.len(), 1, "one lead, however often the page tried");
    Ok(())
}
