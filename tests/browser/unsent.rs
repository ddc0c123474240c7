//! Calls that the server could not take: what of them survives the page, and in which form.

use std::time::Duration;

use anyhow::ensure;
use serde_json::{Value, json};
use tandem_proto::v1::EventState;
use tandem_tests::browser::{Session, Shop};
use tandem_tests::needles::{Haystack, Needle};
use tandem_tests::{PIXEL_ID, Person, World};

use crate::{wait_until_deduplicated, world_with_shop};

/// How long a page may take to reach a server that came back: its pauses between tries grow, and a
/// tab that was closed while it was sending leaves a claim for some seconds.
const RETURN_LIMIT: Duration = Duration::from_secs(90);

/// Connects, and notes everything that is ever written to a storage.
const CONNECT: &str = "
    const [endpoint, pixelId, person, changes = {}] = given;
    if (!window.written) {
        window.written = [];
        const { setItem } = Storage.prototype;
        Storage.prototype.setItem = function (...entry) { window.written.push(entry); return setItem.apply(this, entry); };
        for (const method of ['put', 'add']) {
            const write = IDBObjectStore.prototype[method];
            IDBObjectStore.prototype[method] = function (...entry) { window.written.push(entry); return write.apply(this, entry); };
        }
    }
    const { Tandem } = await import('/pkg/index.js');
    const tandem = window.tandem ??= await Tandem.connect(
        { endpoint, pixelId, pixelScript: '/fbevents.js', defaultCountry: 'IN', currency: 'INR', ...changes });
    const kept = () => Object.keys(localStorage).filter((key) => key.startsWith('tandem.unsent.'));
    const until = async (is) => {
        for (let looks = 0; looks < 600; looks++) {
            if (await is()) return;
            await new Promise((resolve) => { setTimeout(resolve, 50); });
        }
        throw new Error('waited in vain for ' + is + ': ' + JSON.stringify(localStorage));
    };";

const LEAD: &str = "const lead = await tandem.captureLead({ ...person, contentName: 'Free chapter' });";

/// A lead that waits in storage with the outcome of its pixel.
const KEPT_LEAD: &str = "
    const lead = await tandem.captureLead({ ...person, contentName: 'Free chapter' });
    await until(() => kept().some((key) => JSON.parse(localStorage[key]).outcome));
    return lead;";

fn fields(person: &Person) -> Value {
    json!({ "email": person.email, "phone": person.phone, "firstName": person.first_name })
}

/// A page with Tandem and nothing else.
struct Page<'a> {
    world: &'a World,
    session: &'a Session,
}

impl Page<'_> {
    async fn open(&self) -> anyhow::Result<()> {
        Shop::new(self.session, &self.world.sandbox.url).open("/events-manager").await
    }

    /// Runs a script after [`CONNECT`] in the window that is in front.
    async fn run(&self, script: &str, person: &Value) -> anyhow::Result<Value> {
        self.run_with(script, person, json!({})).await
    }

    async fn run_with(&self, script: &str, person: &Value, options: Value) -> anyhow::Result<Value> {
        let given = vec![json!(self.world.grpc), json!(PIXEL_ID), person.clone(), options];
        self.session.run(&format!("{CONNECT}{script}"), given).await
    }

    /// Opens another tab and goes there; returns where we were.
    async fn open_tab(&self) -> anyhow::Result<fantoccini::wd::WindowHandle> {
        let old = self.session.page.window().await?;
        let new = self.session.page.new_window(true).await?;
        self.session.page.switch_to_window(new.handle).await?;
        self.open().await?;
        Ok(old)
    }
}

/// Waits for the lead at Meta and expects it once at the server, with its keys.
async fn expect_one_lead(world: &World, id: &str, person: &Person) -> anyhow::Result<()> {
    let server = world
        .eventually_within(RETURN_LIMIT, format!("the lead {id} from a page's storage"), async || {
            Ok(world.sandbox.server_events_with_id("Lead", id).await?.pop())
        })
        .await?;
    assert_eq!(server.match_key("em"), person.email_hash());
    assert_eq!(server.match_key("ph"), person.phone_hash());
    assert_eq!(server.match_key("fn"), person.first_name_hash());
    let leads = world.events("Lead", EventState::Unspecified).await?;
    ensure!(leads.len() == 1, "one lead, however often pages tried: {} are there", leads.len());
    world.wait_until_all_is_sent().await?;
    assert_eq!(world.sandbox.server_events_with_id("Lead", id).await?.len(), 1, "sent to Meta once");
    Ok(())
}

