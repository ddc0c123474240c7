//! A page without pixel and Tandem, on the origin that serves the package.

use serde_json::{Value, json};
use tandem_tests::browser::Session;
use tandem_tests::{PIXEL_ID, Person, World};

/// What scripts can use: `Tandem`, `options` for its `connect`, `person`, and the test's `more`.
const HAVE: &str = "
    const { Tandem, TandemError } = await import('/pkg/index.js');
    const [endpoint, pixelId, person, more] = given;
    const options = { endpoint, pixelId, pixelScript: '/fbevents.js', defaultCountry: 'IN', currency: 'INR' };
    const until = async (is) => {
        for (let looks = 0; looks < 400; looks++) {
            const found = await is();
            if (found) return found;
            await new Promise((resolve) => { setTimeout(resolve, 25); });
        }
        throw new Error('waited in vain for ' + is);
    };";

pub(crate) struct Page<'a> {
    pub(crate) world: &'a World,
    pub(crate) session: &'a Session,
    pub(crate) person: &'a Person,
}

impl Page<'_> {
    /// Opens the page at the sandbox's own address.
    pub(crate) async fn open(&self, query: &str) -> anyhow::Result<()> {
        self.open_at(self.world.sandbox.url.trim_end_matches('/'), query).await
    }

    /// Opens the page at the sandbox's port on another host.
    pub(crate) async fn open_on(&self, host: &str, query: &str) -> anyhow::Result<()> {
        let url = self.world.sandbox.url.trim_end_matches('/');
        let port = url.rsplit_once(':').map_or("80", |(_, port)| port);
        self.open_at(&format!("http://{host}:{port}"), query).await
    }

    async fn open_at(&self, origin: &str, query: &str) -> anyhow::Result<()> {
        // The fake Events Manager is a page without Tandem.
        Ok(self.session.page.goto(&format!("{origin}/events-manager{query}")).await?)
    }

    pub(crate) async fn run(&self, script: &str, more: Value) -> anyhow::Result<Value> {
        let Person { email, phone, first_name, .. } = self.person;
        let person = json!({ "email": email, "phone": phone, "firstName": first_name });
        let given = vec![json!(self.world.grpc), json!(PIXEL_ID), person, more];
        self.session.run(&format!("{HAVE}{script}"), given).await
    }
}
