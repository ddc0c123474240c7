//! A mistake that a visitor can correct: the text stands under its field, and the form goes through when it is sent again.

use serde_json::{Value, json};
use tandem_proto::v1::EventState;
use tandem_tests::Person;
use tandem_tests::browser::{Session, Shop};

use crate::examples::world_with_examples;
use crate::pixel_event;

const PAGES: [&str; 3] = ["/shop/", "/examples/web-plain/", "/examples/web-react/"];

/// What the page shows about each field: the input's name, and the visible text that describes it.
const SHOWN: &str = "
    const form = document.querySelector('#lead-form');
    if (!form) return null;
    return [...form.elements].filter(({ name }) => name).map((input) => {
        const place = document.getElementById(input.getAttribute('aria-describedby') ?? '');
        const label = input.closest('label').getBoundingClientRect(), box = place?.getBoundingClientRect();
        return {
            name: input.name, isInvalid: input.getAttribute('aria-invalid') === 'true',
            text: place?.checkVisibility() ? place.textContent : '',
            isUnder: !!box && box.top >= label.bottom - 2 && box.top < label.bottom + 40,
            isFocused: document.activeElement === input,
        };
    });";

async fn shown(session: &Session) -> anyhow::Result<Vec<Value>> {
    Ok(session.page.execute(SHOWN, vec![]).await?.as_array().cloned().unwrap_or_default())
}

#[tokio::test]
async fn a_mistake_stands_under_its_field_and_stops_the_form_once() -> anyhow::Result<()> {
    for path in PAGES {
        let (world, session, person) =
            (world_with_examples().await?, Session::start().await?, Person::unique());
        let shop = Shop::new(&session, &world.sandbox.url);
        shop.open(path).await?;
        shop.tracked().await?;
        let typo = Person { phone: "12345".to_owned(), ..person.clone() };
        shop.submit_lead(&typo).await?;
        let fields = world
            .eventually("the text under the field", async || {
                let fields = shown(&session).await?;
                Ok(fields.iter().any(|field| field["isInvalid"] == true).then_some(fields))
            })
            .await?;
        let wrong: Vec<&Value> = fields.iter().filter(|field| field["isInvalid"] == true).collect();
        assert_eq!(wrong.len(), 1, "{path}: {fields:?}");
        assert_eq!(
            (&wrong[0]["name"], &wrong[0]["isUnder"]),
            (&json!("phone"), &json!(true)),
            "{path}: {fields:?}"
        );
        assert_eq!(wrong[0]["isFocused"], true, "{path}: {fields:?}");
        let text = wrong[0]["text"].as_str().unwrap_or_default();
        assert!(text.contains("number") && !text.contains("user."), "{path}: {text}");
        assert!(world.events("Lead", EventState::Unspecified).await?.is_empty(), "{path}");

        // Sent again as it is, the shop gets the form, and Tandem the rest of the lead.
        shop.send_lead().await?;
        let done = shop.lead_done().await?;
        let lead = world.wait_for_server_event("Lead", &done.event_id).await?;
        assert_eq!(
            (lead.match_key("em"), lead.match_key("ph")),
            (person.email_hash().as_str(), ""),
            "{path}"
        );
        assert_eq!(pixel_event(&world, "Lead").await?["eid"], done.event_id.as_str(), "{path}");
    }
    Ok(())
}

#[tokio::test]
async fn a_mistake_that_is_corrected_is_a_whole_lead() -> anyhow::Result<()> {
    for path in PAGES {
        let (world, session, person) =
            (world_with_examples().await?, Session::start().await?, Person::unique());
        let shop = Shop::new(&session, &world.sandbox.url);
        shop.open(path).await?;
        shop.tracked().await?;
        shop.submit_lead(&Person { phone: "12345".to_owned(), ..person.clone() }).await?;
        world
            .eventually("the text under the field", async || {
                Ok(shown(&session).await?.iter().any(|field| field["isInvalid"] == true).then_some(()))
            })
            .await?;
        shop.submit_lead(&person).await?;
        let done = shop.lead_done().await?;
        let lead = world.wait_for_server_event("Lead", &done.event_id).await?;
        assert_eq!(lead.match_key("ph"), person.phone_hash(), "{path}");
        assert_eq!(world.events("Lead", EventState::Unspecified).await?.len(), 1, "{path}");
    }
    Ok(())
}

#[tokio::test]
async fn the_plain_example_says_it_in_the_pages_language() -> anyhow::Result<()> {
    let (world, session, person) = (world_with_examples().await?, Session::start().await?, Person::unique());
    let shop = Shop::new(&session, &world.sandbox.url);
    shop.open("/examples/web-plain/").await?;
    shop.tracked().await?;
    session.page.execute("document.documentElement.lang = 'hi'", vec![]).await?;
    shop.submit_lead(&Person { phone: "12345".to_owned(), ..person }).await?;
    world
        .eventually("the text in Hindi", async || {
            let fields = shown(&session).await?;
            let isnt_latin = |field: &Value| field["text"].as_str().is_some_and(|text| text.contains("नंबर"));
            Ok(fields.iter().any(isnt_latin).then_some(()))
        })
        .await
}

#[tokio::test]
async fn no_form_waits_longer_than_a_second_for_a_server_that_hangs() -> anyhow::Result<()> {
    for path in PAGES {
        let (world, session, person) =
            (world_with_examples().await?, Session::start().await?, Person::unique());
        let shop = Shop::new(&session, &world.sandbox.url);
        shop.open(path).await?;
        shop.tracked().await?;
        world.freeze_server()?;
        let started = std::time::Instant::now();
        shop.submit_lead(&person).await?;
        let thanked = "return document.querySelector('#lead-done')?.checkVisibility() === true";
        world
            .eventually("the shop's thanks", async || {
                Ok((session.page.execute(thanked, vec![]).await? == true).then_some(()))
            })
            .await?;
        // Typing takes the driver a part of it.
        assert!(started.elapsed().as_millis() < 2500, "{path}: {:?}", started.elapsed());
        world.thaw_server()?;
        let done = shop.lead_done().await?;
        world.wait_for_server_event("Lead", &done.event_id).await?;
    }
    Ok(())
}
