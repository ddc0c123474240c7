//! The steps of a buyer in the demo shop.

use anyhow::{Context as _, ensure};
use fantoccini::Locator;
use serde_json::{Value, json};

use super::Session;
use crate::{Person, eventually};

/// The result that the page shows for an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fired {
    pub event_id: String,
    /// `fired`, `blocked`, `suppressed` or `pending`.
    pub pixel: String,
    /// Whether the server already had the event.
    pub duplicate: bool,
    /// Whether the server was down, so that the call is sent later.
    pub queued: bool,
}

/// A shop in a browser window: the demo shop, or an example with the same form names.
#[derive(Debug)]
pub struct Shop<'a> {
    session: &'a Session,
    url: String,
}

impl<'a> Shop<'a> {
    /// The shop of the sandbox at `sandbox_url`.
    #[must_use]
    pub fn new(session: &'a Session, sandbox_url: &str) -> Self {
        Self { session, url: sandbox_url.trim_end_matches('/').to_owned() }
    }

    /// Opens a page of the sandbox.
    ///
    /// # Errors
    /// When the page does not load.
    pub async fn open(&self, path: &str) -> anyhow::Result<()> {
        self.session
            .page
            .goto(&format!("{}{path}", self.url))
            .await
            .with_context(|| format!("opening {path}"))
    }

    /// Fills in the lead form of the open page and sends it.
    ///
    /// # Errors
    /// When the form does not have the expected fields.
    pub async fn submit_lead(&self, person: &Person) -> anyhow::Result<()> {
        self.fill("#lead-form", "first_name", &person.first_name).await?;
        self.fill("#lead-form", "email", &person.email).await?;
        self.fill("#lead-form", "phone", &person.phone).await?;
        self.send_lead().await
    }

    /// Sends the lead form without changing its fields.
    ///
    /// # Errors
    /// When there is no such form.
    pub async fn send_lead(&self) -> anyhow::Result<()> {
        self.click("#lead-submit").await
    }

    /// Waits until the lead form shows an error. Returns its text.
    ///
    /// # Errors
    /// When the form shows no error in time.
    pub async fn complaint(&self) -> anyhow::Result<String> {
        let script = "const place = document.querySelector('#lead-form .form-error');
            return place?.checkVisibility() ? place.textContent : '';";
        let said = eventually("the form's error", async || {
            let said = self.session.page.execute(script, vec![]).await?;
            Ok(said.as_str().filter(|text| !text.is_empty()).map(str::to_owned))
        })
        .await;
        self.explained(said).await
    }

    /// Waits until Tandem and the pixel's library have loaded on the open page.
    ///
    /// # Errors
    /// When they do not load in time.
    pub async fn tracked(&self) -> anyhow::Result<()> {
        let script = "const loaded = performance.getEntriesByType('resource').map(({ name }) => name);
            return loaded.some((name) => name.endsWith('.wasm')) && typeof window.fbq?.callMethod == 'function';";
        let there = eventually("Tandem and the pixel's library", async || {
            Ok((self.session.page.execute(script, vec![]).await? == true).then_some(()))
        })
        .await;
        self.explained(there).await
    }

    /// Waits until the page thanks for the lead, and reads the event's result.
    ///
    /// # Errors
    /// When the page does not show its thanks in time.
    pub async fn lead_done(&self) -> anyhow::Result<Fired> {
        self.fired("#lead-done", |fired| !fired.event_id.is_empty()).await
    }

    /// Goes from the product to the checkout, fills it in and continues to the payment. Ends on Cashfree's page.
    ///
    /// # Errors
    /// When a page does not have the expected elements.
    pub async fn check_out(&self, person: &Person) -> anyhow::Result<()> {
        self.open("/shop/product").await?;
        self.click("#add-to-bag").await?;
        self.arrive("/shop/checkout").await?;
        let address = [("city", "Bengaluru"), ("state", "Karnataka"), ("postal_code", "560 001")];
        for (name, value) in address {
            self.fill("#checkout-form", name, value).await?;
        }
        self.fill_checkout(person).await
    }

    /// Fills in the buyer on the open checkout page and continues to the payment. Ends on Cashfree's page.
    ///
    /// # Errors
    /// When the page does not have the expected elements.
    pub async fn fill_checkout(&self, person: &Person) -> anyhow::Result<()> {
        let fields = [
            ("first_name", &person.first_name),
            ("last_name", &person.last_name),
            ("email", &person.email),
            ("phone", &person.phone),
        ];
        for (name, value) in fields {
            self.fill("#checkout-form", name, value).await?;
        }
        self.click("#pay").await?;
        self.arrive("/cashfree/checkout/").await
    }

