//! Forms and the script tag, which use Tandem without code.

use serde_json::json;
use tandem_proto::v1::EventState;
use tandem_tests::browser::{Session, Shop};
use tandem_tests::{Person, World};

use crate::page::Page;
use crate::{pixel_event, wait_until_deduplicated, world_with_shop};

/// Adds the script tag, waits for the connection, and then adds a form.
const FORM: &str = "
    const script = document.createElement('script');
    script.type = 'module';
    script.src = '/pkg/auto.js';
    Object.assign(script.dataset, { endpoint, pixelId, pixelScript: '/fbevents.js', defaultCountry: 'IN', currency: 'INR' });
    const isReady = new Promise((resolve) => { document.addEventListener('tandem:ready', resolve, { once: true }); });
    document.head.append(script);
    await isReady;
    const form = document.createElement('form');
    form.action = '/events-manager';
    form.dataset.tandem = 'lead';
    form.dataset.value = '1499';
    form.dataset.contentName = 'Free chapter';
    for (const [name, autocomplete, value] of [
        ['who', 'section-a name', `${person.firstName} Rao`], ['mail', '', person.email], ['x', 'shipping tel', more.phone ?? person.phone],
        ['password', '', 'secret'], ['newsletter', '', 'weekly'],
    ]) {
        const input = document.createElement('input');
        Object.assign(input, { name, value, autocomplete, type: name === 'password' ? 'password' : 'text' });
        form.append(input);
    }
    const button = Object.assign(document.createElement('button'), { name: 'which', value: 'blue', textContent: 'Send' });
    form.append(button);
    document.body.append(form);";

async fn lead_of(world: &World) -> anyhow::Result<String> {
    world
        .eventually("the lead", async || {
            let leads = world.events("Lead", EventState::Unspecified).await?;
            Ok(leads.first().map(|lead| lead.event_id.clone()))
        })
        .await
}

#[tokio::test]
async fn a_form_with_an_attribute_is_a_lead_and_is_submitted_as_ever() -> anyhow::Result<()> {
    let (world, session, person) = (world_with_shop().await?, Session::start().await?, Person::unique());
    let page = Page { world: &world, session: &session, person: &person };
    page.open("").await?;
    page.run(&format!("{FORM} setTimeout(() => button.click());"), json!({})).await?;
    let shop = Shop::new(&session, &world.sandbox.url);
    shop.arrive("which=blue").await?;
    let address = session.page.current_url().await?;
    assert!(
        address.query_pairs().any(|(name, value)| name == "mail" && value == person.email.as_str()),
        "{address}"
    );

    let id = lead_of(&world).await?;
    let server = world.wait_for_server_event("Lead", &id).await?;
    assert_eq!(server.match_key("em"), person.email_hash());
    assert_eq!(server.match_key("ph"), person.phone_hash());
    assert_eq!(server.match_key("fn"), person.first_name_hash());
    assert!(!server.match_key("ln").is_empty());
    assert_eq!(server.text(&["custom_data", "content_name"]), "Free chapter");
    assert_eq!(server.value_minor(), 149_900);
    assert_eq!(pixel_event(&world, "Lead").await?["eid"], id);
    wait_until_deduplicated(&world, "Lead", &id).await?;
    assert_eq!(world.events("Lead", EventState::Unspecified).await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_form_that_the_page_sends_by_itself_stays_and_is_reported_once() -> anyhow::Result<()> {
    let (world, session, person) = (world_with_shop().await?, Session::start().await?, Person::unique());
    let page = Page { world: &world, session: &session, person: &person };
    page.open("").await?;
    // The second submission has another address, and a listener of the page stops its event.
    let script = format!(
        "{FORM}
        let count = 0;
        form.addEventListener('submit', (event) => {{ event.preventDefault(); if (count++) event.stopPropagation(); }});
        const fired = new Promise((resolve) => {{ document.addEventListener('tandem:fired', resolve, {{ once: true }}); }});
        button.click();
        const {{ detail }} = await fired;
        button.click();
        form.elements.mail.value = `second.${{person.email}}`;
        button.click();
        return {{ detail, count, href: location.href }};"
    );
    let seen = page.run(&script, json!({})).await?;
    assert_eq!((&seen["count"], &seen["detail"]["eventName"]), (&json!(3), &json!("Lead")), "{seen}");
    let id = seen["detail"]["eventId"].as_str().unwrap_or_default();
    world.wait_for_server_event("Lead", id).await?;
    let leads = world
        .eventually("both submissions", async || {
            let leads = world.events("Lead", EventState::Unspecified).await?;
            Ok((leads.len() >= 2).then_some(leads.len()))
        })
        .await?;
    assert_eq!(leads, 2);
    assert!(!seen["href"].as_str().unwrap_or_default().contains("which="), "the browser stayed on the page");
    Ok(())
}

#[tokio::test]
async fn a_number_that_nobody_can_dial_costs_no_lead() -> anyhow::Result<()> {
    let (world, session, person) = (world_with_shop().await?, Session::start().await?, Person::unique());
    let page = Page { world: &world, session: &session, person: &person };
    page.open("").await?;
    page.run(&format!("{FORM} setTimeout(() => button.click());"), json!({ "phone": "12" })).await?;
    Shop::new(&session, &world.sandbox.url).arrive("which=blue").await?;
    let id = lead_of(&world).await?;
    let server = world.wait_for_server_event("Lead", &id).await?;
    assert_eq!(server.match_key("em"), person.email_hash());
    assert!(server.match_key("ph").is_empty());
    Ok(())
}

#[tokio::test]
async fn a_form_does_not_wait_for_a_server_that_is_away() -> anyhow::Result<()> {
    let (mut world, session, person) = (world_with_shop().await?, Session::start().await?, Person::unique());
    let page = Page { world: &world, session: &session, person: &person };
    page.open("").await?;
    page.run(FORM, json!({})).await?;
    world.freeze_server()?;
    session.page.execute("document.querySelector('form[data-tandem] button').click()", vec![]).await?;
    Shop::new(&session, &world.sandbox.url).arrive("which=blue").await?;
    world.thaw_server()?;
    let browser = pixel_event(&world, "Lead").await?;
    let id = browser["eid"].as_str().unwrap_or_default().to_owned();
    let server = world.wait_for_server_event("Lead", &id).await?;
    assert_eq!(server.match_key("em"), person.email_hash());
    world.stop_server().await
}
