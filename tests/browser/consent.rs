//! The visitor's consent: before it is given, with it, and without it.

use serde_json::json;
use tandem_proto::v1::EventState;
use tandem_tests::browser::Session;
use tandem_tests::{Person, World};

use crate::page::Page;
use crate::{pixel_event, wait_until_deduplicated, world_with_shop};

/// What Tandem and Meta's library have left in the page.
const TRACES: &str =
    "const traces = () => [typeof window.fbq, document.cookie, Object.keys(localStorage).length,
    Object.keys(sessionStorage).length, document.querySelectorAll('script[src*=fbevents]').length];";

async fn suppressed(world: &World, id: &str) -> anyhow::Result<()> {
    world
        .eventually(format!("the lead {id} to be counted and not sent"), async || {
            let leads = world.events("Lead", EventState::Suppressed).await?;
            Ok(leads.iter().any(|lead| lead.event_id == id).then_some(()))
        })
        .await
}

#[tokio::test]
async fn calls_before_consent_are_held_and_go_out_when_it_is_given() -> anyhow::Result<()> {
    let (world, session, person) = (world_with_shop().await?, Session::start().await?, Person::unique());
    let page = Page { world: &world, session: &session, person: &person };
    page.open("?fbclid=AbC-1_x").await?;
    let script = format!(
        "{TRACES}
        const tandem = window.tandem = await Tandem.connect({{ ...options, consentRequired: true }});
        const lead = await tandem.captureLead(person);
        const wrong = await tandem.captureLead({{ email: {{}} }}).catch((error) => error.code);
        return {{ lead, wrong, traces: traces() }};"
    );
    let before = page.run(&script, json!({})).await?;
    assert_eq!(before["traces"], json!(["undefined", "", 0, 0, 0]));
    assert_eq!((&before["lead"]["pixel"], &before["lead"]["queued"]), (&json!("pending"), &json!(true)));
    assert_eq!(before["wrong"], "INVALID_ARGUMENT", "mistakes are reported at once");
    assert!(world.events("Lead", EventState::Unspecified).await?.is_empty());

    page.run("tandem.consent.grant(); tandem.consent.grant();", json!({})).await?;
    let id = before["lead"]["eventId"].as_str().unwrap_or_default();
    let server = world.wait_for_server_event("Lead", id).await?;
    let browser = pixel_event(&world, "Lead").await?;
    assert_eq!(browser["eid"], id);
    assert_eq!(
        browser["fbc"],
        server.match_key("fbc"),
        "the click is known, as if consent had been there first"
    );
    pixel_event(&world, "PageView").await?;
    wait_until_deduplicated(&world, "Lead", id).await
}

