//! The records of what arrived.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::clock::Millis;

/// One accepted server event.
#[derive(Clone, Debug, Serialize)]
pub struct GraphEvent {
    /// The event's place among all accepted events since the last reset, from 1. The journal sets it.
    pub number: u64,
    /// Whether a scripted fault hid from the caller that the event was accepted.
    pub lost: bool,
    pub received_at_ms: Millis,
    /// The pixel it was sent to.
    pub pixel_id: String,
    pub test_event_code: Option<String>,
    pub appsecret_proof: Option<String>,
    /// The event as it was sent.
    pub event: Value,
}

/// One request to the fake Graph API.
#[derive(Clone, Debug, Serialize)]
pub struct GraphRequest {
    pub at_ms: Millis,
    /// The pixel in its path.
    pub pixel_id: String,
    /// HTTP status of the answer; 0 when none was given.
    pub status: u16,
    /// How many events it carried.
    pub events: usize,
    pub code: Option<u32>,
    pub error_subcode: Option<u32>,
    /// The error text of the answer.
    pub reason: Option<String>,
    pub fbtrace_id: Option<String>,
    /// Whether a scripted fault made the answer.
    pub fault: bool,
}

/// One hit at the pixel's collector.
#[derive(Clone, Debug, Default, Serialize)]
pub struct PixelEvent {
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
    pub fbp: Option<String>,
    pub fbc: Option<String>,
    /// Address of the page.
    pub dl: Option<String>,
    /// Address of the referring page.
    pub rl: Option<String>,
    pub user_agent: Option<String>,
    pub ip: String,
    pub method: String,
    /// Whether this is the image of a `noscript` tag.
    pub noscript: bool,
    /// Names of all parameters in the order they came.
    pub keys: Vec<String>,
}
