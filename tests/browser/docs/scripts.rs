//! The documents' scripts, in a page that is connected.

use serde_json::{Value, json};
use tandem_proto::v1::EventState;
use tandem_tests::Person;
use tandem_tests::browser::Session;

use super::{BLOCKS, Use, block};
use crate::page::Page;
use crate::world_with_shop;

/// A script of the page before the block, and one after it. Both see the block's variables.
fn around(what: &str) -> (&'static str, &'static str) {
    match what {
        "checkout" => (
            "const orderId = more, checkoutUrl = '#checkout';",
            "return { ready: location.hash === '#checkout', events: ['InitiateCheckout'] };",
        ),
        "purchase" => ("const orderId = more;", "return { events: [], ready: true };"),
        "routes" => (
            "const hooks = [], router = { afterEach: (hook) => { hooks.push(hook); } };",
            "history.pushState({}, '', '/events-manager?route=2'); hooks.forEach((hook) => hook());
             const sent = () => performance.getEntriesByType('resource').filter(({ name }) => name.includes('ev=PageView'));
             await until(() => sent().length === 2); return { ready: true, events: ['PageView'] };",
        ),
        _ => ("", "return { ready: false, events: [] };"),
    }
}

#[tokio::test]
async fn every_script_of_the_documents_runs() -> anyhow::Result<()> {
    for (document, heading, number, of) in BLOCKS {
        let Use::Script(what) = of else { continue };
        if ["after", "mistake"].contains(what) {
            continue; // below
        }
        let (world, session, person) = (world_with_shop().await?, Session::start().await?, Person::unique());
        let page = Page { world: &world, session: &session, person: &person };
        page.open("").await?;
        let (before, after) = around(what);
        let text = block(document, heading, *number)?;
        let order = tandem_tests::messages::order_id();
        let script = format!("const tandem = await Tandem.connect(options); {before}\n{text}\n{after}");
        let seen = page.run(&script, json!(order)).await?;
        assert_eq!(seen["ready"], true, "{heading}: {seen}");
        for event in seen["events"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            world
                .eventually(event, async || {
                    let known = world.events(event, EventState::Unspecified).await?;
                    Ok((known.len() == 1).then_some(()))
                })
                .await?;
        }
        if *what == "purchase" {
            world.wait_for_claim(&order).await?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn the_checkout_opens_within_a_second_while_the_server_hangs() -> anyhow::Result<()> {
    let (world, session, person) = (world_with_shop().await?, Session::start().await?, Person::unique());
    let page = Page { world: &world, session: &session, person: &person };
    page.open("").await?;
    world.freeze_server()?;
    let (before, _) = around("checkout");
    let text = block(super::SHOP, "A purchase", 0)?;
    let script = format!(
        "const tandem = await Tandem.connect(options); {before} const since = performance.now();\n{text}
        return {{ hash: location.hash, ms: performance.now() - since }};"
    );
    let seen = page.run(&script, json!(tandem_tests::messages::order_id())).await?;
    assert_eq!(seen["hash"], "#checkout");
    assert!(seen["ms"].as_f64().is_some_and(|ms| (900.0..1500.0).contains(&ms)), "{seen}");
    world.thaw_server()
}

#[tokio::test]
async fn the_form_that_a_script_sends_is_a_lead_when_it_says_so() -> anyhow::Result<()> {
    let (world, session, person) = (world_with_shop().await?, Session::start().await?, Person::unique());
    let page = Page { world: &world, session: &session, person: &person };
    page.open("").await?;
    let text = block(super::SHOP, "Forms", 0)?;
    let script = "
        const { watchForms } = await import('/pkg/forms.js');
        watchForms(Tandem.connect(options));
        document.body.insertAdjacentHTML('beforeend', more);
        const form = document.querySelector('form[data-tandem]');
        form.innerHTML = '<input name=email type=email><button>Send</button>';
        form.addEventListener('submit', (event) => event.preventDefault());
        const told = [];
        document.addEventListener('tandem:fired', ({ detail }) => told.push(detail.eventId));
        form.elements.email.value = person.email;
        form.querySelector('button').click();
        await new Promise((resolve) => { setTimeout(resolve, 400); });
        const early = told.length;
        form.dispatchEvent(new Event('shop:saved'));
        await until(() => told.length);
        return { early, told };";
    let seen = page.run(script, json!(text)).await?;
    assert_eq!(seen["early"], 0, "{seen}");
    let lead = world.wait_for_server_event("Lead", seen["told"][0].as_str().unwrap_or_default()).await?;
    assert_eq!(lead.match_key("em"), person.email_hash());
    Ok(())
}

#[tokio::test]
async fn a_mistake_stands_under_its_field() -> anyhow::Result<()> {
    let (world, session, person) = (world_with_shop().await?, Session::start().await?, Person::unique());
    let page = Page { world: &world, session: &session, person: &person };
    page.open("").await?;
    let text = block(super::SHOP, "When something is wrong", 0)?;
    let script = format!(
        "const tandem = await Tandem.connect(options);
        document.body.innerHTML += `<form><input name=email aria-describedby=email-error><p id=email-error></p>
            <input name=phone aria-describedby=phone-error><p id=phone-error></p></form>`;
        const form = document.querySelector('form'), {{ email }} = person, phone = '12';
        {text}
        const texts = [...form.querySelectorAll('p')].map((place) => place.textContent);
        return {{ texts, invalid: [...form.elements].map((field) => field.getAttribute('aria-invalid')) }};"
    );
    let seen = page.run(&script, json!({})).await?;
    assert_eq!((&seen["texts"][0], &seen["invalid"]), (&json!(""), &json!([null, "true"])), "{seen}");
    assert!(seen["texts"][1].as_str().is_some_and(|text| text.len() > 10), "{seen}");
    Ok(())
}
