//! The log's line about each event that becomes a dead letter: what an operator needs to find it here and at Meta.

use super::fields::Fields;
use crate::outbox::{AttemptOutcome, AttemptResult, CallRecord, LeasedEvent};

/// Logs those of `events` that their results give up. `call`: the call that they were in, or the decision that needed
/// none.
pub(super) fn log_given_up(events: &[LeasedEvent], results: &[AttemptResult], call: &CallRecord) {
    let given_up = results.iter().filter(|result| result.outcome == AttemptOutcome::Refused);
    for result in given_up {
        let event = events.iter().find(|event| event.seq == result.seq);
        let fields =
            event.and_then(|event| Fields::of(event.payload.public_json.as_bytes())).unwrap_or_default();
        let (name, id) = (fields.get("event_name").text(), fields.get("event_id").text());
        tracing::warn!(
            pixel.id = call.pixel.as_str(),
            event.name = name,
            event.id = id,
            code = result.code,
            http.status = call.http_status,
            meta.code = call.meta_code,
            meta.subcode = call.meta_subcode,
            meta.fbtrace_id = call.fbtrace_id,
            "an event will not be sent again; it is a dead letter now"
        );
    }
}
