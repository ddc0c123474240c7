//! One purchase under one fault in one browser.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use tandem_tests::Person;
use tandem_tests::browser::{Fired, Session, Shop};
use tandem_tests::cashfree::unique_payment_id;

use super::cell::Stage;
use super::purchase_table::{Course, PurchaseRow};
use super::table::{Copies, Fault};
use crate::wait_until_deduplicated;

/// Price of the order in rupees.
const AMOUNT: &str = "1499.00";

/// How long to look for a second copy after the first. A call that has resolved has sent its copy before.
const SECOND_COPY: Duration = Duration::from_secs(1);

/// [`SECOND_COPY`] if another tab has a pending purchase: it asks again within this time.
const SECOND_TABS_COPY: Duration = Duration::from_secs(6);

/// A page that asks with growing pauses needs longer after a fault than a step may take.
const RETURN_LIMIT: Duration = Duration::from_secs(90);

/// How often the open page has asked the server about its purchase.
const ASKED: &str = "return performance.getEntriesByType('resource')
    .filter(({ name }) => name.endsWith('/RecordPurchase')).length;";

/// A buyer with an order, in front of the thank-you page.
struct Purchase<'a> {
    stage: &'a mut Stage,
    session: &'a Session,
    row: &'a PurchaseRow,
    path: String,
    order: String,
}

impl Stage {
    /// Buys something in the row's course under the row's fault, and checks what the page was told and what arrived.
    pub(super) async fn buy(
        &mut self,
        session: &Session,
        row: &PurchaseRow,
        thanks: &str,
    ) -> anyhow::Result<()> {
        let first = session.page.window().await?;
        let order = format!("KB-{}", unique_payment_id());
        let path = format!("{thanks}{order}");
        let outcome = Purchase { stage: self, session, row, path, order }.play().await;
        for handle in session.page.windows().await? {
            if handle != first {
                session.page.switch_to_window(handle).await?;
                session.page.close_window().await?;
            }
        }
        session.page.switch_to_window(first).await?;
        self.heal(session).await?;
        outcome
    }
}