    /// Pays on Cashfree's page and returns to the shop. Returns the order's ID.
    ///
    /// # Errors
    /// When the shop's thank-you page does not open.
    pub async fn pay(&self) -> anyhow::Result<String> {
        self.click("#pay-success").await?;
        self.arrive("/thank-you").await?;
        let address = self.session.page.current_url().await?;
        let order = address.query_pairs().find(|(key, _)| key == "order_id").map(|(_, id)| id.into_owned());
        order.context("the thank-you page's address names the order")
    }

    /// Waits until the thank-you page shows the result of the Purchase.
    ///
    /// # Errors
    /// When it shows no result in time.
    pub async fn purchase_done(&self) -> anyhow::Result<Fired> {
        self.fired("#purchase-status", |fired| !matches!(fired.pixel.as_str(), "" | "pending")).await
    }

    /// Waits until the thank-you page shows any result of the Purchase, also "pending".
    ///
    /// # Errors
    /// When it shows no result in time.
    pub async fn purchase_told(&self) -> anyhow::Result<Fired> {
        self.fired("#purchase-status", |fired| !fired.pixel.is_empty()).await
    }

    /// Waits until the window is on a page whose address contains `part`.
    ///
    /// # Errors
    /// When it does not reach such a page in time.
    pub async fn arrive(&self, part: &str) -> anyhow::Result<()> {
        let arrived = eventually(format!("the page {part}"), async || {
            let address = self.session.page.current_url().await?;
            let loaded =
                self.session.page.execute("return document.readyState === 'complete'", vec![]).await?;
            Ok((address.as_str().contains(part) && loaded == Value::Bool(true)).then_some(()))
        })
        .await;
        self.explained(arrived).await
    }

    async fn fired(&self, selector: &str, done: impl Fn(&Fired) -> bool) -> anyhow::Result<Fired> {
        let script = "const element = document.querySelector(arguments[0]);
            if (!element) return null;
            const { eventId = '', pixel = '', duplicate = '', queued = '' } = element.dataset;
            return { eventId, pixel, duplicate, queued, visible: element.checkVisibility() };";
        let fired = eventually(format!("{selector} to show the event's result"), async || {
            let seen = self.session.page.execute(script, vec![json!(selector)]).await?;
            let text = |key: &str| seen[key].as_str().unwrap_or_default().to_owned();
            let fired = Fired {
                event_id: text("eventId"),
                pixel: text("pixel"),
                duplicate: text("duplicate") == "true",
                queued: text("queued") == "true",
            };
            Ok(Some(fired).filter(|fired| seen["visible"] == true && done(fired)))
        })
        .await;
        self.explained(fired).await
    }

    async fn fill(&self, form: &str, name: &str, value: &str) -> anyhow::Result<()> {
        let selector = format!("{form} [name={name}]");
        self.show(&selector).await?;
        let found = self.session.page.find(Locator::Css(&selector)).await;
        let field = self.explained(found.with_context(|| format!("the field {selector}"))).await?;
        field.clear().await?;
        field.send_keys(value).await.with_context(|| format!("typing into {selector}"))?;
        let typed = field.prop("value").await?.unwrap_or_default();
        ensure!(typed == value, "{selector} holds {typed:?} after typing {value:?}");
        Ok(())
    }

    /// Waits for an element and clicks it.
    ///
    /// # Errors
    /// When the element does not appear in time.
    pub async fn click(&self, selector: &str) -> anyhow::Result<()> {
        let clicked = eventually(format!("a click on {selector}"), async || {
            self.show(selector).await?;
            self.session.page.find(Locator::Css(selector)).await?.click().await?;
            Ok(Some(()))
        })
        .await;
        self.explained(clicked).await
    }

    /// Scrolls to an element. The driver scrolls with the page's own behaviour, and misses the element while the page
    /// scrolls smoothly.
    async fn show(&self, selector: &str) -> anyhow::Result<()> {
        let script = "document.querySelector(arguments[0])
            ?.scrollIntoView({ block: 'center', behavior: 'instant' })";
        self.session.page.execute(script, vec![json!(selector)]).await?;
        Ok(())
    }

    /// Adds what the window shows to an error.
    async fn explained<T>(&self, outcome: anyhow::Result<T>) -> anyhow::Result<T> {
        match outcome {
            Ok(value) => Ok(value),
            Err(error) => Err(error.context(format!("the window shows: {}", self.session.describe().await))),
        }
    }
}
