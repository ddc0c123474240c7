//! Fresh events sent into the drain: do they arrive at once, or behind a million others?

use std::collections::HashMap;
use std::time::Duration;

use anyhow::Context as _;
use tandem_proto::v1::Browser;

use super::load;
use tandem_tests::cashfree::now_ms;
use tandem_tests::{Caller, Person, Sandbox, World, messages};

/// Name of the fresh events: the only ones that the sandbox keeps.
pub(super) const NAME: &str = "Contact";

/// Fresh events under way.
#[derive(Debug)]
pub(super) struct Fresh {
    caller: Caller,
    browser: Browser,
    /// When the server acknowledged each, Unix milliseconds.
    waiting: HashMap<String, u64>,
    last: u64,
    sent: u64,
    took: Vec<Duration>,
    /// Copies beyond the first.
    doubled: usize,
}

/// How long fresh events took from their acknowledgement to their arrival.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Delays {
    /// Events.
    pub(super) events: usize,
    /// Half of them took this long at most.
    pub(super) p50: Duration,
    /// The slowest.
    pub(super) max: Duration,
    /// Those that have not arrived.
    pub(super) missing: usize,
    /// Copies beyond each event's first.
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

    /// Sends one.
    ///
    /// # Errors
    /// When it is not acknowledged.
    pub(super) async fn send(&mut self) -> anyhow::Result<()> {
        let mut message = messages::event(NAME, "7.00");
        message.user = Some(Person::unique().user());
        message.browser = Some(self.browser.clone());
        let id = self.caller.track_event(message).await.context("a fresh event")?.event_id;
        self.waiting.insert(id, now_ms());
        self.sent += 1;
        Ok(())
    }

    /// Sees which have arrived.
    ///
    /// # Errors
    /// When the sandbox does not answer.
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

    /// How many were sent.
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
