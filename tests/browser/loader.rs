//! The loader, inlined in a page: it keeps calls until the module is there. If the module cannot be loaded, it posts them
//! itself.

use serde_json::{Value, json};
use tandem_proto::v1::EventState;
use tandem_tests::browser::Session;
use tandem_tests::{PIXEL_ID, Person, World, messages};
use tokio::net::TcpListener;

use crate::page::Page;
use crate::{pixel_event, wait_until_deduplicated, world_with_shop};

/// The loader for pages, with the options of a test.
fn loader(options: &Value) -> anyhow::Result<String> {
    let path = tandem_tests::binaries::workspace_root().join("web-client/js/loader.html");
    let text = std::fs::read_to_string(path)?;
    let (_, script) = text.split_once("<script>").unwrap_or_default();
    let (script, _) = script.split_once("</script>").unwrap_or_default();
    let (code, _) = script.rsplit_once("{src:").unwrap_or_default();
    Ok(format!("{code}{options});"))
}

#[tokio::test]
async fn the_loader_keeps_calls_until_the_module_is_there() -> anyhow::Result<()> {
    let (world, session, person) = (world_with_shop().await?, Session::start().await?, Person::unique());
    let page = Page { world: &world, session: &session, person: &person };
    page.open("").await?;
    let options = json!({
        "src": "/pkg/auto.js", "endpoint": world.grpc, "pixelId": PIXEL_ID, "pixelScript": "/fbevents.js",
        "defaultCountry": "IN", "currency": "INR", "consentRequired": true,
    });
    let script = "
        const told = [];
        document.addEventListener('tandem:fired', ({ detail }) => told.push(detail.eventName));
        const script = document.createElement('script');
        script.textContent = more;
        document.head.append(script);
        const stub = window.tandem;
        const early = [stub.consent.grant(), stub.track('ViewContent', { contentIds: ['deck'] }), stub.captureLead(person)];
        const wrong = stub.captureLead({}).catch((error) => error.code);
        const [, view, lead] = await Promise.all(early);
        const late = await stub.trackCustom('DeckConfigured');
        await until(() => told.length === 3);
        return { view, lead, late, wrong: await wrong, told, isReplaced: window.tandem !== stub && window.tandem instanceof Tandem };";
    let seen = page.run(script, json!(loader(&options)?)).await?;
    assert_eq!(seen["isReplaced"], true, "{seen}");
    assert_eq!(seen["wrong"], "INVALID_ARGUMENT", "{seen}");
    // Calls are sent in order. The first two are under way together.
    let told = seen["told"].as_array().cloned().unwrap_or_default();
    assert_eq!((told.len(), told.last()), (3, Some(&json!("DeckConfigured"))), "{seen}");
    assert!(told.contains(&json!("ViewContent")) && told.contains(&json!("Lead")), "{seen}");
    for (call, name) in [("view", "ViewContent"), ("lead", "Lead"), ("late", "DeckConfigured")] {
        assert_eq!(seen[call]["pixel"], "fired", "{seen}");
        let id = seen[call]["eventId"].as_str().unwrap_or_default();
        world.wait_for_server_event(name, id).await?;
        assert_eq!(pixel_event(&world, name).await?["eid"], id);
    }
    Ok(())
}

/// Starts the loader on a page whose module does not come, and which has Meta's pixel itself. Then runs `script`.
async fn without_module(
    world: &World,
    session: &Session,
    person: &Person,
    options: Value,
    script: &str,
) -> anyhow::Result<Value> {
    let page = Page { world, session, person };
    page.open("").await?;
    let mut all = json!({
        "src": "/pkg/nowhere.js", "endpoint": format!("{}/", world.grpc), "pixelId": PIXEL_ID, "defaultCountry": "IN",
        "currency": "INR", "order": "",
    });
    for (key, value) in options.as_object().into_iter().flatten() {
        all[key] = value.clone();
    }
    let start = "
        const stub = window.fbq = function () { stub.callMethod ? stub.callMethod(...arguments) : stub.queue.push(arguments); };
        Object.assign(stub, { push: stub, loaded: true, version: '2.0', queue: [] });
        window._fbq = stub;
        const library = document.createElement('script');
        library.src = '/fbevents.js';
        document.head.append(library);
        fbq('init', pixelId);
        const script = document.createElement('script');
        script.textContent = more.loader;
        document.head.append(script);";
    page.run(&format!("{start}{script}"), json!({ "loader": loader(&all)?, "order": all["order"] })).await
}

/// The address of a file that never comes. It hangs until the listener is dropped.
async fn hanging_file() -> anyhow::Result<(TcpListener, String)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = format!("http://{}/auto.js", listener.local_addr()?);
    Ok((listener, address))
}

