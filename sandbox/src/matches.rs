//! Meta's deduplication of browser and server copies.
//!
//! Rule (Meta, "Handling Duplicate Pixel and Conversions API Events"): the same pixel, event name and
//! event ID from the browser and from the server within 48 hours of each other are one event. The
//! first arrival is kept, the later is dropped. Two copies from the *same* side are not deduplicated:
//! both count, so a blind retry is dangerous. Arrivals are paired one to one.

use std::collections::{BTreeSet, HashMap, VecDeque};

use serde::Serialize;
use serde_json::Value;

use crate::clock::Millis;
use crate::records::PixelEvent;

const WINDOW_MS: Millis = 48 * 3_600_000;

/// Distinct events kept.
const ROWS_MAX: usize = 50_000;

/// Unpaired arrivals remembered for one event and side.
const UNPAIRED_MAX: usize = 64;

/// A server event as the matcher sees it.
#[derive(Debug)]
pub struct ServerArrival<'a> {
    pub at_ms: Millis,
    /// The pixel it was sent to.
    pub pixel_id: &'a str,
    pub test_event_code: Option<&'a str>,
    pub event: &'a Value,
}

/// A browser event as the matcher sees it.
#[derive(Debug)]
pub struct BrowserArrival<'a> {
    pub event: &'a PixelEvent,
}

/// One event: everything that arrived under one pixel, name and ID.
#[derive(Clone, Debug, Default, Serialize)]
pub struct MatchRow {
    pub pixel_id: String,
    pub event_name: String,
    /// Event ID. Empty for copies that came without one; such copies never match.
    pub event_id: String,
    /// Copies from the browser.
    pub browser: u64,
    /// Copies from the server.
    pub server: u64,
    /// Whether a browser and a server copy were merged.
    pub deduplicated: bool,
    /// How many events Meta would count.
    pub counted: u64,
    /// When the newest copy arrived.
    pub last_at_ms: Millis,
    /// Names of the match keys seen on either side.
    pub match_keys: BTreeSet<String>,
    /// Value and currency, for people.
    pub value: Option<String>,
    /// Test event code of a server copy.
    pub test_event_code: Option<String>,
    /// Whether a server copy of a website event came without a user agent.
    #[serde(skip)]
    lacks_user_agent: bool,
    #[serde(skip)]
    unpaired_browser: VecDeque<Millis>,
    #[serde(skip)]
    unpaired_server: VecDeque<Millis>,
}

impl MatchRow {
    /// A warning for people, if there is one.
    #[must_use]
    pub fn warning(&self) -> Option<String> {
        if self.event_id.is_empty() {
            return Some("no event ID: cannot be deduplicated".to_owned());
        }
        if self.counted > 1 {
            return Some(format!("counted {} times: copies from the same side are kept", self.counted));
        }
        if self.lacks_user_agent {
            return Some("website event without a user agent".to_owned());
        }
        None
    }

