//! Meta's library is there, and its requests do not leave the browser: the deduplication rate does not count them.

use std::collections::BTreeMap;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use tandem_tests::browser::{Browser, Profile, Session, Shop, ShopProxy};
use tandem_tests::{PIXEL_ID, World};

use crate::world_with_shop;

/// Reports one event from a connected page, and reads what is kept about it.
const TRACK: &str = "
    const { Tandem } = await import('/pkg/index.js');
    const [endpoint, pixelId, pixelScript] = given;
    const tandem = window.tandem ??= await Tandem.connect({ endpoint, pixelId, pixelScript });
    const result = await tandem.track('Contact');
    return { ...result, sent: await result.sent };";

/// What happens to the library's requests.
const CASES: [(&str, &str); 3] = [("sent", "fired"), ("refused", "blocked"), ("sent again", "fired")];

#[tokio::test]
async fn in_chromium_what_never_left_is_not_counted() -> anyhow::Result<()> {
    count(Browser::Chromium).await
}

#[tokio::test]
async fn in_firefox_what_never_left_is_not_counted() -> anyhow::Result<()> {
    count(Browser::Firefox).await
}

/// Plays the cases on a page with the pixel's origin, whose requests the page sees in full, and on one of another origin.
async fn count(browser: Browser) -> anyhow::Result<()> {
    let world = world_with_shop().await?;
    let meta = world.sandbox.url.trim_end_matches('/').to_owned();
    let proxy = ShopProxy::start(&meta, &world.grpc).await?;
    let session = Session::start_in(browser, Profile::Usual).await?;
    let mut told = BTreeMap::new();
    for url in [&meta, &proxy.url] {
        for (case, expected) in CASES {
            Shop::new(&session, url).open("/events-manager").await?;
            // The first event waits until the library has loaded.
            let given = vec![json!(world.grpc), json!(PIXEL_ID), json!(format!("{meta}/fbevents.js"))];
            session.run(TRACK, given.clone()).await?;
            session.block(if case == "refused" { &["/tr/"] } else { &[] }).await?;
            let result = session.run(TRACK, given).await?;
            session.block(&[]).await?;
            ensure!(result["sent"] == expected, "{url}, {case}: {result}");
            told.insert(result["eventId"].as_str().unwrap_or_default().to_owned(), expected);
        }
    }
    let sent = world.sandbox.pixel_events().await?;
    for (id, outcome) in &told {
        let arrived = sent.iter().any(|event| event["eid"] == id.as_str());
        ensure!(
            arrived == (*outcome == "fired"),
            "{id} was reported as {outcome}, and the pixel has it: {arrived}"
        );
        world.wait_for_server_event("Contact", id).await?;
        expect_reported(&world, id, outcome).await?;
    }
    // 12 events of the pages reached Meta through the server, 10 also through the pixel. The lead that shows that all is sent has no
    // page.
    world.wait_until_all_is_sent().await?;
    let is_right = |health: &Value| {
        let rate = health["last_24h"]["deduplication_rate"].as_f64();
        rate.is_some_and(|rate| (rate - 10.0 / 13.0).abs() < 0.001)
    };
    world.wait_for_health("a rate of 10 in 13", is_right).await.map(drop)
}

async fn expect_reported(world: &World, id: &str, outcome: &str) -> anyhow::Result<()> {
    world
        .eventually(format!("{id} to be reported as {outcome}"), async || {
            let event = world.event("Contact", id).await?.event.context("GetEvent has an event")?;
            Ok((event.browser_outcome == outcome).then_some(()))
        })
        .await
}

#[tokio::test]
async fn a_visitor_who_leaves_at_once_has_a_report_by_the_pages_other_requests() -> anyhow::Result<()> {
    let (world, session) = (world_with_shop().await?, Session::start().await?);
    let url = world.sandbox.url.clone();
    for (blocked, expected) in [(&[][..], "fired"), (&["/tr/"][..], "blocked")] {
        session.block(blocked).await?;
        Shop::new(&session, &url).open("/events-manager").await?;
        let given = vec![json!(world.grpc), json!(PIXEL_ID), json!("/fbevents.js")];
        session.run(TRACK, given).await?;
        // The library never sends this event, so its request cannot end before the visitor leaves.
        let script = "
            const { callMethod } = fbq;
            fbq.callMethod = (...call) => { if (call[1] !== 'Contact') callMethod(...call); };
            const answered = new Promise((resolve) => {
                const inner = fbq.callMethod;
                fbq.callMethod = (...call) => { inner(...call); if (call[1] === 'Contact') resolve(call[3].eventID); };
            });
            tandem.track('Contact');
            const id = await answered;
            setTimeout(() => { location.href = '/livez?id=' + id; });
            return id;";
        let id = session.run(script, vec![]).await?;
        Shop::new(&session, &url).arrive("/livez?id=").await?;
        expect_reported(&world, id.as_str().unwrap_or_default(), expected).await?;
    }
    Ok(())
}

#[tokio::test]
async fn what_a_slow_network_sends_later_is_reported_when_it_was_sent() -> anyhow::Result<()> {
    let (world, session) = (world_with_shop().await?, Session::start().await?);
    Shop::new(&session, &world.sandbox.url).open("/events-manager").await?;
    // A library whose first request ends after a second and a half.
    let slow = "
        const fbq = window.fbq = function () { fbq.callMethod(...arguments); };
        fbq.callMethod = (method, name, data, { eventID } = {}) => {
            if (!eventID) return;
            setTimeout(() => { new Image().src = `/tr/?id=${given[1]}&ev=${name}&eid=${eventID}`; }, 1500);
        };";
    let given = vec![json!(world.grpc), json!(PIXEL_ID), json!("/fbevents.js")];
    let result = session.run(&format!("{slow}{TRACK}"), given).await?;
    assert_eq!(result["sent"], "blocked", "as far as is known: {result}");
    let id = result["eventId"].as_str().unwrap_or_default();
    expect_reported(&world, id, "blocked").await?;
    expect_reported(&world, id, "fired").await
}
