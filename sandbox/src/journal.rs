//! Records of what arrived, for the control API and the Events Manager page. When the journal is full, the oldest entries
//! are removed.

use std::collections::VecDeque;

use serde::Serialize;

use crate::matches::{BrowserArrival, Matches, ServerArrival};
use crate::records::{GraphEvent, GraphRequest, PixelEvent};

/// Entries kept of each kind.
const ENTRIES_MAX: usize = 20_000;

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

/// Totals of the fake Graph API since the last reset, including what was not kept.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct GraphCounts {
    /// Requests, refused ones included.
    pub requests: u64,
    pub events: u64,
}

impl Journal {
    /// An empty journal that continues the count of changes, so that open pages notice the reset.
    #[must_use]
    pub fn after_reset(revision: u64) -> Self {
        Self { revision: revision + 1, ..Self::default() }
    }

    /// A number that grows with each entry.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.revision
    }

    pub fn add_graph_request(&mut self, request: GraphRequest) {
        self.revision += 1;
        self.counts.requests += 1;
        push_bounded(&mut self.graph_requests, request);
    }

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

    /// Counts an accepted server event without keeping it.
    pub fn count_graph_event(&mut self) {
        self.revision += 1;
        self.counts.events += 1;
    }

    pub fn add_pixel_event(&mut self, event: PixelEvent) {
        self.revision += 1;
        self.matches.add_browser(&BrowserArrival { event: &event });
        push_bounded(&mut self.pixel_events, event);
    }

    /// Accepted server events, oldest first.
    pub fn graph_events(&self) -> impl DoubleEndedIterator<Item = &GraphEvent> {
        self.graph_events.iter()
    }

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
