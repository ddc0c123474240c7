//! Sends an event that shows under "Test events" in Meta's Events Manager. Meta counts it like any other event; its own name
//! keeps it out of what a shop measures and optimises for.

use tandem_core::custom_data::CustomData;
use tandem_core::event::{ActionSource, Event, Page};
use tandem_core::hash::Sha256Hex;
use tandem_core::id::{EventId, EventName};
use tandem_core::normalise::MatchKey;
use tandem_core::user_data::UserData;

use super::finding::Finding;
use crate::clock::Clock;
use crate::config::Pixel;
use crate::delivery::{Graph, send_test_event};

const NAME: &str = "TandemDoctor";
/// External ID of the event's person. It belongs to nobody, but Meta requires a match key.
const NOBODY: &[u8] = b"tandem-doctor";

const SET_CODE: &str = "set FACEBOOK_TEST_EVENT_CODE to the code that Events Manager shows under Test events, restart, \
    check, and remove it again; without it the event would not show there";
const SEE_TOKEN: &str = "the findings about the token and docs/codes/ say why";

/// The finding when no test event was requested.
pub(super) fn not_asked_for() -> Finding {
    Finding::skipped("test_event", "not_asked_for", "no test event was sent; --send-test-event sends one")
}

/// Sends a test event, if the pixel has a test event code.
pub(super) async fn send(graph: &Graph, clock: &Clock, pixel: &Pixel) -> Finding {
    let finding = if pixel.test_event_code.is_none() {
        let detail = "no test event was sent: the pixel has no test event code";
        Finding::failed("test_event", "test_event_code_missing", detail, SET_CODE)
    } else {
        match event(clock.now_ms(), pixel) {
            None => Finding::skipped(
                "test_event",
                "no_event",
                "no test event was sent: the event could not be built",
            ),
            Some(event) => match send_test_event(graph, pixel, &event).await {
                Ok(()) => Finding::ok(
                    "test_event",
                    "test_event_taken",
                    format!(
                        "Meta accepted {NAME}; Events Manager shows it under Test events, and counts it under that name"
                    ),
                ),
                Err(code) => Finding::failed("test_event", code, "Meta did not accept it", SEE_TOKEN),
            },
        }
    };
    finding.about(pixel.id.as_str())
}

fn event(now_ms: i64, pixel: &Pixel) -> Option<Event> {
    let mut user_data = UserData::default();
    user_data.set(MatchKey::ExternalId, Sha256Hex::of_bytes(NOBODY));
    Some(Event {
        pixel: pixel.id.clone(),
        name: EventName::parse(NAME).ok()?,
        id: EventId::v7(now_ms.unsigned_abs(), rand::random()),
        time_s: now_ms.div_euclid(1000),
        action_source: ActionSource::SystemGenerated,
        page: Page::default(),
        user_data,
        custom_data: CustomData::default(),
        limited_data_use: None,
        opt_out: false,
    })
}
