//! A page where WebAssembly does not start: one script posts JSON to the same server, and the pixel fires under the
//! server's ID.

use std::time::Duration;

use serde_json::{Value, json};
use tandem_tests::browser::{DelayProxy, Session};
use tandem_tests::{Person, World, messages};

use crate::page::Page;
use crate::{pixel_event, wait_until_deduplicated, world_with_shop};

/// Disables WebAssembly as a policy without `'wasm-unsafe-eval'` does, and remembers what is posted.
const WITHOUT_WASM: &str = "
    for (const name of ['instantiate', 'instantiateStreaming', 'compile', 'compileStreaming']) {
        WebAssembly[name] = async () => { throw new WebAssembly.CompileError('refused by the policy'); };
    }
    WebAssembly.Module = class { constructor() { throw new WebAssembly.CompileError('refused by the policy'); } };
    const { fetch } = window, posted = [];
    window.fetch = (address, init) => {
        if (init?.method === 'POST') posted.push([String(address).split('/').pop(), init.headers['content-type']]);
        return fetch(address, init);
    };
    const attempt = async (work) => {
        try { const { pixel, queued, eventId } = await work(); return { pixel, queued, eventId }; }
        catch ({ name, code, fields }) { return { name, code, fields: fields.map(({ field, code }) => [field, code]) }; }
    };";

async fn run(world: &World, session: &Session, script: &str, more: Value) -> anyhow::Result<Value> {
    let person = Person::unique();
    let page = Page { world, session, person: &person };
    page.open("?fbclid=IwAR2-Click_ID").await?;
    page.run(&format!("{WITHOUT_WASM}{script}"), more).await
}

#[tokio::test]
async fn each_kind_of_call_has_one_id_on_both_sides() -> anyhow::Result<()> {
    let (world, session) = (world_with_shop().await?, Session::start().await?);
    let script = "
        const tandem = await Tandem.connect(options);
        const lead = await attempt(() => tandem.captureLead({ ...person, contentName: 'Free chapter', value: 1499 }));
        const cart = await attempt(() => tandem.track('AddToCart', {
            contents: [{ id: 'deck', quantity: 2, itemPrice: '749.50' }], contentIds: 'deck', numItems: 2,
            properties: { tone: 'warm', size: 3 }, experiment: { id: 'e1', variant: 'b' }, occurredAt: new Date(),
        }));
        const own = await attempt(() => tandem.trackCustom('Took the quiz'));
        await until(() => posted.filter(([method]) => method === 'ConfirmBrowserEvents').length === 3);
        return { lead, cart, own, posted, cookie: document.cookie };";
    let seen = run(&world, &session, script, json!({})).await?;
    for (what, name) in [("lead", "Lead"), ("cart", "AddToCart"), ("own", "Took the quiz")] {
        assert_eq!((&seen[what]["pixel"], &seen[what]["queued"]), (&json!("fired"), &json!(false)), "{seen}");
        let id = seen[what]["eventId"].as_str().unwrap_or_default();
        let server = world.wait_for_server_event(name, id).await?;
        assert!(server.match_key("fbc").to_string().contains("IwAR2-Click_ID"), "{server:?}");
        wait_until_deduplicated(&world, name, id).await?;
    }
    let posted = seen["posted"].to_string();
    for method in ["CaptureLead", "TrackEvent", "ConfirmBrowserEvents"] {
        assert!(posted.contains(method), "{posted}");
    }
    assert!(!posted.contains("grpc"), "{posted}");
    assert!(seen["cookie"].as_str().unwrap_or_default().contains("_fbp=fb."), "{seen}");

    let pixel = world.sandbox.pixel_events().await?;
    let cart = pixel.iter().find(|event| event["ev"] == "AddToCart").expect("the pixel's copy");
    let id = seen["cart"]["eventId"].as_str().unwrap_or_default();
    let server = world.wait_for_server_event("AddToCart", id).await?;
    for key in ["currency", "tone", "size", "variant"] {
        assert_eq!(cart["cd"][key], server.text(&["custom_data", key]), "{key}: {cart}");
    }
    Ok(())
}

