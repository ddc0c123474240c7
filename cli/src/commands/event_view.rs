//! Output of events: tables for people, JSON for programs.

use serde::Serialize;
use tandem_proto::v1::{DeliveryAttempt, EventSummary};

use crate::render::{json_time, plain, state, table, time};

/// The table of `events list`.
pub(crate) fn list_text(events: &[EventSummary], is_more: bool) -> String {
    if events.is_empty() {
        return "no events match".to_owned();
    }
    let mut text = rows_text(events);
    if is_more {
        text.push_str(&format!("\n\nthere are more than these {}; --limit shows them", events.len()));
    }
    text
}

pub(crate) fn rows_text(events: &[EventSummary]) -> String {
    let rows = events.iter().map(|event| {
        vec![
            time(event.received_at.as_ref()),
            plain(&event.event_name),
            state(event.state()).to_owned(),
            plain(&event.code),
            event.attempts.to_string(),
            plain(&event.browser_outcome),
            plain(&event.order_id),
            plain(&event.event_id),
        ]
    });
    let header = ["RECEIVED", "NAME", "STATE", "CODE", "TRIES", "BROWSER", "ORDER", "EVENT ID"];
    table(&header, rows)
}

/// The output of `events show`.
pub(crate) fn event_text(event: &EventSummary, attempts: &[DeliveryAttempt]) -> String {
    let row = |name: &str, value: String| vec![name.to_owned(), value];
    let rows = [
        row("event ID", plain(&event.event_id)),
        row("name", plain(&event.event_name)),
        row("pixel", plain(&event.pixel_id)),
        row("state", state(event.state()).to_owned()),
        row("code", plain(&event.code)),
        row("order", plain(&event.order_id)),
        row("happened", time(event.event_time.as_ref())),
        row("received", time(event.received_at.as_ref())),
        row("finished", time(event.finished_at.as_ref())),
        row("next try", time(event.next_attempt_at.as_ref())),
        row("match keys", plain(&event.match_keys.join(", "))),
        row("browser", plain(&event.browser_outcome)),
        row("browser fired", time(event.browser_fired_at.as_ref())),
    ];
    let page = table(&[], rows);
    if attempts.is_empty() {
        return format!("{page}\n\nno delivery attempts");
    }
    let attempts = attempts.iter().map(|attempt| {
        let number = |value: i64| if value == 0 { "-".to_owned() } else { value.to_string() };
        vec![
            attempt.attempt_no.to_string(),
            time(attempt.started_at.as_ref()),
            format!("{} ms", attempt.duration_ms),
            plain(&attempt.result),
            plain(&attempt.code),
            number(attempt.http_status.into()),
            number(attempt.meta_code),
            number(attempt.meta_subcode),
            attempt.batch_size.to_string(),
            plain(&attempt.fbtrace_id),
            plain(&attempt.blamed_path),
        ]
    });
    let header =
        ["TRY", "STARTED", "TOOK", "RESULT", "CODE", "HTTP", "META", "SUBCODE", "BATCH", "TRACE", "BLAMED"];
    format!("{page}\n\n{}", table(&header, attempts))
}

/// An event as JSON: the protocol's field names, times in RFC 3339, enum names as they
/// are in the protocol.
#[derive(Serialize)]
pub(crate) struct EventJson<'a> {
    sequence: u64,
    pixel_id: &'a str,
    event_name: &'a str,
    event_id: &'a str,
    state: &'static str,
    order_id: &'a str,
    event_time: Option<String>,
    received_at: Option<String>,
    attempts: u32,
    code: &'a str,
    match_keys: &'a [String],
    browser_outcome: &'a str,
    browser_fired_at: Option<String>,
    finished_at: Option<String>,
    next_attempt_at: Option<String>,
}

impl<'a> EventJson<'a> {
    pub(crate) fn of(event: &'a EventSummary) -> Self {
        Self {
            sequence: event.sequence,
            pixel_id: &event.pixel_id,
            event_name: &event.event_name,
            event_id: &event.event_id,
            state: event.state().as_str_name(),
            order_id: &event.order_id,
            event_time: json_time(event.event_time.as_ref()),
            received_at: json_time(event.received_at.as_ref()),
            attempts: event.attempts,
            code: &event.code,
            match_keys: &event.match_keys,
            browser_outcome: &event.browser_outcome,
            browser_fired_at: json_time(event.browser_fired_at.as_ref()),
            finished_at: json_time(event.finished_at.as_ref()),
            next_attempt_at: json_time(event.next_attempt_at.as_ref()),
        }
    }
}

