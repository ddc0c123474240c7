//! Calls that the server could not take outlive their page, and are sent once.

use serde_json::json;
use tandem_proto::v1::EventState;
use tandem_tests::Person;
use tandem_tests::browser::Session;

use crate::kept::{KEPT_LEAD, Tab, expect_empty_storage, expect_one_lead, fields, id_of};
use crate::{wait_until_deduplicated, world_with_shop};

#[tokio::test]
async fn a_lead_survives_a_reload_while_the_server_is_away() -> anyhow::Result<()> {
    let (mut world, session, person) = (world_with_shop().await?, Session::start().await?, Person::unique());
    let page = Tab { world: &world, session: &session };
    page.open().await?;
    page.run("", &json!({})).await?;
    world.kill_server();
    let page = Tab { world: &world, session: &session };
    let id = id_of(&page.run(KEPT_LEAD, &fields(&person)).await?)?;

    session.page.refresh().await?;
    world.restart_server().await?;
    let page = Tab { world: &world, session: &session };
    page.run("", &json!({})).await?;
    expect_one_lead(&world, &id, &person).await?;
    expect_empty_storage(&page).await?;
    // The first page's pixel fired the event, and the second page reports it.
    wait_until_deduplicated(&world, "Lead", &id).await?;
    world
        .eventually("the page's report", async || {
            let event = world.event("Lead", &id).await?.event.unwrap_or_default();
            Ok((event.browser_outcome == "fired").then_some(()))
        })
        .await
}

#[tokio::test]
async fn a_lead_of_a_tab_that_was_closed_is_sent_by_the_next_page() -> anyhow::Result<()> {
    let (mut world, session, person) = (world_with_shop().await?, Session::start().await?, Person::unique());
    let page = Tab { world: &world, session: &session };
    page.open().await?;
    let first = page.open_tab().await?;
    page.run("", &json!({})).await?;
    world.kill_server();
    let page = Tab { world: &world, session: &session };
    let id = id_of(&page.run(KEPT_LEAD, &fields(&person)).await?)?;
    session.page.close_window().await?;

    session.page.switch_to_window(first).await?;
    world.restart_server().await?;
    let page = Tab { world: &world, session: &session };
    page.run("", &json!({})).await?;
    expect_one_lead(&world, &id, &person).await?;
    expect_empty_storage(&page).await
}

#[tokio::test]
async fn a_tab_that_is_closed_while_the_server_thinks_loses_nothing() -> anyhow::Result<()> {
    let (mut world, session, person) = (world_with_shop().await?, Session::start().await?, Person::unique());
    let page = Tab { world: &world, session: &session };
    page.open().await?;
    let first = page.open_tab().await?;
    page.run("", &json!({})).await?;
    world.freeze_server()?;
    let script = "tandem.captureLead({ ...person }); await until(() => kept().length);
        return kept()[0].slice('tandem.unsent.'.length);";
    let id = page.run(script, &fields(&person)).await?.as_str().unwrap_or_default().to_owned();
    session.page.close_window().await?;
    // The calls that the frozen server holds are lost when it is killed.
    world.kill_server();

    session.page.switch_to_window(first).await?;
    world.restart_server().await?;
    let page = Tab { world: &world, session: &session };
    page.run("", &json!({})).await?;
    expect_one_lead(&world, &id, &person).await?;
    expect_empty_storage(&page).await
}

/// Counts the calls of this tab that the server answers. Delays each answer, so that another tab has time to send the
/// same call.
const COUNTING: &str = "
    window.answered = 0;
    const real = window.fetch;
    window.fetch = async (address, options) => {
        const response = await real(address, options);
        if (String(address).endsWith('CaptureLead')) {
            window.answered++;
            await new Promise((resolve) => { setTimeout(resolve, 3000); });
        }
        return response;
    };";

