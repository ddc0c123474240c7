//! The browser package as a page's script uses it.

use serde_json::{Value, json};
use tandem_tests::browser::{Session, Shop};
use tandem_tests::{PIXEL_ID, Person, World};

use crate::world_with_shop;

/// Connects from a page without pixel and Tandem.
const CONNECT: &str = "
    const { Tandem, TandemError } = await import('/pkg/index.js');
    const [endpoint, pixelId, person] = given;
    const options = { endpoint, pixelId, pixelScript: '/fbevents.js', defaultCountry: 'IN', currency: 'INR' };";

/// Opens a page of the same origin as the package and runs a script after [`CONNECT`].
async fn run(world: &World, session: &Session, script: &str, person: &Person) -> anyhow::Result<Value> {
    Shop::new(session, &world.sandbox.url).open("/events-manager").await?;
    let person = json!({ "email": person.email, "phone": person.phone, "firstName": person.first_name });
    session.run(&format!("{CONNECT}{script}"), vec![json!(world.grpc), json!(PIXEL_ID), person]).await
}

#[tokio::test]
async fn a_mistake_the_page_can_correct_rejects_with_its_field() -> anyhow::Result<()> {
    let (world, session) = (world_with_shop().await?, Session::start().await?);
    let script = "
        const tandem = await Tandem.connect(options);
        const mistake = async (work) => {
            try { return { taken: await work() }; } catch (error) {
                const { code, message, fields } = error;
                return { known: error instanceof TandemError && error instanceof Error, code, message, fields };
            }
        };
        return [
            await mistake(() => tandem.captureLead({ ...person, phone: '12' })),
            await mistake(() => tandem.captureLead({ ...person, email: 'not-an-email' })),
            await mistake(() => tandem.captureLead({ firstName: 'Asha' })),
            await mistake(() => tandem.captureLead({ ...person, value: '12.345', currency: 'INR' })),
        ];";
    let person = Person::unique();
    let mistakes = run(&world, &session, script, &person).await?;
    for (mistake, field) in
        mistakes.as_array().into_iter().flatten().zip(["phone", "email", "email", "value"])
    {
        assert_eq!(mistake["known"], true, "a TandemError: {mistake}");
        assert_eq!(mistake["code"], "INVALID_ARGUMENT", "{mistake}");
        assert!(mistake["fields"].to_string().contains(field), "{field} is not named: {mistake}");
        assert!(mistake["message"].as_str().is_some_and(|text| !text.is_empty()), "{mistake}");
        assert!(!mistake.to_string().contains(&person.email), "{mistake}");
    }
    assert_eq!(mistakes.as_array().map(Vec::len), Some(4));
    let sent = world.sandbox.pixel_events().await?;
    assert!(
        sent.iter().all(|event| event["ev"] != "Lead"),
        "the pixel must not fire a refused event: {sent:?}"
    );
    Ok(())
}

#[tokio::test]
async fn an_fbq_that_the_page_has_is_used_as_it_is() -> anyhow::Result<()> {
    let (world, session, person) = (world_with_shop().await?, Session::start().await?, Person::unique());
    let script = "
        const calls = [];
        const fbq = function (...call) { fbq.callMethod(...call); };
        Object.assign(fbq, { callMethod: (...call) => {
            calls.push(call);
            if (call[3]) new Image().src = `/tr/?ev=${call[1]}&eid=${call[3].eventID}`;
        }, queue: [], loaded: true, version: '2.0' });
        window.fbq = window._fbq = fbq;
        const tandem = await Tandem.connect(options);
        const lead = await tandem.captureLead({ ...person, contentName: 'Newsletter', value: 1499, currency: 'INR' });
        const custom = await tandem.trackCustom('DeckConfigured', { contentIds: ['deck'] });
        const scripts = [...document.scripts].filter(({ src }) => src.includes('fbevents')).length;
        return { calls, lead, custom, scripts };";
    let seen = run(&world, &session, script, &person).await?;
    assert_eq!(seen["scripts"], 0, "the base code is not loaded a second time");
    let calls = seen["calls"].as_array().cloned().unwrap_or_default();
    let methods: Vec<&str> = calls.iter().filter_map(|call| call[0].as_str()).collect();
    assert!(
        !methods.iter().any(|method| method.starts_with("trackSingle") || *method == "init"),
        "{methods:?}"
    );

    let call = |name: &str| calls.iter().find(|call| call[1] == name).cloned().unwrap_or_default();
    let (lead, custom) = (call("Lead"), call("DeckConfigured"));
    assert_eq!(lead[0], "track", "{calls:?}");
    assert_eq!(lead[2], json!({ "content_name": "Newsletter", "value": 1499, "currency": "INR" }));
    assert_eq!(lead[3], json!({ "eventID": seen["lead"]["eventId"] }));
    assert_eq!(custom[0], "trackCustom", "{calls:?}");
    assert_eq!(custom[3], json!({ "eventID": seen["custom"]["eventId"] }));
    for (result, name) in [(&seen["lead"], "Lead"), (&seen["custom"], "DeckConfigured")] {
        assert_eq!(result["pixel"], "fired", "{result}");
        assert_eq!((&result["duplicate"], &result["queued"]), (&json!(false), &json!(false)), "{result}");
        let id = result["eventId"].as_str().unwrap_or_default();
        world.wait_for_server_event(name, id).await?;
    }
    let said = seen.to_string().to_lowercase();
    assert!(
        !said.contains(&person.email.to_lowercase()),
        "the pixel must not get the e-mail address: {said}"
    );
    Ok(())
}

#[tokio::test]
async fn the_noise_of_a_computed_price_refuses_no_event() -> anyhow::Result<()> {
    let (world, session) = (world_with_shop().await?, Session::start().await?);
    let script = "
        const tandem = await Tandem.connect(options);
        const values = [61.2 * 3, 837 - 2e-13, 17.93999999999994, 0.1 + 0.2];
        const results = [];
        for (const value of values) results.push(await tandem.track('AddToCart', { value }));
        return results.map((result) => result.eventId);";
    let ids = run(&world, &session, script, &Person::unique()).await?;
    let ids: Vec<&str> = ids.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    for (id, minor) in ids.iter().zip([18_360, 83_700, 1_794, 30]) {
        assert_eq!(world.wait_for_server_event("AddToCart", id).await?.value_minor(), minor);
    }
    assert_eq!(ids.len(), 4);
    Ok(())
}

#[tokio::test]
async fn a_page_that_is_rendered_in_advance_reports_nothing_until_it_is_shown() -> anyhow::Result<()> {
    let (world, session) = (world_with_shop().await?, Session::start().await?);
    let script = "
        let isHidden = true;
        Object.defineProperty(document, 'prerendering', { get: () => isHidden, configurable: true });
        const connection = Tandem.connect(options);
        const early = await Promise.race([connection, new Promise((done) => setTimeout(done, 1000, 'waits'))]);
        const before = [early, typeof window.fbq, document.cookie];
        isHidden = false;
        document.dispatchEvent(new Event('prerenderingchange'));
        const shown = await (await connection).track('ViewContent', {});
        return [...before, shown.eventId];";
    let seen = run(&world, &session, script, &Person::unique()).await?;
    assert_eq!((&seen[0], &seen[1], &seen[2]), (&json!("waits"), &json!("undefined"), &json!("")));
    let id = seen[3].as_str().unwrap_or_default();
    world.wait_for_server_event("ViewContent", id).await?;
    Ok(())
}
