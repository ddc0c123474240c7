//! Code for the tests of stored calls, which the server could not take.

use std::time::Duration;

use anyhow::ensure;
use serde_json::{Value, json};
use tandem_proto::v1::EventState;
use tandem_tests::browser::{Session, Shop};
use tandem_tests::{PIXEL_ID, Person, World};

/// How long a page may take to reach a server that is up again. The pauses between its tries grow, and a tab that was
/// closed while it sent a call keeps that call locked for some seconds.
pub(crate) const RETURN_LIMIT: Duration = Duration::from_secs(90);

/// Connects, and records everything that the page writes to a storage.
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

/// Captures a lead that waits in storage with the outcome of its pixel.
pub(crate) const KEPT_LEAD: &str = "
    const lead = await tandem.captureLead({ ...person, contentName: 'Free chapter' });
    await until(() => kept().some((key) => JSON.parse(localStorage[key]).outcome));
    return lead;";

/// The person as the argument of a call.
pub(crate) fn fields(person: &Person) -> Value {
    json!({ "email": person.email, "phone": person.phone, "firstName": person.first_name })
}

/// A tab whose page has only Tandem.
pub(crate) struct Tab<'a> {
    pub(crate) world: &'a World,
    pub(crate) session: &'a Session,
}

impl Tab<'_> {
    pub(crate) async fn open(&self) -> anyhow::Result<()> {
        Shop::new(self.session, &self.world.sandbox.url).open("/events-manager").await
    }

    /// Runs a script after [`CONNECT`] in the current window.
    pub(crate) async fn run(&self, script: &str, person: &Value) -> anyhow::Result<Value> {
        self.run_with(script, person, json!({})).await
    }

    pub(crate) async fn run_with(
        &self,
        script: &str,
        person: &Value,
        options: Value,
    ) -> anyhow::Result<Value> {
        let given = vec![json!(self.world.grpc), json!(PIXEL_ID), person.clone(), options];
        self.session.run(&format!("{CONNECT}{script}"), given).await
    }

    /// Opens another tab and switches to it. Returns the previous window.
    pub(crate) async fn open_tab(&self) -> anyhow::Result<fantoccini::wd::WindowHandle> {
        let old = self.session.page.window().await?;
        let new = self.session.page.new_window(true).await?;
        self.session.page.switch_to_window(new.handle).await?;
        self.open().await?;
        Ok(old)
    }
}

/// Waits for the lead at Meta. Expects it once at the server, with its match keys.
pub(crate) async fn expect_one_lead(world: &World, id: &str, person: &Person) -> anyhow::Result<()> {
    let server = world
        .eventually_within(RETURN_LIMIT, format!("the lead {id} from a page's storage"), async || {
            Ok(world.sandbox.server_events_with_id("Lead", id).await?.pop())
        })
        .await?;
    assert_eq!(server.match_key("em"), person.email_hash());
    assert_eq!(server.match_key("ph"), person.phone_hash());
    assert_eq!(server.match_key("fn"), person.first_name_hash());
    let leads = world.events("Lead", EventState::Unspecified).await?;
    ensure!(
        leads.len() == 1,
        "pages must send one lead, however often they tried: {} are there",
        leads.len()
    );
    world.wait_until_all_is_sent().await?;
    assert_eq!(world.sandbox.server_events_with_id("Lead", id).await?.len(), 1, "sent to Meta once");
    Ok(())
}

/// Waits until the page's storage has no calls.
pub(crate) async fn expect_empty_storage(page: &Tab<'_>) -> anyhow::Result<()> {
    page.run("await until(() => !kept().length);", &json!({})).await.map(|_| ())
}

/// The ID of a lead that was queued.
pub(crate) fn id_of(lead: &Value) -> anyhow::Result<String> {
    ensure!(lead["queued"] == true, "the server was down, so the lead must be queued: {lead}");
    Ok(lead["eventId"].as_str().unwrap_or_default().to_owned())
}