/// An event as JSON on one line.
pub(crate) fn json_line(event: &EventSummary) -> String {
    serde_json::to_string(&EventJson::of(event)).expect("texts, numbers and lists always become JSON")
}

#[derive(Serialize)]
pub(crate) struct EventDetailsJson<'a> {
    event: EventJson<'a>,
    attempts: Vec<AttemptJson<'a>>,
}

#[derive(Serialize)]
struct AttemptJson<'a> {
    attempt_no: u32,
    started_at: Option<String>,
    duration_ms: u32,
    result: &'a str,
    code: &'a str,
    http_status: u32,
    meta_code: i64,
    meta_subcode: i64,
    fbtrace_id: &'a str,
    batch_size: u32,
    blamed_path: &'a str,
}

impl<'a> EventDetailsJson<'a> {
    pub(crate) fn of(event: &'a EventSummary, attempts: &'a [DeliveryAttempt]) -> Self {
        let attempts = attempts.iter().map(|attempt| AttemptJson {
            attempt_no: attempt.attempt_no,
            started_at: json_time(attempt.started_at.as_ref()),
            duration_ms: attempt.duration_ms,
            result: &attempt.result,
            code: &attempt.code,
            http_status: attempt.http_status,
            meta_code: attempt.meta_code,
            meta_subcode: attempt.meta_subcode,
            fbtrace_id: &attempt.fbtrace_id,
            batch_size: attempt.batch_size,
            blamed_path: &attempt.blamed_path,
        });
        Self { event: EventJson::of(event), attempts: attempts.collect() }
    }
}

#[cfg(test)]
mod tests {
    use prost_types::Timestamp;
    use tandem_proto::v1::EventState;

    use super::*;

    fn sample() -> EventSummary {
        EventSummary {
            sequence: 7,
            pixel_id: "123456789012345".to_owned(),
            event_name: "Purchase".to_owned(),
            event_id: "purchase_KB-1".to_owned(),
            state: EventState::Delivered.into(),
            order_id: "KB-1".to_owned(),
            event_time: Some(Timestamp { seconds: 1_763_958_731, nanos: 0 }),
            received_at: Some(Timestamp { seconds: 1_763_958_739, nanos: 0 }),
            attempts: 1,
            code: "delivered".to_owned(),
            match_keys: vec!["em".to_owned(), "fbp".to_owned()],
            browser_outcome: "fired".to_owned(),
            ..EventSummary::default()
        }
    }

    fn attempt() -> DeliveryAttempt {
        DeliveryAttempt {
            attempt_no: 1,
            started_at: Some(Timestamp { seconds: 1_763_958_740, nanos: 0 }),
            duration_ms: 84,
            result: "delivered".to_owned(),
            code: "delivered".to_owned(),
            http_status: 200,
            fbtrace_id: "A1b2".to_owned(),
            batch_size: 12,
            ..DeliveryAttempt::default()
        }
    }

    #[test]
    fn a_list_is_a_table() {
        let expected = "\
RECEIVED              NAME      STATE      CODE       TRIES  BROWSER  ORDER  EVENT ID
2025-11-24T04:32:19Z  Purchase  delivered  delivered  1      fired    KB-1   purchase_KB-1";
        assert_eq!(list_text(&[sample()], false), expected);
        assert_eq!(
            list_text(&[sample()], true),
            format!("{expected}\n\nthere are more than these 1; --limit shows them")
        );
        assert_eq!(list_text(&[], false), "no events match");
    }

    #[test]
    fn a_shown_event_lists_its_attempts() {
        let text = event_text(&sample(), &[attempt()]);
        assert!(text.contains("match keys     em, fbp\n"), "{text}");
        assert!(text.contains("finished       -\n"), "{text}");
        let last = text.lines().last().unwrap();
        assert_eq!(
            last,
            "1    2025-11-24T04:32:20Z  84 ms  delivered  delivered  200   -     -        12     A1b2   -"
        );
        assert!(event_text(&sample(), &[]).ends_with("no delivery attempts"));
    }

    #[test]
    fn json_has_the_protocols_names() {
        let json = serde_json::to_value(EventDetailsJson::of(&sample(), &[attempt()])).unwrap();
        assert_eq!(json["event"]["state"], "EVENT_STATE_DELIVERED");
        assert_eq!(json["event"]["event_time"], "2025-11-24T04:32:11Z");
        assert!(json["event"]["finished_at"].is_null());
        assert_eq!(json["attempts"][0]["http_status"], 200);
    }
}
