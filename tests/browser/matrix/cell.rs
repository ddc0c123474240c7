//! One page under one fault in one browser.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use tandem_tests::browser::{Browser, DelayProxy, Policy, Profile, Session, Shop, ShopProxy};
use tandem_tests::cashfree::now_ms;
use tandem_tests::{Person, World};

use super::table::{Copies, Fault, Row};
use crate::examples::world_with_examples;
use crate::wait_until_deduplicated;

/// Delay of each answer of a slow server.
const SLOW: Duration = Duration::from_millis(1500);

/// A browser, and the servers and proxies that can fail around it.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) world: World,
    pub(super) shop: ShopProxy,
    network: DelayProxy,
}

impl Stage {
    pub(super) async fn new() -> anyhow::Result<Self> {
        let world = world_with_examples().await?;
        let network = DelayProxy::to(&world.grpc).await?;
        world.sandbox.configure(json!({ "tandem_url": network.url })).await?;
        let shop = ShopProxy::start(&world.sandbox.url, &network.url).await?;
        Ok(Self { world, shop, network })
    }

    pub(super) async fn session(&self, browser: Browser, profile: Profile) -> anyhow::Result<Session> {
        let session = Session::start_in(browser, profile).await?;
        // Without the profile's settings the row would test nothing.
        Shop::new(&session, &self.shop.url).open("/livez").await?;
        let script = "try { localStorage.setItem('probe', '1'); return true; } catch { return false; }";
        let can_store = session.page.execute(script, vec![]).await? == true;
        ensure!(can_store == (profile != Profile::NoStorage), "{profile:?}: storage works: {can_store}");
        Ok(session)
    }

    /// Leaves a lead on the page under the row's fault, and checks its result.
    pub(super) async fn play(&mut self, session: &Session, row: &Row, path: &str) -> anyhow::Result<()> {
        let outcome = self.lead(session, row, path).await;
        self.heal(session).await?;
        outcome
    }

    /// Begins the part of a fault that is there before the page opens.
    pub(super) async fn impair(&self, session: &Session, fault: Fault) -> anyhow::Result<()> {
        match fault {
            Fault::Blocked(part) => session.block(&[part]).await?,
            Fault::Policy(policy) => self.shop.set_policy(policy),
            Fault::SlowServer => self.network.delay_answers(SLOW),
            Fault::None | Fault::Offline | Fault::ServerRestart | Fault::Profile(_) => {}
        }
        Ok(())
    }

    /// Removes all faults, before the next row.
    pub(super) async fn heal(&mut self, session: &Session) -> anyhow::Result<()> {
        session.block(&[]).await?;
        session.set_offline(false).await?;
        self.shop.set_policy(Policy::Open);
        self.network.delay_answers(Duration::ZERO);
        if !self.world.server_runs()? {
            self.world.restart_server().await?;
        }
        Ok(())
    }

    async fn lead(&mut self, session: &Session, row: &Row, path: &str) -> anyhow::Result<()> {
        let (started_ms, person) = (now_ms(), Person::unique());
        let url = self.shop.url.clone();
        let shop = Shop::new(session, &url);
        self.impair(session, row.fault).await?;
        shop.open(path).await?;
        match row.fault {
            Fault::Offline => {
                shop.tracked().await?;
                session.set_offline(true).await?;
            }
            Fault::ServerRestart => self.world.kill_server(),
            _ => {}
        }
        shop.submit_lead(&person).await?;
        if row.fault == Fault::Offline {
            let said = shop.complaint().await?;
            ensure!(said.contains("offline"), "the form says {said:?}");
            session.set_offline(false).await?;
            shop.send_lead().await?;
        }
        // The page's thanks show that the form was sent.
        let done = shop.lead_done().await?;
        if row.fault == Fault::ServerRestart {
            self.world.restart_server().await?;
        }
        ensure!(
            (done.pixel.as_str(), done.queued, done.duplicate) == (row.told, row.queued, false),
            "the page was told {done:?}"
        );
        self.check_copies(row.copies, &done.event_id, &person, started_ms).await?;

        let thrown = session.page.execute("return window.thrown", vec![]).await?;
        ensure!(thrown == json!([]), "thrown into the page: {thrown}");
        Ok(())
    }

    /// Expects the row's copies at pixel and server, each once, and no other copy.
    async fn check_copies(
        &self,
        copies: Copies,
        id: &str,
        person: &Person,
        started_ms: u64,
    ) -> anyhow::Result<()> {
        let server = self.world.wait_for_server_event("Lead", id).await?;
        ensure!(server.match_key("em") == person.email_hash(), "the server's copy has another person's data");
        if copies == Copies::Both {
            wait_until_deduplicated(&self.world, "Lead", id).await?;
        }
        let fired = self.world.sandbox.pixel_events().await?;
        let is_new = |event: &&Value| event["ev"] == "Lead" && event["at_ms"].as_u64() >= Some(started_ms);
        let fired: Vec<&str> =
            fired.iter().filter(is_new).filter_map(|event| event["eid"].as_str()).collect();
        let expected: &[&str] = if copies == Copies::Both { &[id] } else { &[] };
        ensure!(fired == expected, "the pixel sent {fired:?}, the page was told {id}");
        let sent = self.world.sandbox.server_events_since("Lead", started_ms).await?;
        let sent: Vec<&str> = sent.iter().map(tandem_tests::sandbox::ServerEvent::event_id).collect();
        ensure!(sent == [id], "the server sent {sent:?}, the page was told {id}");
        Ok(())
    }
}

/// The browser's name and version.
pub(super) async fn name_of(session: &Session) -> anyhow::Result<String> {
    let agent = session.page.execute("return navigator.userAgent", vec![]).await?;
    let agent = agent.as_str().context("a user agent")?;
    let word =
        agent.split(' ').find(|word| ["Firefox/", "Chrome/"].iter().any(|name| word.starts_with(name)));
    Ok(word.unwrap_or(agent).replace('/', " "))
}
