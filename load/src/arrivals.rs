//! Every copy of every event that the fake Graph API accepted.

use std::collections::HashMap;

use anyhow::ensure;
use serde_json::Value;

use tandem_tests::Sandbox;
use tandem_tests::person::sha256_hex;
use tandem_tests::sandbox::{ServerEvent, minor};

/// One copy of an event.
#[derive(Debug, Clone)]
pub(crate) struct Arrival {
    /// When its request arrived, in Unix milliseconds.
    pub(crate) at_ms: u64,
    /// Whether a fault withheld the answer.
    pub(crate) lost: bool,
    /// Digest of the event's JSON with sorted keys.
    pub(crate) digest: String,
    /// SHA-256 of the e-mail address.
    pub(crate) email_hash: String,
    /// Value in hundredths.
    pub(crate) value_minor: Option<i64>,
    /// The order ID, or empty if the event has none.
    pub(crate) order_id: String,
    /// Whether the event has a browser's `fbp`.
    pub(crate) has_fbp: bool,
}

/// All copies by event name and ID, in order of arrival.
#[derive(Debug, Default)]
pub(crate) struct Arrivals {
    last: u64,
    copies: HashMap<(String, String), Vec<Arrival>>,
}

impl Arrivals {
    /// Adds the copies that arrived since the last call.
    ///
    /// # Errors
    /// If the sandbox does not answer, or if it has removed events that were not yet collected.
    pub(crate) async fn collect(&mut self, sandbox: &Sandbox) -> anyhow::Result<()> {
        for mut row in sandbox.graph_rows_after(self.last).await? {
            let number = row["number"].as_u64().unwrap_or_default();
            ensure!(number == self.last + 1, "the sandbox forgot the events {} to {number}", self.last + 1);
            self.last = number;
            let event = ServerEvent(row["event"].take());
            let arrival = Arrival {
                at_ms: row["received_at_ms"].as_u64().unwrap_or_default(),
                lost: row["lost"] == true,
                digest: sha256_hex(&event.0.to_string()),
                email_hash: event.match_key("em").to_owned(),
                value_minor: minor(event.field(&["custom_data", "value"])),
                order_id: event.text(&["custom_data", "order_id"]).to_owned(),
                has_fbp: !event.match_key("fbp").is_empty(),
            };
            let name = event.field(&["event_name"]).as_str().map(str::to_owned).unwrap_or_default();
            let id = match event.field(&["event_id"]) {
                Value::String(id) => id.clone(),
                _ => String::new(),
            };
            self.copies.entry((name, id)).or_default().push(arrival);
        }
        Ok(())
    }

    /// The copies of one event.
    pub(crate) fn of(&self, name: &str, id: &str) -> &[Arrival] {
        self.copies.get(&(name.to_owned(), id.to_owned())).map_or(&[], Vec::as_slice)
    }

    /// Every event that arrived.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, &str, &[Arrival])> {
        self.copies.iter().map(|((name, id), copies)| (name.as_str(), id.as_str(), copies.as_slice()))
    }

    /// How many copies have arrived.
    pub(crate) fn count(&self) -> u64 {
        self.last
    }
}