/// Two tabs with Tandem find the same lead in storage, and learn at the same time that the network is back. Returns
/// how often the server answered the call.
async fn answers_to_two_tabs(prepare: &str) -> anyhow::Result<()> {
    let (mut world, session, person) = (world_with_shop().await?, Session::start().await?, Person::unique());
    let page = Tab { world: &world, session: &session };
    let counting = format!("{prepare}{COUNTING}");
    page.open().await?;
    session.run(&counting, vec![]).await?;
    page.run("", &json!({})).await?;
    let first = page.open_tab().await?;
    session.run(&counting, vec![]).await?;
    page.run("", &json!({})).await?;
    let tabs = [first, session.page.window().await?];
    world.kill_server();
    let page = Tab { world: &world, session: &session };
    let id = id_of(&page.run(KEPT_LEAD, &fields(&person)).await?)?;
    // The other tab learns that the server is down by a call of its own that fails.
    session.page.switch_to_window(tabs[0].clone()).await?;
    let other =
        "await tandem.track('ViewContent', { contentIds: ['deck'] }); await until(() => kept().length >= 2);";
    page.run(other, &json!({})).await?;

    world.restart_server().await?;
    for tab in &tabs {
        session.page.switch_to_window(tab.clone()).await?;
        session.run("dispatchEvent(new Event('online'))", vec![]).await?;
    }
    expect_one_lead(&world, &id, &person).await?;
    let page = Tab { world: &world, session: &session };
    expect_empty_storage(&page).await?;
    let mut answered = 0;
    for tab in tabs {
        session.page.switch_to_window(tab).await?;
        answered += session.run("return window.answered", vec![]).await?.as_u64().unwrap_or_default();
    }
    assert_eq!(answered, 1, "the server must answer the call once");
    Ok(())
}

#[tokio::test]
async fn two_tabs_send_a_call_once() -> anyhow::Result<()> {
    answers_to_two_tabs("").await
}

#[tokio::test]
async fn two_tabs_without_web_locks_send_a_call_once() -> anyhow::Result<()> {
    answers_to_two_tabs("delete Navigator.prototype.locks;").await
}

#[tokio::test]
async fn a_lead_that_its_pixel_fired_days_ago_is_kept_by_the_server_and_not_counted_twice()
-> anyhow::Result<()> {
    let (world, session, person) = (world_with_shop().await?, Session::start().await?, Person::unique());
    let page = Tab { world: &world, session: &session };
    page.open().await?;
    let id = "0193b3a0-0000-7000-8000-000000000001";
    let script = "
        const [id, madeMs] = ['0193b3a0-0000-7000-8000-000000000001', Date.now() - 60 * 3600 * 1000];
        localStorage.setItem('tandem.unsent.' + id, JSON.stringify({
            kind: 'lead', name: 'Lead', id, madeMs, pixelId, visit: {}, input: person, options: { pixelId },
            outcome: ['Lead', id, 'fired', madeMs],
        }));
        await Tandem.connect({ endpoint, pixelId, pixelScript: '/fbevents.js' });
        await until(() => !kept().length);";
    page.run(script, &json!({ "email": person.email_hash() })).await?;
    let lead = world.wait_for_state("Lead", id, EventState::DeadLetter).await?;
    assert_eq!(lead.code, "dedup_window_passed", "Meta merges no copies so far apart: {lead:?}");
    assert!(world.sandbox.server_events_with_id("Lead", id).await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn what_waits_is_sent_when_the_page_is_left() -> anyhow::Result<()> {
    let (mut world, session, person) = (world_with_shop().await?, Session::start().await?, Person::unique());
    let page = Tab { world: &world, session: &session };
    page.open().await?;
    page.run("", &json!({})).await?;
    world.kill_server();
    let page = Tab { world: &world, session: &session };
    let id = id_of(&page.run(KEPT_LEAD, &fields(&person)).await?)?;
    // After this try the page makes no retry by itself.
    let script = "
        const { fetch: realFetch, setTimeout: realTimeout } = window;
        window.setTimeout = (work, ms) => (ms < 400 ? realTimeout(work, ms) : 0);
        let tries = 0;
        window.fetch = (...call) => realFetch(...call).finally(() => { tries++; });
        await until(() => tries);";
    page.run(script, &json!({})).await?;

    world.restart_server().await?;
    session.page.goto("about:blank").await?;
    expect_one_lead(&world, &id, &person).await
}