#[tokio::test]
async fn mistakes_are_told_with_their_codes() -> anyhow::Result<()> {
    let (world, session) = (world_with_shop().await?, Session::start().await?);
    let script = "
        const tandem = await Tandem.connect(options);
        return {
            options: await attempt(() => Tandem.connect({ ...options, pixelId: 'mine' })),
            nobody: await attempt(() => tandem.captureLead({ firstName: 'Asha' })),
            phone: await attempt(() => tandem.captureLead({ phone: '12' })),
            reserved: await attempt(() => tandem.track(' purchase')),
            order: await attempt(() => tandem.recordPurchase({})),
            consent: await attempt(() => tandem.track('Contact', { consent: { ads: 'maybe' } })),
        };";
    let seen = run(&world, &session, script, json!({})).await?;
    let expected = [
        ("options", "pixel_id", "PIXEL_UNKNOWN"),
        ("nobody", "user.email", "EMAIL_OR_PHONE_REQUIRED"),
        ("phone", "user.phone", "PHONE_MALFORMED"),
        ("reserved", "event_name", "EVENT_NAME_RESERVED"),
        ("order", "order_id", "REQUIRED"),
        ("consent", "consent.ads", "VALUE_UNKNOWN"),
    ];
    for (what, field, code) in expected {
        let wanted = json!({ "name": "TandemError", "code": "INVALID_ARGUMENT", "fields": [[field, code]] });
        assert_eq!(seen[what], wanted, "{what}: {seen}");
    }
    assert_eq!(
        world.sandbox.pixel_events().await?.iter().filter(|event| event["ev"] != "PageView").count(),
        0
    );
    Ok(())
}

#[tokio::test]
async fn a_purchase_fires_when_it_is_paid() -> anyhow::Result<()> {
    let (world, session) = (world_with_shop().await?, Session::start().await?);
    let order = messages::order_id();
    world.pay_order(&order, "1399.50", &Person::unique()).await?;
    let script = "
        const tandem = await Tandem.connect(options);
        const paid = await attempt(() => tandem.recordPurchase({ orderId: more.order }));
        const again = await attempt(() => tandem.recordPurchase({ orderId: more.order }));
        return { paid, again };";
    let seen = run(&world, &session, script, json!({ "order": order })).await?;
    let id = format!("purchase_{order}");
    assert_eq!(seen["paid"], json!({ "pixel": "fired", "queued": false, "eventId": id }), "{seen}");
    wait_until_deduplicated(&world, "Purchase", &id).await?;
    let pixel = world.sandbox.pixel_events().await?;
    assert_eq!(pixel.iter().filter(|event| event["ev"] == "Purchase").count(), 1, "{pixel:?}");
    Ok(())
}

#[tokio::test]
async fn with_the_server_away_the_event_is_fired_and_sent_later_under_its_own_id() -> anyhow::Result<()> {
    let (mut world, session, person) = (world_with_shop().await?, Session::start().await?, Person::unique());
    world.kill_server();
    let page = Page { world: &world, session: &session, person: &person };
    page.open("").await?;
    let script = "
        window.tandem = await Tandem.connect(options);
        return attempt(() => window.tandem.captureLead(person));";
    let seen = page.run(&format!("{WITHOUT_WASM}{script}"), json!({})).await?;
    assert_eq!((&seen["pixel"], &seen["queued"]), (&json!("fired"), &json!(true)), "{seen}");
    world.restart_server().await?;
    let id = seen["eventId"].as_str().unwrap_or_default();
    world.wait_for_server_event("Lead", id).await?;
    wait_until_deduplicated(&world, "Lead", id).await?;
    Ok(())
}

#[tokio::test]
async fn with_the_server_away_the_pixel_has_the_name_that_the_server_will_have() -> anyhow::Result<()> {
    let (mut world, session, person) = (world_with_shop().await?, Session::start().await?, Person::unique());
    world.kill_server();
    let page = Page { world: &world, session: &session, person: &person };
    page.open("").await?;
    let script = "
        window.tandem = await Tandem.connect(options);
        return attempt(() => window.tandem.track('view_content'));";
    let seen = page.run(&format!("{WITHOUT_WASM}{script}"), json!({})).await?;
    assert_eq!((&seen["pixel"], &seen["queued"]), (&json!("fired"), &json!(true)), "{seen}");
    world.restart_server().await?;
    wait_until_deduplicated(&world, "ViewContent", seen["eventId"].as_str().unwrap_or_default()).await?;
    Ok(())
}

#[tokio::test]
async fn a_call_is_sent_and_fired_when_the_visitor_leaves_the_page() -> anyhow::Result<()> {
    let (world, session, person) = (world_with_shop().await?, Session::start().await?, Person::unique());
    let network = DelayProxy::to(&world.grpc).await?;
    let page = Page { world: &world, session: &session, person: &person };
    page.open("").await?;
    let script = "
        const tandem = await Tandem.connect({ ...options, endpoint: more.endpoint });
        await tandem.track('Contact');
        return true;";
    let more = json!({ "endpoint": network.url });
    page.run(&format!("{WITHOUT_WASM}{script}"), more.clone()).await?;
    network.delay_answers(Duration::from_secs(3));
    let script = "
        const tandem = await Tandem.connect({ ...options, endpoint: more.endpoint });
        tandem.captureLead(person);
        await until(() => posted.some(([method]) => method === 'CaptureLead'));
        return true;";
    page.run(&format!("{WITHOUT_WASM}{script}"), more).await?;
    session.page.goto("about:blank").await?;
    let fired = pixel_event(&world, "Lead").await?;
    wait_until_deduplicated(&world, "Lead", fired["eid"].as_str().unwrap_or_default()).await?;
    Ok(())
}
