//! What a page's storage contains of calls that the server could not take, and what it never contains.

use serde_json::{Value, json};
use tandem_proto::v1::EventState;
use tandem_tests::Person;
use tandem_tests::browser::{Session, Shop};
use tandem_tests::leak_scan::{Haystack, Needle};

use crate::kept::{RETURN_LIMIT, Tab, expect_one_lead, fields, id_of};
use crate::{wait_until_deduplicated, world_with_shop};

const LEAD: &str = "const lead = await tandem.captureLead({ ...person, contentName: 'Free chapter' });";

/// Every field of a call about a person, and the places that get personal data by accident.
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
    let page = Tab { world: &world, session: &session };
    // Sends the same lead raw, for comparison.
    let raw = page.run("return tandem.captureLead(person);", &given).await?;
    let raw = world.wait_for_server_event("Lead", raw["eventId"].as_str().unwrap_or_default()).await?;
    world.kill_server();
    let page = Tab { world: &world, session: &session };
    let script = "const lead = await tandem.captureLead(person);
        await until(() => kept().some((key) => JSON.parse(localStorage[key]).outcome));
        return { lead, databases: await indexedDB.databases(),
            stores: JSON.stringify([window.written, { ...localStorage }, { ...sessionStorage }]) };";
    let seen = page.run(script, &given).await?;
    let id = id_of(&seen["lead"])?;
    let stores = seen["stores"].as_str().unwrap_or_default();
    assert!(stores.contains(&person.email_hash()), "the storage must contain the hash: {stores}");
    assert_eq!(seen["databases"], json!([]), "the page must have no database");
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

    // The stored form reports the same as the raw form.
    session.page.refresh().await?;
    world.restart_server().await?;
    let page = Tab { world: &world, session: &session };
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
        let page = Tab { world: &world, session: &session };
        page.open().await?;
        session.run(&format!("{prepare} window.written = [];"), vec![]).await?;
        page.run("", &json!({})).await?;
        world.kill_server();
        let page = Tab { world: &world, session: &session };
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
    let page = Tab { world: &world, session: &session };
    page.open().await?;
    let script = "
        const entry = (id, changes) => {
            const record = { kind: 'lead', name: 'Lead', id, madeMs: Date.now(), pixelId, visit: {}, input: person,
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
        console.info = (...words) => { said.push(words.join(' ')); };
        const second = await Tandem.connect({ endpoint, pixelId, pixelScript: '/fbevents.js', debug: true });
        // The console's part of the package loads on its own.
        await until(() => kept().length === 1 && said.some((words) => words.includes(id(3))));
        return { said, kept: kept() };";
    let seen = page.run(script, &json!({ "email": person.email_hash() })).await?;
    // The other pixel's entry stays for a page with that pixel.
    assert_eq!(seen["kept"], json!(["tandem.unsent.0193b3a0-0000-7000-8000-000000000005"]));
    let said = seen["said"].to_string();
    assert!(said.contains("0193b3a0-0000-7000-8000-000000000003"), "the refusal must name the event: {said}");
    let leads = world.events("Lead", EventState::Unspecified).await?;
    let ids: Vec<&str> = leads.iter().map(|lead| lead.event_id.as_str()).collect();
    assert_eq!(ids, ["0193b3a0-0000-7000-8000-000000000001"]);
    Ok(())
}

#[tokio::test]
async fn nothing_is_stored_without_consent() -> anyhow::Result<()> {
    let (mut world, session, person) = (world_with_shop().await?, Session::start().await?, Person::unique());
    let page = Tab { world: &world, session: &session };
    page.open().await?;
    page.run("", &json!({})).await?;
    world.kill_server();
    let page = Tab { world: &world, session: &session };
    // The granted call is last. When it is stored, the earlier ones had time to be stored too.
    let script = "
        const denied = await tandem.captureLead({ ...person, consent: { ads: 'denied' } });
        const granted = await tandem.captureLead({ ...person });
        await until(() => kept().some((key) => key.endsWith(granted.eventId)));
        return { denied, granted, kept: kept().map((key) => key.slice('tandem.unsent.'.length)) };";
    let seen = page.run(script, &fields(&person)).await?;
    assert_eq!(seen["denied"]["queued"], true, "{seen}");
    assert_eq!(seen["kept"], json!([seen["granted"]["eventId"]]));
    // A page whose visitor denies consent for the whole page.
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

#[tokio::test]
async fn fifty_calls_are_kept_and_leads_stay_longest() -> anyhow::Result<()> {
    let (mut world, session, person) = (world_with_shop().await?, Session::start().await?, Person::unique());
    let page = Tab { world: &world, session: &session };
    page.open().await?;
    page.run("", &json!({})).await?;
    world.kill_server();
    let page = Tab { world: &world, session: &session };
    let script = "
        const entries = () => kept().map((key) => JSON.parse(localStorage[key]));
        const has = (id) => kept().includes('tandem.unsent.' + id);
        const views = [], leads = [];
        for (let n = 0; n < 10; n++) {
            const { eventId } = await tandem.track('ViewContent', { contentIds: ['deck-' + n] });
            await until(() => has(eventId));
            views.push(eventId);
        }
        for (let n = 0; n < 45; n++) {
            const { eventId } = await tandem.captureLead({ ...person, contentName: 'Chapter ' + n });
            await until(() => has(eventId));
            leads.push(eventId);
        }
        // This call is too long to be stored, but not too long for the server.
        const long = await tandem.track('ViewContent', { contentIds: Array.from({ length: 2000 }, (_, n) => 'deck-' + n) });
        const last = await tandem.captureLead(person);
        await until(() => has(last.eventId));
        return { all: entries().length, leads: leads.filter(has).length, views: views.map(has), long: has(long.eventId) };";
    let seen = page.run(script, &fields(&person)).await?;
    assert_eq!((&seen["all"], &seen["leads"]), (&json!(50), &json!(45)), "{seen}");
    let views = [vec![false; 6], vec![true; 4]].concat();
    assert_eq!((&seen["views"], &seen["long"]), (&json!(views), &json!(false)), "{seen}");
    Ok(())
}
