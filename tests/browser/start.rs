//! How the package starts.

use serde_json::json;
use tandem_tests::Person;
use tandem_tests::browser::Session;

use crate::page::Page;
use crate::world_with_shop;

#[tokio::test]
async fn webassembly_starts_whatever_type_it_is_served_under() -> anyhow::Result<()> {
    let (world, session, person) = (world_with_shop().await?, Session::start().await?, Person::unique());
    let page = Page { world: &world, session: &session, person: &person };
    page.open("").await?;
    let script = "
        const real = window.fetch;
        let types = 0;
        window.fetch = async (address, ...rest) => {
            if (!String(address).endsWith('.wasm')) return real(address, ...rest);
            types++;
            return new Response(await (await real(address)).arrayBuffer(), { headers: { 'content-type': 'text/plain' } });
        };
        const lead = await (await Tandem.connect(options)).captureLead(person);
        const plain = performance.getEntriesByType('resource').some(({ name }) => name.includes('plain'));
        return { pixel: lead.pixel, id: lead.eventId, types, plain };";
    let seen = page.run(script, json!({})).await?;
    assert_eq!(
        (&seen["types"], &seen["plain"], &seen["pixel"]),
        (&json!(1), &json!(false), &json!("fired")),
        "{seen}"
    );
    world.wait_for_server_event("Lead", seen["id"].as_str().unwrap_or_default()).await?;
    Ok(())
}

#[tokio::test]
async fn the_console_tells_what_happens_and_nothing_about_the_person() -> anyhow::Result<()> {
    let (world, session, person) = (world_with_shop().await?, Session::start().await?, Person::unique());
    let page = Page { world: &world, session: &session, person: &person };
    page.open("").await?;
    let script = "
        const lines = [];
        console.info = (...line) => { lines.push(line.join(' ')); };
        const tandem = await Tandem.connect({ ...options, debug: true });
        const lead = await tandem.captureLead(person);
        await tandem.captureLead({ ...person, phone: '12' }).catch(() => {});
        await until(() => lines.some((line) => line.includes('fired')));
        return { lines, id: lead.eventId };";
    let seen = page.run(script, json!({})).await?;
    let said = seen["lines"].to_string();
    let id = seen["id"].as_str().unwrap_or_default();
    for part in
        ["connected", "base code", "sending Lead", "the server has stored Lead", "the pixel fired", id]
    {
        assert!(said.contains(part), "{part} is missing: {said}");
    }
    for raw in [&person.email, &person.phone, &person.first_name] {
        assert!(!said.to_lowercase().contains(&raw.to_lowercase()), "{said}");
    }
    Ok(())
}
