//! What arrived, kept for the control API and the Events Manager page. Bounded: the oldest entries go.

use std::collections::{BTreeMap, VecDeque};

use serde::Serialize;
use serde_json::Value;

use crate::clock::Millis;
use crate::matches::{BrowserArrival, Matches, ServerArrival};

/// Entries kept of each kind.
const ENTRIES_MAX: usize = 20_000;

/// One accepted server event.
#[derive(Clone, Debug, Serialize)]
pub struct GraphEvent {
    /// Its place among all accepted events since the last reset, from 1. Set by the journal.
    pub number: u64,
    /// Whether a scripted fault kept the answer that it was taken in from the caller.
    pub lost: bool,
    /// When it arrived.
    pub received_at_ms: Millis,
    /// The pixel it was sent to.
    pub pixel_id: String,
    /// The request's `test_event_code`.
    pub test_event_code: Option<String>,
    /// The request's `appsecret_proof`.
    pub appsecret_proof: Option<String>,
    /// The event as it was sent.
    pub event: Value,
}

/// One request to the fake Graph API.
#[derive(Clone, Debug, Serialize)]
pub struct GraphRequest {
    /// When it arrived.
    pub at_ms: Millis,
    /// The pixel in its path.
    pub pixel_id: String,
    /// HTTP status of the answer; 0 when none was given.
    pub status: u16,
    /// How many events it carried.
    pub events: usize,
    /// Meta's error code.
    pub code: Option<u32>,
    /// Meta's error subcode.
    pub error_subcode: Option<u32>,
    /// What the answer said about the error.
    pub reason: Option<String>,
    /// The answer's trace ID.
    pub fbtrace_id: Option<String>,
    /// Whether a scripted fault made the answer.
    pub fault: bool,
}

/// One hit at the pixel's collector.
#[derive(Clone, Debug, Default, Serialize)]
pub struct PixelEvent {
    /// When it arrived.
    pub at_ms: Millis,
    /// Pixel ID.
    pub id: String,
    /// Event name.
    pub ev: String,
    /// Event ID, empty when none came.
    pub eid: String,
    /// Custom data, `cd[key]`.
    pub cd: BTreeMap<String, String>,
    /// Advanced matching, `ud[key]`, hashed by the browser.
    pub ud: BTreeMap<String, String>,
    /// The `_fbp` cookie.
    pub fbp: Option<String>,
    /// The `_fbc` cookie.
    pub fbc: Option<String>,
    /// Address of the page.
    pub dl: Option<String>,
    /// Address of the referring page.
    pub rl: Option<String>,
    /// `User-Agent` header.
    pub user_agent: Option<String>,
    /// The caller's address.
    pub ip: String,
    /// `GET` or `POST`.
    pub method: String,
    /// Whether this is the image of a `noscript` tag.
    pub noscript: bool,
    /// Names of all parameters in the order they came.
    pub keys: Vec<String>,
}

/// Everything that arrived since the start or the last reset.
#[derive(Debug, Default)]
pub struct Journal {
    graph_events: VecDeque<GraphEvent>,
    graph_requests: VecDeque<GraphRequest>,
    pixel_events: VecDeque<PixelEvent>,
    matches: Matches,
    revision: u64,
    counts: GraphCounts,
}

/// How much the fake Graph API saw since the last reset, kept or not.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct GraphCounts {
    /// Requests, refused ones included.
    pub requests: u64,
    /// Accepted events.
    pub events: u64,
}

impl Journal {
    /// An empty journal that continues the count of changes, so that open pages notice the reset.
    #[must_use]
    pub fn after_reset(revision: u64) -> Self {
        Self { revision: revision + 1, ..Self::default() }
    }

    /// Goes up with each entry.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Notes a request to the Graph API.
    pub fn add_graph_request(&mut self, request: GraphRequest) {
        self.revision += 1;
        self.counts.requests += 1;
        push_bounded(&mut self.graph_requests, request);
    }

    /// Takes in an accepted server event.
    pub fn add_graph_event(&mut self, mut event: GraphEvent) {
        self.count_graph_event();
        event.number = self.counts.events;
        self.matches.add_server(&ServerArrival {
            at_ms: event.received_at_ms,
            pixel_id: &event.pixel_id,
            test_event_code: event.test_event_code.as_deref(),
            event: &event.event,
        });
        push_bounded(&mut self.graph_events, event);
    }

    /// Counts an accepted server event that nobody will look at.
    pub fn count_graph_event(&mut self) {
        self.revision += 1;
        self.counts.events += 1;
    }

    /// Takes in a hit of the pixel.
    pub fn add_pixel_event(&mut self, event: PixelEvent) {
        self.revision += 1;
        self.matches.add_browser(&BrowserArrival { event: &event });
        push_bounded(&mut self.pixel_events, event);
    }

    /// Accepted server events, oldest first.
    pub fn graph_events(&self) -> impl DoubleEndedIterator<Item = &GraphEvent> {
        self.graph_events.iter()
    }

    /// What the Graph API saw.
    #[must_use]
    pub fn graph_counts(&self) -> GraphCounts {
        self.counts
    }

    /// Requests to the Graph API, oldest first.
    pub fn graph_requests(&self) -> impl DoubleEndedIterator<Item = &GraphRequest> {
        self.graph_requests.iter()
    }

    /// Hits of the pixel, oldest first.
    pub fn pixel_events(&self) -> impl DoubleEndedIterator<Item = &PixelEvent> {
        self.pixel_events.iter()
    }

    /// What was deduplicated.
    #[must_use]
    pub fn matches(&self) -> &Matches {
        &self.matches
    }
}

fn push_bounded<T>(entries: &mut VecDeque<T>, entry: T) {
    if entries.len() >= ENTRIES_MAX {
        entries.pop_front();
    }
    entries.push_back(entry);
}