impl Purchase<'_> {
    async fn play(&mut self) -> anyhow::Result<()> {
        let course = self.row.course;
        self.stage.world.sandbox.create_order(&self.order, AMOUNT, &Person::unique()).await?;
        match course {
            Course::Pending | Course::TwoTabsPending => {}
            Course::Failed => self.pay("failed").await?,
            Course::Verified | Course::SecondTab | Course::BackButton | Course::Reload => {
                self.pay("success").await?;
            }
        }
        self.stage.impair(self.session, self.row.fault).await?;
        if self.row.fault == Fault::ServerRestart {
            self.stage.world.kill_server();
        }
        self.visit().await?;
        self.expect_told(&self.told().await?)?;
        match course {
            Course::Verified => {}
            Course::Pending => self.pay_late().await?,
            Course::Failed => self.wait_for_next_ask().await?,
            Course::SecondTab => {
                self.open_tab().await?;
                self.expect_told(&self.told().await?)?;
            }
            Course::TwoTabsPending => {
                self.open_tab().await?;
                self.expect_told(&self.told().await?)?;
                self.pay("success").await?;
            }
            Course::BackButton => {
                self.shop().open("/livez").await?;
                self.session.page.back().await?;
                self.shop().arrive(&self.order).await?;
                self.expect_told(&self.told().await?)?;
            }
            Course::Reload => {
                self.session.page.refresh().await?;
                self.shop().arrive(&self.order).await?;
                let again = self.told().await?;
                self.expect_told(&again)?;
                ensure!(again.duplicate, "after a reload the page was told {again:?}");
            }
        }
        self.expect_copies().await?;
        let thrown = self.session.page.execute("return window.thrown", vec![]).await?;
        ensure!(thrown == json!([]), "thrown into the page: {thrown}");
        Ok(())
    }

    fn shop(&self) -> Shop<'_> {
        Shop::new(self.session, &self.stage.shop.url)
    }

    fn id(&self) -> String {
        format!("purchase_{}", self.order)
    }

    async fn visit(&self) -> anyhow::Result<()> {
        self.shop().open(&self.path).await
    }

    /// The first result that the page was told.
    async fn told(&self) -> anyhow::Result<Fired> {
        self.shop().purchase_told().await
    }

    /// Ends the payment attempt. The fake Cashfree then sends its webhook.
    async fn pay(&self, outcome: &str) -> anyhow::Result<()> {
        self.stage.world.sandbox.pay(&self.order, outcome).await?;
        let has_come = |webhook: &Value| {
            let is_taken = |attempt: &Value| attempt["status"] == 200;
            webhook["order_id"] == self.order.as_str()
                && webhook["attempts"].as_array().is_some_and(|attempts| attempts.iter().any(is_taken))
        };
        self.stage
            .world
            .eventually(format!("the webhook of {}", self.order), async || {
                Ok(self.stage.world.sandbox.webhooks().await?.iter().any(has_come).then_some(()))
            })
            .await
    }

    /// The webhook comes after the page was told "pending", and during the row's fault.
    async fn pay_late(&mut self) -> anyhow::Result<()> {
        match self.row.fault {
            Fault::Offline => {
                self.session.set_offline(true).await?;
                self.pay("success").await?;
                // The page asks in vain at least once.
                self.wait_for_next_ask().await?;
                self.session.set_offline(false).await
            }
            Fault::ServerRestart => {
                self.stage.world.restart_server().await?;
                self.pay("success").await
            }
            _ => self.pay("success").await,
        }
    }

    async fn open_tab(&self) -> anyhow::Result<()> {
        let tab = self.session.page.new_window(true).await?;
        self.session.page.switch_to_window(tab.handle).await?;
        self.visit().await
    }

    async fn wait_for_next_ask(&self) -> anyhow::Result<()> {
        let asked = async || {
            let asked = self.session.page.execute(ASKED, vec![]).await?;
            asked.as_u64().context("a number of requests")
        };
        let before = asked().await?;
        self.stage
            .world
            .eventually("the page to ask again", async || Ok((asked().await? > before).then_some(())))
            .await
    }

    fn expect_told(&self, told: &Fired) -> anyhow::Result<()> {
        ensure!(
            (told.event_id.as_str(), told.pixel.as_str(), told.queued)
                == (self.id().as_str(), self.row.told, self.row.queued),
            "the page was told {told:?}"
        );
        Ok(())
    }

    /// Expects the row's copies at pixel and server, each once, and the pixel's outcome at the server.
    async fn expect_copies(&self) -> anyhow::Result<()> {
        let (world, id) = (&self.stage.world, self.id());
        match self.row.copies {
            Some(Copies::Both) => {
                world
                    .eventually_within(RETURN_LIMIT, format!("{id} from the pixel"), async || {
                        Ok((self.pixel_copies().await? > 0).then_some(()))
                    })
                    .await?;
                world.wait_for_server_event("Purchase", &id).await?;
                wait_until_deduplicated(world, "Purchase", &id).await?;
            }
            Some(Copies::ServerOnly) => drop(world.wait_for_server_event("Purchase", &id).await?),
            None => {}
        }
        if self.row.copies.is_some() {
            let wanted = self.row.reported;
            world
                .eventually(format!("{id} to be reported as {wanted:?}"), async || {
                    let event = world.event("Purchase", &id).await?.event.context("GetEvent has an event")?;
                    Ok((event.browser_outcome == wanted).then_some(()))
                })
                .await?;
        }
        let is_watched_twice = self.row.course == Course::TwoTabsPending;
        tokio::time::sleep(if is_watched_twice { SECOND_TABS_COPY } else { SECOND_COPY }).await;
        world.wait_until_all_is_sent().await?;
        let server = world.sandbox.server_events_with_id("Purchase", &id).await?.len();
        let expected = match self.row.copies {
            Some(Copies::Both) => (1, 1),
            Some(Copies::ServerOnly) => (0, 1),
            None => (0, 0),
        };
        let seen = (self.pixel_copies().await?, server);
        ensure!(seen == expected, "copies of pixel and server: {seen:?}, expected {expected:?}");
        Ok(())
    }

    async fn pixel_copies(&self) -> anyhow::Result<usize> {
        let id = self.id();
        let is_ours = |event: &&Value| event["ev"] == "Purchase" && event["eid"] == id.as_str();
        Ok(self.stage.world.sandbox.pixel_events().await?.iter().filter(is_ours).count())
    }
}