async fn stored_leads(world: &World) -> anyhow::Result<Vec<String>> {
    let leads = world.events("Lead", EventState::Unspecified).await?;
    Ok(leads.into_iter().map(|lead| lead.event_id).collect())
}

async fn fired(world: &World) -> anyhow::Result<Vec<Value>> {
    let events = world.sandbox.pixel_events().await?;
    Ok(events.into_iter().filter(|event| event["ev"] != "PageView").collect())
}

#[tokio::test]
async fn calls_are_posted_when_the_module_does_not_come() -> anyhow::Result<()> {
    let (world, session, person) = (world_with_shop().await?, Session::start().await?, Person::unique());
    let order = messages::order_id();
    world.pay_order(&order, "1399.50", &person).await?;
    let script = "
        const lead = await tandem.captureLead({ ...person, phone: person.phone.replace('+91', ''), value: 1499, unknown: {} });
        const view = await tandem.track('ViewContent');
        const own = await tandem.trackCustom('Took the quiz', { orderId: more.order });
        const paid = await tandem.recordPurchase({ orderId: more.order });
        const wrong = await tandem.captureLead({ phone: '12' });
        return { lead, view, own, paid, wrong };";
    let seen = without_module(&world, &session, &person, json!({ "order": order }), script).await?;
    for (call, name) in
        [("lead", "Lead"), ("view", "ViewContent"), ("own", "Took the quiz"), ("paid", "Purchase")]
    {
        assert_eq!((&seen[call]["pixel"], &seen[call]["queued"]), (&json!("fired"), &json!(false)), "{seen}");
        let id = seen[call]["eventId"].as_str().unwrap_or_default();
        world.wait_for_server_event(name, id).await?;
        wait_until_deduplicated(&world, name, id).await?;
    }
    let lead = seen["lead"]["eventId"].as_str().unwrap_or_default();
    let lead = world.wait_for_server_event("Lead", lead).await?;
    assert_eq!(lead.match_key("ph"), person.phone_hash());
    assert_eq!(lead.match_key("em"), person.email_hash());
    assert_eq!(seen["wrong"]["pixel"], "blocked", "what the server refuses is not fired: {seen}");
    Ok(())
}

#[tokio::test]
async fn without_module_and_server_the_pixel_fires_alone() -> anyhow::Result<()> {
    let (mut world, session, person) = (world_with_shop().await?, Session::start().await?, Person::unique());
    world.kill_server();
    let script = "return tandem.captureLead(person);";
    let seen = without_module(&world, &session, &person, json!({}), script).await?;
    assert_eq!((&seen["pixel"], &seen["queued"]), (&json!("fired"), &json!(false)), "{seen}");
    assert_eq!(pixel_event(&world, "Lead").await?["eid"], seen["eventId"]);
    Ok(())
}

#[tokio::test]
async fn without_module_the_visitors_word_counts() -> anyhow::Result<()> {
    let (world, session, person) = (world_with_shop().await?, Session::start().await?, Person::unique());
    let script = "
        const early = await tandem.captureLead({ ...person, firstName: 'Early' });
        tandem.consent.deny();
        const denied = await tandem.captureLead(person);
        return { early, denied };";
    let options = json!({ "consentRequired": true });
    let seen = without_module(&world, &session, &person, options, script).await?;
    assert_eq!(
        (&seen["early"]["eventId"], &seen["early"]["pixel"]),
        (&json!(""), &json!("blocked")),
        "{seen}"
    );
    let id = seen["denied"]["eventId"].as_str().unwrap_or_default();
    assert_eq!(seen["denied"]["pixel"], "blocked", "{seen}");
    assert_eq!(
        world.event("Lead", id).await?.event.map(|event| event.code),
        Some("consent_denied".to_owned())
    );
    let leads = world.sandbox.pixel_events().await?.into_iter().filter(|event| event["ev"] == "Lead").count();
    assert_eq!((leads, world.sandbox.server_events("Lead").await?.len()), (0, 0));
    Ok(())
}

#[tokio::test]
async fn without_module_and_server_the_pixel_fires_nothing_that_the_server_would_refuse() -> anyhow::Result<()>
{
    let (mut world, session, person) = (world_with_shop().await?, Session::start().await?, Person::unique());
    world.kill_server();
    let script = "
        const calls = [
            tandem.track('Purchase', { value: 1499 }), tandem.track(' lead'), tandem.trackCustom('AppendValue'),
            tandem.captureLead({ firstName: 'Asha' }), tandem.recordPurchase({ orderId: 'o-1' }), tandem.track(),
            tandem.captureLead({ ...person, consent: { ads: 'denied' } }),
        ];
        return (await Promise.all(calls)).map(({ pixel }) => pixel);";
    let seen = without_module(&world, &session, &person, json!({}), script).await?;
    assert_eq!(seen, json!(vec!["blocked"; 7]));
    assert_eq!(fired(&world).await?, Vec::<Value>::new());
    Ok(())
}

