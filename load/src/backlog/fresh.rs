//! Sends fresh events during the drain, and measures whether they arrive at once or behind the backlog.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::Context as _;
use tandem_proto::v1::Browser;

use super::load;
use tandem_tests::cashfree::now_ms;
use tandem_tests::{Caller, Person, Sandbox, World, messages};

/// Name of the fresh events. The sandbox keeps no others.
pub(super) const NAME: &str = "Contact";

#[derive(Debug)]
pub(super) struct Fresh {
    caller: Caller,
    browser: Browser,
    /// When the server acknowledged each event that has not arrived yet, in Unix milliseconds.
    waiting: HashMap<String, u64>,
    last: u64,
    sent: u64,
    took: Vec<Duration>,
    /// How many events arrived more than once, counted in extra copies.
    doubled: usize,
}

/// How long fresh events took from their acknowledgement to their arrival.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Delays {
    pub(super) events: usize,
    /// Median.
    pub(super) p50: Duration,
    pub(super) max: Duration,
    /// Events that have not arrived.
    pub(super) missing: usize,
    /// Copies beyond the first of each event.
    pub(super) doubled: usize,
}

impl Fresh {
    pub(super) fn new(world: &World) -> anyhow::Result<Self> {
        Ok(Self {
            caller: world.internal()?,
            browser: load::browser(world),
            waiting: HashMap::new(),
            last: 0,
            sent: 0,
            took: Vec::new(),
            doubled: 0,
        })
    }

    /// Sends one event.
    ///
    /// # Errors
    /// If the server does not acknowledge it.
    pub(super) async fn send(&mut self) -> anyhow::Result<()> {
        let mut message = messages::event(NAME, "7.00");
        message.user = Some(Person::unique().user());
        message.browser = Some(self.browser.clone());
        let id = self.caller.track_event(message).await.context("a fresh event")?.event_id;
        self.waiting.insert(id, now_ms());
        self.sent += 1;
        Ok(())
    }

    /// Records which events have arrived.
    ///
    /// # Errors
    /// If the sandbox does not answer.
    pub(super) async fn look(&mut self, sandbox: &Sandbox) -> anyhow::Result<()> {
        for row in sandbox.graph_rows_after(self.last).await? {
            self.last = row["number"].as_u64().unwrap_or_default().max(self.last);
            let id = row["event"]["event_id"].as_str().unwrap_or_default();
            let at_ms = row["received_at_ms"].as_u64().context("an arrival has a time")?;
            match self.waiting.remove(id) {
                Some(sent_ms) => self.took.push(Duration::from_millis(at_ms.saturating_sub(sent_ms))),
                None => self.doubled += 1,
            }
        }
        Ok(())
    }

    pub(super) fn sent(&self) -> u64 {
        self.sent
    }

    pub(super) fn figures(&self) -> Delays {
        let mut took = self.took.clone();
        took.sort();
        Delays {
            events: took.len(),
            p50: took.get(took.len() / 2).copied().unwrap_or_default(),
            max: took.last().copied().unwrap_or_default(),
            missing: self.waiting.len(),
            doubled: self.doubled,
        }
    }
}
