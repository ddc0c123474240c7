//! Single-page shops: each route is one PageView, on both sides under one ID.

use serde_json::{Value, json};
use tandem_tests::Person;
use tandem_tests::browser::Session;

use crate::page::Page;
use crate::world_with_shop;

/// A shop of three routes, which reports each that the visitor goes to.
const ROUTES: &str = "
    const tandem = await Tandem.connect({ ...options, ...more });
    await until(() => window.fbq.callMethod);
    const go = (path) => { history.pushState({}, '', path); return tandem.track('PageView'); };
    const views = [await go('/events-manager?route=one'), await go('/events-manager?route=two')];
    history.replaceState({ filtered: true }, '', '/events-manager?route=two&sort=price');
    const back = new Promise((resolve) => { addEventListener('popstate', () => resolve(tandem.track('PageView')), { once: true }); });
    history.back();
    views.push(await back);
    return views.map(({ eventId }) => eventId);";

async fn page_views(page: &Page<'_>, options: Value) -> anyhow::Result<(Vec<String>, Vec<Value>)> {
    page.open("").await?;
    let ids = page.run(ROUTES, options).await?;
    let ids: Vec<String> =
        ids.as_array().into_iter().flatten().filter_map(|id| Some(id.as_str()?.to_owned())).collect();
    for id in &ids {
        page.world.wait_for_server_event("PageView", id).await?;
    }
    let views = page.world.sandbox.pixel_events().await?;
    Ok((ids, views.into_iter().filter(|event| event["ev"] == "PageView").collect()))
}

#[tokio::test]
async fn each_route_is_one_page_view_under_one_id() -> anyhow::Result<()> {
    let (world, session, person) = (world_with_shop().await?, Session::start().await?, Person::unique());
    let page = Page { world: &world, session: &session, person: &person };
    let (ids, views) = page_views(&page, json!({})).await?;
    assert_eq!(ids.len(), 3);
    // The first is of the page load: Tandem's base code reports it.
    let seen: Vec<&str> = views.iter().skip(1).filter_map(|view| view["eid"].as_str()).collect();
    assert_eq!(seen, ids, "the pixel's page views: {views:?}");
    assert_eq!(world.sandbox.server_events("PageView").await?.len(), 3);
    Ok(())
}

#[tokio::test]
async fn a_shop_may_leave_page_views_to_metas_library() -> anyhow::Result<()> {
    let (world, session, person) = (world_with_shop().await?, Session::start().await?, Person::unique());
    let page = Page { world: &world, session: &session, person: &person };
    page.open("").await?;
    let script = "
        await Tandem.connect({ ...options, autoPageViews: true });
        await until(() => window.fbq.callMethod);
        history.pushState({}, '', '/events-manager?route=one');
        return window.fbq.disablePushState;";
    assert_eq!(page.run(script, json!({})).await?, false);
    world
        .eventually("the library's own page view", async || {
            let views = world.sandbox.pixel_events().await?;
            Ok((views.iter().filter(|event| event["ev"] == "PageView").count() == 2).then_some(()))
        })
        .await?;
    assert!(world.sandbox.server_events("PageView").await?.is_empty(), "no server knows it");
    Ok(())
}

#[tokio::test]
async fn metas_automatic_events_are_switched_off_before_init() -> anyhow::Result<()> {
    let (world, session, person) = (world_with_shop().await?, Session::start().await?, Person::unique());
    session.block(&["fbevents.js"]).await?;
    let page = Page { world: &world, session: &session, person: &person };
    for (options, expected) in [
        (json!({ "autoConfig": false }), json!(["set", "init", "track"])),
        (json!({}), json!(["init", "track"])),
    ] {
        page.open("").await?;
        let script = "
            await Tandem.connect({ ...options, ...more });
            return window.fbq.queue.map((call) => [...call]);";
        let queue = page.run(script, options).await?;
        let calls = queue.as_array().cloned().unwrap_or_default();
        let methods: Vec<&Value> = calls.iter().map(|call| &call[0]).collect();
        assert_eq!(json!(methods), expected);
        if methods.len() == 3 {
            assert_eq!(calls[0], json!(["set", "autoConfig", false, tandem_tests::PIXEL_ID]));
        }
    }
    Ok(())
}

#[tokio::test]
async fn the_snippet_for_the_head_leaves_routes_to_the_page() -> anyhow::Result<()> {
    let (world, session, person) = (world_with_shop().await?, Session::start().await?, Person::unique());
    let page = Page { world: &world, session: &session, person: &person };
    page.open("").await?;
    let file = tandem_tests::binaries::workspace_root().join("web-client/js/snippet.html");
    let text = std::fs::read_to_string(file)?;
    let (_, code) = text.split_once("<script>").unwrap_or_default();
    let (code, _) = code.split_once("</script>").unwrap_or_default();
    let code = code
        .replace("https://connect.facebook.net/en_US/fbevents.js", "/fbevents.js")
        .replace("PIXEL_ID", tandem_tests::PIXEL_ID);
    let script = format!("(0, eval)(more);\n{}", ROUTES.replace("...more", ""));
    let ids = page.run(&script, json!(code)).await?;
    for id in ids.as_array().into_iter().flatten().filter_map(Value::as_str) {
        world.wait_for_server_event("PageView", id).await?;
    }
    let views = world.sandbox.pixel_events().await?;
    let seen: Vec<&Value> =
        views.iter().filter(|event| event["ev"] == "PageView").skip(1).map(|view| &view["eid"]).collect();
    assert_eq!(json!(seen), ids, "{views:?}");
    Ok(())
}