#[tokio::test]
async fn a_refusal_reaches_the_server_and_nothing_reaches_meta() -> anyhow::Result<()> {
    let (world, session, person) = (world_with_shop().await?, Session::start().await?, Person::unique());
    let page = Page { world: &world, session: &session, person: &person };
    page.open("?fbclid=AbC-1_x").await?;
    let script = format!(
        "{TRACES}
        const tandem = await Tandem.connect({{ ...options, consentRequired: true }});
        const held = await tandem.captureLead(person);
        tandem.consent.deny();
        const lead = await tandem.captureLead({{ ...person, consent: {{ ads: 'granted' }} }});
        return {{ held, lead, traces: traces() }};"
    );
    let seen = page.run(&script, json!({})).await?;
    assert_eq!(
        seen["lead"]["pixel"], "suppressed",
        "no call can grant the consent that the visitor denies: {seen}"
    );
    assert_eq!(seen["traces"], json!(["undefined", "", 0, 0, 0]));
    for lead in [&seen["held"], &seen["lead"]] {
        suppressed(&world, lead["eventId"].as_str().unwrap_or_default()).await?;
    }
    assert!(world.sandbox.pixel_events().await?.is_empty());
    assert!(world.sandbox.server_events("Lead").await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn measurement_alone_leaves_from_the_server_opted_out_and_the_pixel_is_left_alone() -> anyhow::Result<()>
{
    let (world, session, person) = (world_with_shop().await?, Session::start().await?, Person::unique());
    let page = Page { world: &world, session: &session, person: &person };
    page.open("?fbclid=AbC-1_x").await?;
    let script = format!(
        "{TRACES}
        const tandem = await Tandem.connect({{ ...options, consentRequired: true }});
        const held = await tandem.captureLead(person);
        tandem.consent.measureOnly();
        const lead = await tandem.captureLead({{ ...person, consent: {{ ads: 'granted' }} }});
        return {{ held, lead, traces: traces() }};"
    );
    let seen = page.run(&script, json!({})).await?;
    assert_eq!(seen["lead"]["pixel"], "suppressed", "{seen}");
    assert_eq!(
        (&seen["traces"][0], &seen["traces"][4]),
        (&json!("undefined"), &json!(0)),
        "no pixel: {seen}"
    );
    for lead in [&seen["held"], &seen["lead"]] {
        let arrived =
            world.wait_for_server_event("Lead", lead["eventId"].as_str().unwrap_or_default()).await?;
        assert_eq!(arrived.field(&["opt_out"]), true);
        assert!(!arrived.match_key("fbp").is_empty() && !arrived.match_key("fbc").is_empty());
    }
    assert!(world.sandbox.pixel_events().await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn what_waits_for_the_server_follows_the_visitors_narrower_word() -> anyhow::Result<()> {
    let (mut world, session, person) = (world_with_shop().await?, Session::start().await?, Person::unique());
    world.kill_server();
    let page = Page { world: &world, session: &session, person: &person };
    page.open("").await?;
    let granted = "
        const tandem = await Tandem.connect({ ...options, consent: { ads: 'granted' } });
        const lead = await tandem.captureLead(person);
        await until(() => Object.keys(localStorage).some((key) => key.startsWith('tandem.unsent.')));
        return lead;";
    let lead = page.run(granted, json!({})).await?;
    page.open("").await?;
    let order = tandem_tests::messages::order_id();
    let narrower = "
        const tandem = await Tandem.connect({ ...options, consentRequired: true });
        tandem.consent.measureOnly();
        return tandem.recordPurchase({ orderId: more.order });";
    let bought = page.run(narrower, json!({ "order": order })).await?;
    assert_eq!((&bought["pixel"], &bought["queued"]), (&json!("pending"), &json!(true)));

    world.restart_server().await?;
    let id = lead["eventId"].as_str().unwrap_or_default().to_owned();
    assert_eq!(world.wait_for_server_event("Lead", &id).await?.field(&["opt_out"]), true);
    world.wait_for_claim(&order).await?;
    world.pay_order(&order, "1499.00", &person).await?;
    let arrived = world.wait_for_server_event("Purchase", &format!("purchase_{order}")).await?;
    assert_eq!(arrived.field(&["opt_out"]), true, "the visitor allowed measurement alone");
    Ok(())
}

#[tokio::test]
async fn consent_that_is_withdrawn_takes_everything_along() -> anyhow::Result<()> {
    let (world, session, person) = (world_with_shop().await?, Session::start().await?, Person::unique());
    let page = Page { world: &world, session: &session, person: &person };
    page.open("?fbclid=AbC-1_x").await?;
    let script = format!(
        "{TRACES}
        const tandem = await Tandem.connect(options);
        await until(() => window.fbq.callMethod);
        localStorage.setItem('tandem.fired', '[[\"1\"]]');
        tandem.consent.deny();
        const lead = await tandem.captureLead(person);
        return {{ lead, traces: traces() }};"
    );
    let seen = page.run(&script, json!({})).await?;
    assert_eq!(seen["lead"]["pixel"], "suppressed");
    assert_eq!((&seen["traces"][1], &seen["traces"][2]), (&json!(""), &json!(0)), "{seen}");
    suppressed(&world, seen["lead"]["eventId"].as_str().unwrap_or_default()).await?;
    assert!(world.sandbox.pixel_events().await?.iter().all(|event| event["ev"] != "Lead"));
    Ok(())
}

#[tokio::test]
async fn the_browsers_own_refusal_stands_where_the_shop_honours_it_until_the_page_grants()
-> anyhow::Result<()> {
    let (world, session, person) = (world_with_shop().await?, Session::start().await?, Person::unique());
    let page = Page { world: &world, session: &session, person: &person };
    page.open("").await?;
    let script = "
        Object.defineProperty(navigator, 'globalPrivacyControl', { value: true });
        const heeding = await Tandem.connect({ ...options, respectGpc: true, consent: { ads: 'granted' } });
        const before = await heeding.captureLead(person);
        const stub = typeof window.fbq;
        heeding.consent.grant();
        const after = await heeding.captureLead(person);
        const unheeding = await (await Tandem.connect(options)).captureLead(person);
        return { before, stub, after, unheeding };";
    let seen = page.run(script, json!({})).await?;
    assert_eq!(
        (&seen["before"]["pixel"], &seen["stub"]),
        (&json!("suppressed"), &json!("undefined")),
        "{seen}"
    );
    assert_eq!(seen["after"]["pixel"], "fired", "{seen}");
    assert_eq!(seen["unheeding"]["pixel"], "fired", "without respectGpc the shop's default applies: {seen}");
    Ok(())
}

#[tokio::test]
async fn a_pixel_that_the_page_brought_is_kept_in_step() -> anyhow::Result<()> {
    let (world, session, person) = (world_with_shop().await?, Session::start().await?, Person::unique());
    let page = Page { world: &world, session: &session, person: &person };
    page.open("").await?;
    let script = "
        const calls = [];
        const fbq = (...call) => { calls.push(call.slice(0, 2).join(' ')); };
        window.fbq = window._fbq = Object.assign(fbq, { callMethod: fbq, queue: [], loaded: true, version: '2.0' });
        const tandem = await Tandem.connect({ ...options, consentRequired: true });
        await tandem.captureLead(person);
        tandem.consent.grant();
        await until(() => calls.includes('track Lead'));
        tandem.consent.deny();
        return calls;";
    let calls = page.run(script, json!({})).await?;
    assert_eq!(calls, json!(["consent revoke", "consent grant", "track Lead", "consent revoke"]));
    Ok(())
}
