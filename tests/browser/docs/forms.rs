//! The documents' forms under faults: the shop gets the form within a second, whatever Tandem does.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde_json::json;
use tandem_tests::browser::{Posted, Session, ShopPages};
use tandem_tests::{Person, World};

use super::{BLOCKS, Use, block, page};
use crate::world_with_shop;

/// A form is held for one second at most. The rest is the browser's, its driver's and this machine's.
const LIMIT: Duration = Duration::from_millis(1500);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    /// A telephone number that nobody can dial.
    Phone,
    /// The server takes connections and answers nothing.
    Hung,
    /// Nothing listens at the server's address.
    Refused,
    /// The package's files are not found.
    NoPackage,
    /// The page's own scripts throw, also when the form is submitted.
    Exception,
}

/// Scripts of a page that is broken.
const BROKEN: &str = "<script>
    addEventListener('submit', () => { throw new Error('the page: while submitting'); }, true);
    throw new Error('the page: while loading');
</script>";

#[tokio::test]
async fn every_form_of_the_documents_reaches_the_shop_within_a_second() -> anyhow::Result<()> {
    for fault in [Fault::None, Fault::Phone, Fault::Hung, Fault::Refused, Fault::NoPackage, Fault::Exception]
    {
        for (document, heading, number, of) in BLOCKS {
            let Use::Form { drops } = of else { continue };
            let text = block(document, heading, *number)?;
            let took = visit(&text, fault, *drops)
                .await
                .with_context(|| format!("{document}, {heading}, block {number}, {fault:?}"))?;
            println!("{heading} ({number}), {fault:?}: the shop has the form after {} ms", took.as_millis());
        }
    }
    Ok(())
}

async fn visit(text: &str, fault: Fault, drops: bool) -> anyhow::Result<Duration> {
    let (mut world, session, person) = (world_with_shop().await?, Session::start().await?, Person::unique());
    let shop = ShopPages::start(&world.sandbox.url).await?;
    let broken = if fault == Fault::Exception { BROKEN } else { "" };
    shop.put("/", page(&world, &format!("{broken}{text}")));
    if fault == Fault::NoPackage {
        shop.lose(&["/tandem/"]);
    }
    session.page.goto(&shop.url).await?;
    if fault != Fault::NoPackage {
        let is_ready = "return performance.getEntriesByType('resource').some(({ name }) => name.endsWith('.wasm')) && !!window.fbq";
        world
            .eventually("Tandem", async || {
                Ok((session.page.execute(is_ready, vec![]).await? == true).then_some(()))
            })
            .await?;
    }
    match fault {
        Fault::Hung => world.freeze_server()?,
        Fault::Refused => world.kill_server(),
        _ => {}
    }
    let phone = if fault == Fault::Phone { "12" } else { person.phone.as_str() };
    let fill = "const { elements } = document.forms[0];
        [elements.firstName.value, elements.email.value, elements.phone.value] = arguments;";
    session.page.execute(fill, vec![json!(person.first_name), json!(person.email), json!(phone)]).await?;
    let clicked = Instant::now();
    session.page.execute("document.querySelector('form button').click()", vec![]).await?;
    let posted =
        world.eventually("the form at the shop", async || Ok(shop.posted().into_iter().next())).await?;
    let Posted { path, body, at } = posted;
    ensure!(path == "/subscribe", "posted to {path}");
    let (name, _) = person.email.split_once(['+', '@']).unwrap_or_default();
    ensure!(body.contains(name), "the address is not in {body}");
    ensure!(body.contains("phone"), "the number is not in {body}");
    let took = at.duration_since(clicked);
    ensure!(took < LIMIT, "the shop had the form after {took:?} only");

    lead_follows(&mut world, &session, &shop, &person, fault, drops).await?;
    ensure!(shop.posted().len() == 1, "the shop got the form {} times", shop.posted().len());
    Ok(took)
}

/// The lead arrives as well, wherever it can.
async fn lead_follows(
    world: &mut World,
    session: &Session,
    shop: &ShopPages,
    person: &Person,
    fault: Fault,
    drops: bool,
) -> anyhow::Result<()> {
    match fault {
        Fault::NoPackage => return Ok(()),
        Fault::Phone if !drops => return Ok(()),
        Fault::Hung => world.thaw_server()?,
        Fault::Refused => {
            world.restart_server().await?;
            // The next page with Tandem sends what was kept.
            session.page.goto(&shop.url).await?;
        }
        Fault::None | Fault::Phone | Fault::Exception => {}
    }
    let lead = world
        .eventually("the lead at Meta", async || {
            Ok(world.sandbox.server_events("Lead").await?.into_iter().next())
        })
        .await?;
    ensure!(lead.match_key("em") == person.email_hash(), "whose lead? {lead:?}");
    ensure!(lead.match_key("ph").is_empty() == (fault == Fault::Phone), "{lead:?}");
    let pixel = world.sandbox.pixel_events().await?;
    let fired: Vec<_> = pixel.iter().filter(|event| event["ev"] == "Lead").collect();
    ensure!(
        fired.len() == 1 && fired[0]["eid"] == lead.event_id(),
        "{fired:?}, and the server's is {}",
        lead.event_id()
    );
    Ok(())
}

/// Fills and sends the form by itself as soon as the page is parsed, because a driver waits for the page's load.
const AT_ONCE: &str = "<script>addEventListener('DOMContentLoaded', () => setTimeout(() => {
    const form = document.forms[0];
    form.elements.email.value = 'asha@shop.example';
    form.requestSubmit();
}));</script>";

#[tokio::test]
async fn a_package_that_hangs_holds_neither_the_page_nor_its_form() -> anyhow::Result<()> {
    for (document, heading, number, of) in BLOCKS {
        let Use::Form { .. } = of else { continue };
        let (world, session) = (world_with_shop().await?, Session::start().await?);
        let shop = ShopPages::start(&world.sandbox.url).await?;
        shop.hang(&["/tandem/"]);
        shop.put("/", page(&world, &format!("{AT_ONCE}{}", block(document, heading, *number)?)));
        let started = Instant::now();
        session.page.goto(&shop.url).await?;
        let posted =
            world.eventually("the form at the shop", async || Ok(shop.posted().into_iter().next())).await?;
        let took = posted.at.duration_since(started);
        ensure!(took < LIMIT, "{heading}, block {number}: the shop had the form after {took:?} only");
        println!("{heading} ({number}), package hangs: the shop has the form after {} ms", took.as_millis());
    }
    Ok(())
}
