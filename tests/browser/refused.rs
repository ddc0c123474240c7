//! What the server always refuses, the package refuses by itself: with the server away too, and before the pixel fires.

use serde_json::{Value, json};
use tandem_tests::Person;
use tandem_tests::browser::Session;

use crate::page::Page;
use crate::world_with_shop;

/// Makes calls and returns their errors or names, and what the console got.
const CALLS: &str = "
    const warned = [];
    console.warn = (...texts) => { warned.push(texts.join(' ')); };
    const fired = [];
    const tandem = await Tandem.connect({ ...options, ...more });
    const { fbq } = window;
    window.fbq = Object.assign((...call) => { fired.push(call[1]); }, { callMethod: fbq });
    const attempt = async (work) => {
        try { const { pixel, queued } = await work(); return { pixel, queued }; }
        catch ({ code, fields }) { return { code, fields: (fields ?? []).map(({ field, code, description }) => [field, code, typeof description]) }; }
    };
    const results = {};
    for (const name of ['Purchase', ' purchase', 'LEAD', 'Append-Value', '<b>']) {
        results[name] = await attempt(() => tandem.track(name));
    }
    results.nobody = await attempt(() => tandem.captureLead({ firstName: 'Asha', email: '' }));
    results.noOrder = await attempt(() => tandem.recordPurchase({}));
    results.view = await attempt(() => tandem.track('viewcontent', { emial: 'a@example.com', contentName: 'Deck' }));
    return { results, warned, fired };";

async fn calls(page: &Page<'_>) -> anyhow::Result<Value> {
    page.open("").await?;
    page.run(CALLS, json!({})).await
}

fn assert_refused(seen: &Value) {
    for name in ["Purchase", " purchase", "LEAD", "Append-Value"] {
        let fields = &seen["results"][name]["fields"];
        assert_eq!(fields, &json!([["event_name", "EVENT_NAME_RESERVED", "string"]]), "{name}: {seen}");
    }
    let fields = |what: &str| &seen["results"][what]["fields"];
    assert_eq!(fields("<b>"), &json!([["event_name", "EVENT_NAME_MALFORMED", "string"]]), "{seen}");
    assert_eq!(fields("nobody"), &json!([["user.email", "EMAIL_OR_PHONE_REQUIRED", "string"]]), "{seen}");
    assert_eq!(fields("noOrder"), &json!([["order_id", "REQUIRED", "string"]]), "{seen}");
    assert_eq!(
        seen["fired"],
        json!(["ViewContent"]),
        "nothing refused is fired, and a name is Meta's: {seen}"
    );
    let warned = seen["warned"].to_string();
    assert!(warned.contains("ViewContent") && warned.contains("emial"), "{seen}");
    assert!(!warned.contains("example.com"), "the console gets no values: {seen}");
}

#[tokio::test]
async fn mistakes_are_told_before_anything_happens() -> anyhow::Result<()> {
    let (world, session, person) = (world_with_shop().await?, Session::start().await?, Person::unique());
    let seen = calls(&Page { world: &world, session: &session, person: &person }).await?;
    assert_refused(&seen);
    assert_eq!(seen["results"]["view"], json!({ "pixel": "fired", "queued": false }), "{seen}");
    Ok(())
}

#[tokio::test]
async fn with_the_server_away_the_same_is_refused() -> anyhow::Result<()> {
    let (mut world, session, person) = (world_with_shop().await?, Session::start().await?, Person::unique());
    world.kill_server();
    let seen = calls(&Page { world: &world, session: &session, person: &person }).await?;
    assert_refused(&seen);
    assert_eq!(seen["results"]["view"], json!({ "pixel": "fired", "queued": true }), "{seen}");
    Ok(())
}

/// Scripts of monitoring tools replace `fetch` and may send the body later.
#[tokio::test]
async fn a_fetch_that_waits_sends_what_it_was_given() -> anyhow::Result<()> {
    let (world, session, person) = (world_with_shop().await?, Session::start().await?, Person::unique());
    let page = Page { world: &world, session: &session, person: &person };
    page.open("").await?;
    let script = "
        const { fetch } = window;
        window.fetch = async (...call) => {
            await new Promise((resolve) => { setTimeout(resolve, 100); });
            return fetch(...call);
        };
        const tandem = await Tandem.connect({ ...options, pixelScript: '/none.js', ...more });
        const leads = [1, 2, 3].map((n) => tandem.captureLead({ ...person, contentName: 'x'.repeat(100 * n) }));
        return (await Promise.all(leads)).map(({ queued }) => queued);";
    assert_eq!(page.run(script, json!({})).await?, json!([false, false, false]));
    Ok(())
}

/// A page may give anything: members that are no values for Tandem mean nothing, and getters of its own classes count.
#[tokio::test]
async fn any_object_is_an_argument() -> anyhow::Result<()> {
    let (world, session, person) = (world_with_shop().await?, Session::start().await?, Person::unique());
    let page = Page { world: &world, session: &session, person: &person };
    page.open("").await?;
    let script = "
        console.warn = () => {};
        const tandem = await Tandem.connect({ ...options, pixelScript: '/none.js', ...more });
        class Form { get contentName() { return 'own'; } }
        Object.defineProperty(Form.prototype, 'contentName', { enumerable: true });
        const input = Object.assign(new Form(), {
            ...person, element: document.body, list: [window], work() {}, big: 10n, value: 61.2 * 3, numItems: 2, at: Symbol(),
            occurredAt: new Date(Date.now() - 60000),
        });
        input.self = input;
        const { eventId } = await tandem.captureLead(input);
        return eventId;";
    let id = page.run(script, json!({})).await?;
    let server = world.wait_for_server_event("Lead", id.as_str().unwrap_or_default()).await?;
    assert_eq!(server.match_key("em"), person.email_hash());
    assert_eq!(server.text(&["custom_data", "content_name"]), "own");
    assert_eq!(server.field(&["custom_data", "value"]), &json!(183.6));
    assert_eq!(server.field(&["custom_data", "num_items"]), &json!(2));
    Ok(())
}
