//! The package as the server serves it.

use anyhow::Context as _;
use http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH, X_CONTENT_TYPE_OPTIONS,
};
use serde_json::json;
use tandem_tests::browser::{Session, Shop};
use tandem_tests::http::client;
use tandem_tests::{PIXEL_ID, Person, Visitor, World, binaries};

use crate::world_with_shop;

/// The folder of the server's package, read from the page of tags.
async fn folder(world: &World) -> anyhow::Result<String> {
    let page = client().get(format!("{}/web/", world.grpc)).send().await?.text().await?;
    let found = page
        .split("/web/")
        .skip(1)
        .find_map(|rest| rest.split_once("/auto.js").filter(|(f, _)| !f.contains('"')));
    Ok(found.with_context(|| format!("the page has no versioned tag: {page}"))?.0.to_owned())
}

#[tokio::test]
async fn the_server_has_exactly_the_files_that_were_built_and_lets_them_be_kept() -> anyhow::Result<()> {
    let (world, http) = (world_with_shop().await?, client());
    let folder = folder(&world).await?;
    let built = binaries::workspace_root().join("web-client/pkg");
    for (name, kind) in [
        ("index.js", "text/javascript; charset=utf-8"),
        ("auto.js", "text/javascript; charset=utf-8"),
        ("tandem_web_bg.wasm", "application/wasm"),
        ("tandem_normaliser_bg.wasm", "application/wasm"),
        ("loader.html", "text/plain; charset=utf-8"),
    ] {
        let url = format!("{}/web/{folder}/{name}", world.grpc);
        let answer = http.get(&url).header("origin", "https://any.example").send().await?;
        assert_eq!(answer.status(), 200, "{name}");
        let field =
            |field| answer.headers().get(&field).and_then(|value| value.to_str().ok()).unwrap_or_default();
        assert_eq!(field(CONTENT_TYPE), kind, "{name}");
        assert_eq!(field(CACHE_CONTROL), "public, max-age=31536000, immutable");
        assert_eq!(field(X_CONTENT_TYPE_OPTIONS), "nosniff");
        assert_eq!(field(ACCESS_CONTROL_ALLOW_ORIGIN), "*");
        let etag = field(ETAG).to_owned();
        let fresh = std::fs::read(built.join(name))?;
        assert!(
            answer.bytes().await? == fresh,
            "{name} is not the built one: build the server after the package"
        );
        let again = http.get(&url).header(IF_NONE_MATCH, etag).send().await?;
        assert_eq!(again.status(), 304, "{name}");
    }
    let other = http.get(format!("{}/web/0000000000000000/index.js", world.grpc)).send().await?;
    assert_eq!(other.status(), 404);
    assert!(world.server_log().contains("another version of the browser package"));
    let metrics = world.get("/metrics").await?.text().await?;
    for line in ["{result=\"sent\"} 6", "{result=\"not_modified\"} 5", "{result=\"unknown\"} 1"] {
        assert!(metrics.contains(&format!("tandem_web_files_total{line}\n")), "{line}: {metrics}");
    }
    Ok(())
}

#[tokio::test]
async fn a_flood_of_downloads_is_slowed_and_takes_nothing_from_a_lead() -> anyhow::Result<()> {
    let world = World::builder().server("TANDEM_RATE_LIMIT", "1/s burst 3").start().await?;
    let http = client();
    let mut refused = 0;
    for _ in 0..60 {
        let answer = http.get(format!("{}/web/index.js", world.grpc)).send().await?;
        if answer.status() == 429 {
            assert!(answer.headers().contains_key("retry-after"));
            refused += 1;
        }
    }
    assert!(refused > 10, "{refused} of 60 were refused");
    // A visitor at the same address as the flood.
    let mut visitor: Visitor = world.visitor();
    "127.0.0.1".clone_into(&mut visitor.address);
    world.capture_lead(&visitor, &Person::unique()).await?;
    Ok(())
}

#[tokio::test]
async fn a_page_with_the_servers_own_tag_and_its_hash_sends_a_lead() -> anyhow::Result<()> {
    let (world, session, person) = (world_with_shop().await?, Session::start().await?, Person::unique());
    Shop::new(&session, &world.sandbox.url).open("/events-manager").await?;
    // The page is on another origin than the server, as a shop's is.
    let script = "
        const [server, pixelId, person] = given;
        const text = await (await fetch(`${server}/web/`)).text();
        const tag = text.split('\\n').find((line) => line.includes('integrity='));
        const from = new DOMParser().parseFromString(tag, 'text/html').querySelector('script');
        const load = (change) => new Promise((resolve) => {
            const script = document.createElement('script');
            for (const { name, value } of from.attributes) script.setAttribute(name, value);
            Object.assign(script.dataset, { pixelId, pixelScript: '/fbevents.js', currency: 'INR', defaultCountry: 'IN' });
            change(script);
            document.addEventListener('tandem:ready', () => resolve('ready'));
            script.onerror = () => resolve('refused');
            document.head.append(script);
        });
        const tampered = await load((script) => {
            // Of one address, the browser remembers that it was refused.
            script.src = `${server}/web/auto.js`;
            script.integrity = script.integrity.replace(/.{4}$/, 'AAAA');
        });
        const right = await load(() => {});
        return { tampered, right, lead: await window.tandem.captureLead(person) };";
    let who = json!({ "email": person.email, "phone": person.phone });
    let seen = session.run(script, vec![json!(world.grpc), json!(PIXEL_ID), who]).await?;
    assert_eq!((&seen["tampered"], &seen["right"]), (&json!("refused"), &json!("ready")), "{seen}");
    assert_eq!(seen["lead"]["pixel"], "fired", "{seen}");
    world.wait_for_server_event("Lead", seen["lead"]["eventId"].as_str().unwrap_or_default()).await?;
    Ok(())
}
