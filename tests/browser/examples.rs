//! Uses the examples in `examples/` as a visitor does: the pixel and the server must send the same IDs.

use anyhow::{Context as _, ensure};
use serde_json::Value;
use tandem_tests::browser::{Browser, Profile, Session, Shop};
use tandem_tests::{Person, World, binaries};

use crate::{pixel_event, wait_until_deduplicated, world_with_shop};

const PLAIN: &str = "/examples/web-plain/";
const REACT: &str = "/examples/web-react/";

/// A world whose React example is built from the package that is in `web-client/pkg`.
pub(crate) async fn world_with_examples() -> anyhow::Result<World> {
    let root = binaries::workspace_root();
    let made = |path: &str| std::fs::metadata(root.join(path)).and_then(|file| file.modified()).ok();
    let (built, package) = (made("examples/web-react/dist/index.html"), made("web-client/pkg/index.js"));
    let advice = "run `cargo xtask web-examples` first; it needs Node.js and npm";
    let built = built.with_context(|| format!("the React example is not built: {advice}"))?;
    ensure!(Some(built) >= package, "the React example is older than the browser package: {advice}");
    world_with_shop().await
}

/// Expects that the event of this name came from both sides once, under one ID, and is counted once. Returns the
/// server's copy and the pixel's.
async fn on_both_sides(world: &World, name: &str) -> anyhow::Result<(Value, Value)> {
    let pixel = pixel_event(world, name).await?;
    let id = pixel["eid"].as_str().unwrap_or_default();
    let server = world.wait_for_server_event(name, id).await?;
    wait_until_deduplicated(world, name, id).await?;
    Ok((server.0, pixel))
}

async fn lead(shop: &Shop<'_>, world: &World, person: &Person) -> anyhow::Result<()> {
    shop.submit_lead(person).await?;
    let done = shop.lead_done().await?;
    assert_eq!((done.pixel.as_str(), done.queued), ("fired", false));
    let (server, pixel) = on_both_sides(world, "Lead").await?;
    assert_eq!(pixel["eid"], done.event_id.as_str());
    assert_eq!(server["user_data"]["em"], serde_json::json!([person.email_hash()]));
    Ok(())
}

async fn purchase(shop: &Shop<'_>, world: &World, order: &str) -> anyhow::Result<()> {
    let done = shop.purchase_done().await?;
    assert_eq!((done.event_id, done.pixel.as_str()), (format!("purchase_{order}"), "fired"));
    let (server, pixel) = on_both_sides(world, "Purchase").await?;
    assert_eq!(pixel["eid"], format!("purchase_{order}"));
    assert_eq!(server["custom_data"]["order_id"], order);
    Ok(())
}

#[tokio::test]
async fn the_plain_page_reports_a_lead_and_a_purchase() -> anyhow::Result<()> {
    let (world, session, person) = (world_with_shop().await?, Session::start().await?, Person::unique());
    let shop = Shop::new(&session, &world.sandbox.url);
    shop.open(&format!("{PLAIN}?fbclid=IwAR3-Click_ID")).await?;
    lead(&shop, &world, &person).await?;

    // The buyer pays on another site and returns to the page.
    world.pay_order("KB-plain-1", "1499.00", &person).await?;
    shop.open(&format!("{PLAIN}?order_id=KB-plain-1")).await?;
    purchase(&shop, &world, "KB-plain-1").await
}

#[tokio::test]
async fn the_react_shop_reports_its_routes_and_a_purchase_in_chromium() -> anyhow::Result<()> {
    visit_react(Browser::Chromium).await
}

#[tokio::test]
async fn the_react_shop_reports_its_routes_and_a_purchase_in_firefox() -> anyhow::Result<()> {
    visit_react(Browser::Firefox).await
}

async fn visit_react(browser: Browser) -> anyhow::Result<()> {
    let (world, person) = (world_with_examples().await?, Person::unique());
    let session = Session::start_in(browser, Profile::Usual).await?;
    let shop = Shop::new(&session, &world.sandbox.url);
    shop.open(REACT).await?;
    lead(&shop, &world, &person).await?;

    // Goes to two routes without a page load, and back. Each has a PageView under one ID on both sides.
    shop.click("a[href$='/bowl']").await?;
    shop.arrive("/web-react/bowl").await?;
    on_both_sides(&world, "ViewContent").await?;
    shop.click("#buy").await?;
    shop.arrive("/web-react/checkout").await?;
    page_views_match(&world, &["bowl", "checkout"]).await?;
    session.page.back().await?;
    shop.arrive("/web-react/bowl").await?;
    page_views_match(&world, &["bowl", "checkout", "bowl"]).await?;
    shop.click("#buy").await?;

    shop.fill_checkout(&person).await?;
    let order = shop.pay().await?;
    on_both_sides(&world, "InitiateCheckout").await?;
    purchase(&shop, &world, &order).await
}

/// Expects a PageView from both sides, under one ID, for each visited route in order. Before them is the pixel's own
/// first PageView of each load, which has no copy at the server.
async fn page_views_match(world: &World, routes: &[&str]) -> anyhow::Result<()> {
    let mut seen = Vec::new();
    let matched = world
        .eventually(format!("a PageView for each of {routes:?}"), async || {
            let mut server = world.sandbox.server_events("PageView").await?;
            server.sort_by_key(|event| event.text(&["event_source_url"]).to_owned());
            let pixel = world.sandbox.pixel_events().await?;
            let views = pixel.iter().filter(|event| event["ev"] == "PageView").skip(1);
            seen = views.map(|view| (view["eid"].clone(), view["dl"].clone())).collect();
            let all_known = seen.iter().all(|(id, _)| {
                server.iter().any(|event| event.event_id() == id.as_str().unwrap_or_default())
            });
            Ok((all_known && seen.len() == routes.len() && server.len() == routes.len()).then_some(()))
        })
        .await;
    matched.with_context(|| format!("the pixel sent {seen:?}"))?;
    for ((_, address), route) in seen.iter().zip(routes) {
        ensure!(address.as_str().is_some_and(|address| address.ends_with(route)), "{address} is not {route}");
    }
    Ok(())
}