    fn arrive(&mut self, side: Side, at_ms: Millis) {
        self.last_at_ms = self.last_at_ms.max(at_ms);
        let (own, other) = match side {
            Side::Browser => {
                self.browser += 1;
                (&mut self.unpaired_browser, &mut self.unpaired_server)
            }
            Side::Server => {
                self.server += 1;
                (&mut self.unpaired_server, &mut self.unpaired_browser)
            }
        };
        let twin = other.iter().position(|earlier| (at_ms - earlier).abs() <= WINDOW_MS);
        match twin {
            Some(position) if !self.event_id.is_empty() => {
                other.remove(position);
                self.deduplicated = true;
            }
            _ => {
                if own.len() >= UNPAIRED_MAX {
                    own.pop_front();
                }
                own.push_back(at_ms);
                self.counted += 1;
            }
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Side {
    Browser,
    Server,
}

type Key = (String, String, String);

/// All events by pixel, name and ID, in the order in which they were first seen.
#[derive(Debug, Default)]
pub struct Matches {
    rows: HashMap<Key, MatchRow>,
    order: VecDeque<Key>,
}

/// Sums over all events of one name.
#[derive(Clone, Debug, Default, Serialize)]
pub struct NameTotals {
    pub event_name: String,
    pub browser: u64,
    pub server: u64,
    /// Events whose two copies were merged.
    pub deduplicated: u64,
    /// Distinct event IDs.
    pub events: u64,
    /// How many events Meta would count.
    pub counted: u64,
}

impl NameTotals {
    /// Deduplicated events per distinct event, 0 to 100, rounded down; `None` before any event.
    #[must_use]
    pub fn rate_percent(&self) -> Option<u64> {
        (self.deduplicated * 100).checked_div(self.events)
    }
}

impl Matches {
    pub fn add_server(&mut self, arrival: &ServerArrival<'_>) {
        let event_name = arrival.event["event_name"].as_str().unwrap_or_default();
        let event_id = arrival.event["event_id"].as_str().unwrap_or_default();
        let row = self.row(arrival.pixel_id, event_name, event_id);
        row.arrive(Side::Server, arrival.at_ms);
        if let Some(keys) = arrival.event["user_data"].as_object() {
            row.match_keys.extend(keys.keys().cloned());
        }
        if arrival.event["action_source"] == "website"
            && arrival.event["user_data"]["client_user_agent"].is_null()
        {
            row.lacks_user_agent = true;
        }
        if let Some(code) = arrival.test_event_code {
            row.test_event_code = Some(code.to_owned());
        }
        let custom = &arrival.event["custom_data"];
        if let Some(amount) = custom["value"].as_number() {
            row.value = Some(money(&amount.to_string(), custom["currency"].as_str()));
        }
    }

    pub fn add_browser(&mut self, arrival: &BrowserArrival<'_>) {
        let event = arrival.event;
        let row = self.row(&event.id, &event.ev, &event.eid);
        row.arrive(Side::Browser, event.at_ms);
        row.match_keys.extend(event.ud.keys().cloned());
        for (name, value) in [("fbp", &event.fbp), ("fbc", &event.fbc)] {
            if value.is_some() {
                row.match_keys.insert(name.to_owned());
            }
        }
        if let (None, Some(amount)) = (&row.value, event.cd.get("value")) {
            row.value = Some(money(amount, event.cd.get("currency").map(String::as_str)));
        }
    }

    /// All events, oldest first.
    pub fn rows(&self) -> impl DoubleEndedIterator<Item = &MatchRow> {
        self.order.iter().filter_map(|key| self.rows.get(key))
    }

    /// Sums per event name, in the order in which the names were first seen.
    #[must_use]
    pub fn totals(&self) -> Vec<NameTotals> {
        let mut totals: Vec<NameTotals> = Vec::new();
        let mut place: HashMap<&str, usize> = HashMap::new();
        for row in self.rows() {
            let index = *place.entry(row.event_name.as_str()).or_insert_with(|| {
                totals.push(NameTotals { event_name: row.event_name.clone(), ..NameTotals::default() });
                totals.len() - 1
            });
            let sums = &mut totals[index];
            sums.browser += row.browser;
            sums.server += row.server;
            sums.deduplicated += u64::from(row.deduplicated);
            sums.events += 1;
            sums.counted += row.counted;
        }
        totals
    }

    fn row(&mut self, pixel_id: &str, event_name: &str, event_id: &str) -> &mut MatchRow {
        let key = (pixel_id.to_owned(), event_name.to_owned(), event_id.to_owned());
        if !self.rows.contains_key(&key) {
            if self.order.len() >= ROWS_MAX
                && let Some(oldest) = self.order.pop_front()
            {
                self.rows.remove(&oldest);
            }
            self.order.push_back(key.clone());
        }
        let (pixel_id, event_name, event_id) = key.clone();
        self.rows.entry(key).or_insert_with(|| MatchRow {
            pixel_id,
            event_name,
            event_id,
            ..MatchRow::default()
        })
    }
}

fn money(amount: &str, currency: Option<&str>) -> String {
    crate::money::display(amount, currency.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const HOUR_MS: Millis = 3_600_000;

    fn server(matches: &mut Matches, at_ms: Millis, name: &str, id: &str) {
        let event = json!({ "event_name": name, "event_id": id, "user_data": { "em": [] } });
        matches.add_server(&ServerArrival { at_ms, pixel_id: "1", test_event_code: None, event: &event });
    }

    fn browser(matches: &mut Matches, at_ms: Millis, pixel_id: &str, name: &str, id: &str) {
        let event = PixelEvent {
            at_ms,
            id: pixel_id.to_owned(),
            ev: name.to_owned(),
            eid: id.to_owned(),
            ..PixelEvent::default()
        };
        matches.add_browser(&BrowserArrival { event: &event });
    }

    fn only_row(matches: &Matches) -> MatchRow {
        assert_eq!(matches.rows().count(), 1);
        matches.rows().next().unwrap().clone()
    }

    #[test]
    fn a_browser_and_a_server_copy_are_one_event_in_either_order() {
        for server_first in [true, false] {
            let mut matches = Matches::default();
            if server_first {
                server(&mut matches, 0, "Lead", "a");
            }
            browser(&mut matches, HOUR_MS, "1", "Lead", "a");
            if !server_first {
                server(&mut matches, 2 * HOUR_MS, "Lead", "a");
            }
            let row = only_row(&matches);
            assert!(row.deduplicated);
            assert_eq!((row.browser, row.server, row.counted), (1, 1, 1));
            assert_eq!(row.warning(), None);
        }
    }

    #[test]
    fn two_server_copies_both_count_and_are_warned_about() {
        let mut matches = Matches::default();
        server(&mut matches, 0, "Purchase", "p");
        server(&mut matches, 10, "Purchase", "p");
        browser(&mut matches, 20, "1", "Purchase", "p");
        let row = only_row(&matches);
        assert_eq!((row.server, row.browser, row.counted), (2, 1, 2));
        assert!(row.deduplicated);
        assert!(row.warning().unwrap().contains("2 times"));
    }

    #[test]
    fn copies_more_than_48_hours_apart_both_count() {
        let mut matches = Matches::default();
        browser(&mut matches, 0, "1", "Lead", "a");
        server(&mut matches, 48 * HOUR_MS + 1, "Lead", "a");
        let row = only_row(&matches);
        assert!(!row.deduplicated);
        assert_eq!(row.counted, 2);

        let mut at_the_edge = Matches::default();
        browser(&mut at_the_edge, 0, "1", "Lead", "a");
        server(&mut at_the_edge, 48 * HOUR_MS, "Lead", "a");
        assert!(only_row(&at_the_edge).deduplicated);
    }

    #[test]
    fn pixel_name_and_id_must_all_be_the_same() {
        let mut matches = Matches::default();
        server(&mut matches, 0, "Lead", "a");
        browser(&mut matches, 0, "2", "Lead", "a");
        browser(&mut matches, 0, "1", "lead", "a");
        browser(&mut matches, 0, "1", "Lead", "b");
        assert_eq!(matches.rows().count(), 4);
        assert!(matches.rows().all(|row| !row.deduplicated));
    }

    #[test]
    fn copies_without_an_id_never_match() {
        let mut matches = Matches::default();
        server(&mut matches, 0, "Lead", "");
        browser(&mut matches, 0, "1", "Lead", "");
        let row = only_row(&matches);
        assert!(!row.deduplicated);
        assert_eq!(row.counted, 2);
        assert!(row.warning().unwrap().contains("no event ID"));
    }

    #[test]
    fn totals_add_up_per_name() {
        let mut matches = Matches::default();
        for id in ["a", "b"] {
            server(&mut matches, 0, "Lead", id);
        }
        browser(&mut matches, 0, "1", "Lead", "a");
        browser(&mut matches, 0, "1", "PageView", "x");
        let totals = matches.totals();
        assert_eq!(totals[0].event_name, "Lead");
        assert_eq!((totals[0].browser, totals[0].server, totals[0].deduplicated), (1, 2, 1));
        assert_eq!(totals[0].rate_percent(), Some(50));
        assert_eq!(totals[1].event_name, "PageView");
    }
}