#[tokio::test]
async fn without_module_a_call_ends_whatever_the_page_has() -> anyhow::Result<()> {
    let (world, session, person) = (world_with_shop().await?, Session::start().await?, Person::unique());
    // A page on http, or an old browser, has no randomUUID.
    let script = "
        crypto.randomUUID = undefined;
        window.fbq = () => { throw new Error('of the page'); };
        return tandem.captureLead({ ...person, value: 183.60000000000002 });";
    let seen = without_module(&world, &session, &person, json!({}), script).await?;
    assert_eq!(seen["pixel"], "blocked", "{seen}");
    let lead = world.wait_for_server_event("Lead", seen["eventId"].as_str().unwrap_or_default()).await?;
    assert_eq!(lead.field(&["custom_data", "value"]), &json!(183.6), "{lead:?}");

    let mut world = world;
    world.kill_server();
    let script = "crypto.randomUUID = undefined; return tandem.captureLead(person);";
    let seen = without_module(&world, &session, &person, json!({}), script).await?;
    assert_eq!(seen["eventId"].as_str().map(str::len), Some(36), "{seen}");
    assert_eq!(pixel_event(&world, "Lead").await?["eid"], seen["eventId"]);
    Ok(())
}

#[tokio::test]
async fn a_call_is_posted_when_the_visitor_leaves_before_the_module_is_there() -> anyhow::Result<()> {
    let (world, session, person) = (world_with_shop().await?, Session::start().await?, Person::unique());
    let (_listener, src) = hanging_file().await?;
    let script = "tandem.captureLead(person); return true;";
    without_module(&world, &session, &person, json!({ "src": src }), script).await?;
    assert_eq!(stored_leads(&world).await?, Vec::<String>::new());
    session.page.goto("about:blank").await?;
    let lead =
        world.eventually("the lead", async || Ok(stored_leads(&world).await?.first().cloned())).await?;
    assert_eq!(world.wait_for_server_event("Lead", &lead).await?.match_key("em"), person.email_hash());
    Ok(())
}

#[tokio::test]
async fn a_call_is_posted_when_the_module_takes_too_long() -> anyhow::Result<()> {
    let (world, session, person) = (world_with_shop().await?, Session::start().await?, Person::unique());
    let (_listener, src) = hanging_file().await?;
    let script = "return tandem.captureLead(person);";
    let seen = without_module(&world, &session, &person, json!({ "src": src }), script).await?;
    let id = seen["eventId"].as_str().unwrap_or_default();
    assert_eq!(seen["pixel"], "fired", "{seen}");
    wait_until_deduplicated(&world, "Lead", id).await?;
    assert_eq!(stored_leads(&world).await?, [id]);
    Ok(())
}

#[tokio::test]
async fn a_module_that_comes_late_knows_what_the_visitor_said() -> anyhow::Result<()> {
    let (world, session, person) = (world_with_shop().await?, Session::start().await?, Person::unique());
    // Leaving the page makes the loader post its calls. Here the page stays, and the module comes then.
    let script = "
        const early = tandem.captureLead(person);
        tandem.consent.deny();
        dispatchEvent(new Event('pagehide'));
        await early;
        const module = document.createElement('script');
        Object.assign(module, { type: 'module', src: '/pkg/auto.js' });
        const isReady = new Promise((resolve) => { document.addEventListener('tandem:ready', resolve); });
        document.head.append(module);
        await isReady;
        return (await window.tandem.captureLead({ ...person, firstName: 'Late' })).pixel;";
    let (_listener, src) = hanging_file().await?;
    let seen = without_module(&world, &session, &person, json!({ "src": src }), script).await?;
    assert_eq!(seen, "suppressed");
    assert_eq!(fired(&world).await?.len(), 1, "the early lead alone");
    Ok(())
}

#[tokio::test]
async fn a_call_keeps_the_word_on_limited_data_use_without_module() -> anyhow::Result<()> {
    let (world, session, person) = (world_with_shop().await?, Session::start().await?, Person::unique());
    let script = "return tandem.captureLead(person);";
    let options = json!({ "consent": { "ads": "granted", "limitedDataUse": true } });
    let seen = without_module(&world, &session, &person, options, script).await?;
    let lead = world.wait_for_server_event("Lead", seen["eventId"].as_str().unwrap_or_default()).await?;
    assert!(format!("{lead:?}").contains("LDU"), "{lead:?}");
    Ok(())
}