async fn expect_empty_storage(page: &Page<'_>) -> anyhow::Result<()> {
    page.run("await until(() => !kept().length);", &json!({})).await.map(|_| ())
}

fn id_of(lead: &Value) -> anyhow::Result<String> {
    ensure!(lead["queued"] == true, "the server was away: {lead}");
    Ok(lead["eventId"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn a_lead_survives_a_reload_while_the_server_is_away() -> anyhow::Result<()> {
    let (mut world, session, person) = (world_with_shop().await?, Session::start().await?, Person::unique());
    let page = Page { world: &world, session: &session };
    page.open().await?;
    page.run("", &json!({})).await?;
    world.kill_server();
    let page = Page { world: &world, session: &session };
    let id = id_of(&page.run(KEPT_LEAD, &fields(&person)).await?)?;

    session.page.refresh().await?;
    world.restart_server().await?;
    let page = Page { world: &world, session: &session };
    page.run("", &json!({})).await?;
    expect_one_lead(&world, &id, &person).await?;
    expect_empty_storage(&page).await?;
    // The first page's pixel fired it, and the second page says so.
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
    let page = Page { world: &world, session: &session };
    page.open().await?;
    let first = page.open_tab().await?;
    page.run("", &json!({})).await?;
    world.kill_server();
    let page = Page { world: &world, session: &session };
    let id = id_of(&page.run(KEPT_LEAD, &fields(&person)).await?)?;
    session.page.close_window().await?;

    session.page.switch_to_window(first).await?;
    world.restart_server().await?;
    let page = Page { world: &world, session: &session };
    page.run("", &json!({})).await?;
    expect_one_lead(&world, &id, &person).await?;
    expect_empty_storage(&page).await
}

#[tokio::test]
async fn a_tab_that_is_closed_while_the_server_thinks_loses_nothing() -> anyhow::Result<()> {
    let (mut world, session, person) = (world_with_shop().await?, Session::start().await?, Person::unique());
    let page = Page { world: &world, session: &session };
    page.open().await?;
    let first = page.open_tab().await?;
    page.run("", &json!({})).await?;
    world.freeze_server()?;
    let script = "tandem.captureLead({ ...person }); await until(() => kept().length);
        return kept()[0].slice('tandem.unsent.'.length);";
    let id = page.run(script, &fields(&person)).await?.as_str().unwrap_or_default().to_owned();
    session.page.close_window().await?;
    // What the frozen server has in its hands is lost with it.
    world.kill_server();

    session.page.switch_to_window(first).await?;
    world.restart_server().await?;
    let page = Page { world: &world, session: &session };
    page.run("", &json!({})).await?;
    expect_one_lead(&world, &id, &person).await?;
    expect_empty_storage(&page).await
}

/// Counts the calls that this tab makes and the server answers, and holds each answer back for a
/// while: time enough for another tab to send the same call.
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

/// Two tabs, both with Tandem, find the same lead in storage and are told at the same time that the
/// network is back. How often its call was answered.
async fn answers_to_two_tabs(prepare: &str) -> anyhow::Result<()> {
    let (mut world, session, person) = (world_with_shop().await?, Session::start().await?, Person::unique());
    let page = Page { world: &world, session: &session };
    let counting = format!("{prepare}{COUNTING}");
    page.open().await?;
    session.run(&counting, vec![]).await?;
    page.run("", &json!({})).await?;
    let first = page.open_tab().await?;
    session.run(&counting, vec![]).await?;
    page.run("", &json!({})).await?;
    let tabs = [first, session.page.window().await?];
    world.kill_server();
    let page = Page { world: &world, session: &session };
    let id = id_of(&page.run(KEPT_LEAD, &fields(&person)).await?)?;
    // The other tab learns of it by a call of its own that fails.
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
    let page = Page { world: &world, session: &session };
    expect_empty_storage(&page).await?;
    let mut answered = 0;
    for tab in tabs {
        session.page.switch_to_window(tab).await?;
        answered += session.run("return window.answered", vec![]).await?.as_u64().unwrap_or_default();
    }
    assert_eq!(answered, 1, "the server was asked once");
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

/// Everything that a call can say of a person, and places where personal data gets to by accident.
fn everything(person: &Person) -> Value {
    json!({
        "email": person.email, "phone": person.phone, "firstName": person.first_name, "lastName": person.last_name,
        "city": "Thiruvananthapuram", "state": "Keralam Pradesh", "postalCode": "695 014", "country": "India",
        "gender": "female", "dateOfBirth": "1985-11-05", "externalId": "customer-Zq81",
        "contentName": format!("Chapter for {}", person.email), "searchString": format!("call {}", person.phone),
        "properties": { "note": format!("write to {}", person.email) },
        "unknownToTandem": person.email, "value": 1499, "contentIds": ["deck"],
        "contents": [{ "id": "deck", "quantity": 2, "itemPrice": "749.50", "engraving": person.last_name }],
        "experiment": { "id": "headline", "variant": "B" },
    })
}

#[tokio::test]
async fn storage_never_holds_raw_personal_data_and_what_it_holds_reports_the_same_keys() -> anyhow::Result<()>
{
    let (mut world, session, person) = (world_with_shop().await?, Session::start().await?, Person::unique());
    let shop = Shop::new(&session, &world.sandbox.url);
    let address = format!("/events-manager?mail={}&tel={}#{}", person.email, person.phone, person.first_name);
    shop.open(&address).await?;
    let given = everything(&person);
    let page = Page { world: &world, session: &session };
    // The same lead raw, for comparison.
    let raw = page.run("return tandem.captureLead(person);", &given).await?;
    let raw = world.wait_for_server_event("Lead", raw["eventId"].as_str().unwrap_or_default()).await?;
    world.kill_server();
    let page = Page { world: &world, session: &session };
    let script = "const lead = await tandem.captureLead(person);
        await until(() => kept().some((key) => JSON.parse(localStorage[key]).outcome));
        return { lead, databases: await indexedDB.databases(),
            stores: JSON.stringify([window.written, { ...localStorage }, { ...sessionStorage }]) };";
    let seen = page.run(script, &given).await?;
    let id = id_of(&seen["lead"])?;
    let stores = seen["stores"].as_str().unwrap_or_default();
    assert!(stores.contains(&person.email_hash()), "the hash is kept: {stores}");
    assert_eq!(seen["databases"], json!([]), "no database is looked at, because there is none");
    let texts = [
        ("e-mail", person.email.as_str()),
        ("phone", &person.phone),
        ("first name", &person.first_name),
        ("last name", &person.last_name),
        ("city", "Thiruvananthapuram"),
        ("state", "Keralam"),
        ("postal code", "695014"),
        ("postal code as typed", "695 014"),
        ("country", "India"),
        ("gender", "female"),
        ("birth date", "1985-11-05"),
        ("birth date's normal form", "19851105"),
        ("external ID", "customer-Zq81"),
    ];
    for (label, text) in texts {
        let found =
            Needle::new(label, text).spelling_in(&Haystack::new(stores.as_bytes())).map(str::to_owned);
        assert_eq!(found, None, "{label} is in a page's storage: {stores}");
    }

    // The stored form reports what the raw form does.
    session.page.refresh().await?;
    world.restart_server().await?;
    let page = Page { world: &world, session: &session };
    page.run("", &json!({})).await?;
    let server = world
        .eventually_within(RETURN_LIMIT, "the lead from storage", async || {
            Ok(world.sandbox.server_events_with_id("Lead", &id).await?.pop())
        })
        .await?;
    for key in ["em", "ph", "fn", "ln", "ct", "st", "zp", "country", "ge", "db", "external_id", "fbp"] {
        let (from_storage, expected) = (server.match_key(key), raw.match_key(key));
        assert!(!expected.is_empty(), "{key} is reported at all");
        assert_eq!(from_storage, expected, "{key}");
    }
    assert_eq!(server.field(&["custom_data"]), raw.field(&["custom_data"]));
    assert_eq!(server.field(&["event_source_url"]), raw.field(&["event_source_url"]));
    Ok(())
}

#[tokio::test]
async fn without_usable_storage_calls_wait_in_memory() -> anyhow::Result<()> {
    let refused = "
        const no = () => { throw new DOMException('refused', 'SecurityError'); };
        for (const name of ['localStorage', 'sessionStorage', 'indexedDB']) {
            Object.defineProperty(window, name, { configurable: true, get: no });
        }
        LockManager.prototype.request = async () => no();";
    let full = "
        for (let size = 1024 * 1024; size >= 1; size = Math.floor(size / 2)) {
            try { for (;;) localStorage.setItem('filler' + Math.random(), 'x'.repeat(size)); } catch { /* full */ }
        }";
    for (case, prepare) in [("refused", refused), ("full", full)] {
        let (mut world, session) = (world_with_shop().await?, Session::start().await?);
        let person = Person::unique();
        let page = Page { world: &world, session: &session };
        page.open().await?;
        session.run(&format!("{prepare} window.written = [];"), vec![]).await?;
        page.run("", &json!({})).await?;
        world.kill_server();
        let page = Page { world: &world, session: &session };
        let lead = page.run(&format!("{LEAD} return lead;"), &fields(&person)).await?;
        let id = id_of(&lead)?;
        assert_eq!(lead["pixel"], "fired", "{case}");
        world.restart_server().await?;
        expect_one_lead(&world, &id, &person).await?;
        wait_until_deduplicated(&world, "Lead", &id).await?;
    }
    Ok(())
}

#[tokio::test]
async fn what_nobody_will_take_leaves_storage() -> anyhow::Result<()> {
    let (world, session, person) = (world_with_shop().await?, Session::start().await?, Person::unique());
    let page = Page { world: &world, session: &session };
    page.open().await?;
    let script = "
        const entry = (id, changes) => {
            const record = { kind: 0, name: 'Lead', id, madeMs: Date.now(), pixelId, visit: {}, input: person,
                options: { pixelId }, ...changes };
            localStorage.setItem('tandem.unsent.' + id, JSON.stringify(record));
        };
        const id = (digit) => `0193b3a0-0000-7000-8000-00000000000${digit}`;
        entry(id(1), {});
        entry(id(2), { madeMs: Date.now() - 7 * 24 * 3600 * 1000 });
        entry(id(3), { input: { email: 'f'.repeat(64), value: '1.2345' } });
        localStorage.setItem('tandem.unsent.' + id(4), '{');
        entry(id(5), { pixelId: '999999999999999', options: { pixelId: '999999999999999' } });
        const said = [];
        console.debug = (...words) => { said.push(words.join(' ')); };
        const second = await Tandem.connect({ endpoint, pixelId, pixelScript: '/fbevents.js', debug: true });
        await until(() => kept().length === 1);
        return { said, kept: kept() };";
    let seen = page.run(script, &json!({ "email": person.email_hash() })).await?;
    // Another pixel's entry waits for a page of its own.
    assert_eq!(seen["kept"], json!(["tandem.unsent.0193b3a0-0000-7000-8000-000000000005"]));
    let said = seen["said"].to_string();
    assert!(said.contains("0193b3a0-0000-7000-8000-000000000003"), "refused, and said: {said}");
    let leads = world.events("Lead", EventState::Unspecified).await?;
    let ids: Vec<&str> = leads.iter().map(|lead| lead.event_id.as_str()).collect();
    assert_eq!(ids, ["0193b3a0-0000-7000-8000-000000000001"]);
    Ok(())
}

#[tokio::test]
async fn nothing_is_stored_without_consent() -> anyhow::Result<()> {
    let (mut world, session, person) = (world_with_shop().await?, Session::start().await?, Person::unique());
    let page = Page { world: &world, session: &session };
    page.open().await?;
    page.run("", &json!({})).await?;
    world.kill_server();
    let page = Page { world: &world, session: &session };
    // The granted call comes last: when it is stored, the others had their time.
    let script = "
        const denied = await tandem.captureLead({ ...person, consent: { ads: 'denied' } });
        const granted = await tandem.captureLead({ ...person });
        await until(() => kept().some((key) => key.endsWith(granted.eventId)));
        return { denied, granted, kept: kept().map((key) => key.slice('tandem.unsent.'.length)) };";
    let seen = page.run(script, &fields(&person)).await?;
    assert_eq!(seen["denied"]["queued"], true, "{seen}");
    assert_eq!(seen["kept"], json!([seen["granted"]["eventId"]]));
    // A page whose visitor denies altogether.
    session.run("localStorage.clear()", vec![]).await?;
    session.page.refresh().await?;
    let script = "
        const lead = await tandem.captureLead({ ...person });
        await import('/pkg/storable.js');
        return { lead, written: window.written, kept: { ...localStorage } };";
    let seen = page.run_with(script, &fields(&person), json!({ "consent": { "ads": "denied" } })).await?;
    assert_eq!((&seen["written"], &seen["kept"]), (&json!([]), &json!({})), "{seen}");
    Ok(())
}
