//! What an answer of Meta makes of each event, and what is tried after a refusal (pure).

use std::time::Duration;

use tandem_core::code;

use super::backoff;
use super::classify::{CallOutcome, MetaError};
use super::meta_codes::{SUB_INVALID_EVENT, SUB_TOO_OLD};
use crate::clock::TrustedTime;
use crate::outbox::{AttemptOutcome, LeasedEvent, Payload};

/// Most seconds between the firing of a page's copy and the sending of the server's copy. Meta merges
/// the two within 48 hours and would count a later copy again. One hour is kept as a margin.
pub(super) const TWIN_AGE_MAX_S: i64 = 47 * 3600;
/// Attempts that ended in Meta's "unknown error", after which an event travels alone: it may
/// be the one that Meta chokes on, and must not spoil the batches of others.
pub(super) const SUSPECT_ATTEMPTS: u32 = 8;
/// Wait before another event is tried when the request is at fault, or when Meta counts nothing.
pub(super) const REQUEST_PROBE_WAIT: Duration = Duration::from_secs(60);
/// Wait of an event that Meta acknowledged and did not count. It is repeated once and no sooner:
/// Meta would count a second server copy of what it counted after all.
const UNCOUNTED_WAIT: Duration = Duration::from_secs(10 * 60);

/// What an event becomes after a call. `delivered`: the code of one that Meta acknowledged and
/// counted. `dice`: a random number in 0..1.
pub(super) fn becomes(
    event: &LeasedEvent,
    outcome: &CallOutcome,
    delivered: &'static str,
    dice: f64,
) -> (AttemptOutcome, &'static str) {
    let later = |wish| backoff::wait(event.attempts.saturating_add(1), dice, wish);
    match *outcome {
        CallOutcome::Delivered { shortfall: 0 } => (AttemptOutcome::Delivered, delivered),
        CallOutcome::Delivered { .. } => (AttemptOutcome::Delivered, code::DELIVERED_SHORT),
        CallOutcome::Retry { code, after } => (AttemptOutcome::Retry(later(after)), code),
        CallOutcome::Unknown { code } => (AttemptOutcome::Unknown(later(None)), code),
        CallOutcome::Uncounted if was_uncounted(event) => (AttemptOutcome::Refused, code::META_RECEIVED_NONE),
        CallOutcome::Uncounted => (AttemptOutcome::Unknown(UNCOUNTED_WAIT), code::META_RECEIVED_NONE),
        // This event may be at fault after all, so its longer wait makes another event the next
        // probe.
        CallOutcome::Held { code: code::REQUEST_REFUSED, probe_after } => {
            (AttemptOutcome::Held(probe_after * 2), code::REQUEST_REFUSED)
        }
        CallOutcome::Held { code, .. } => (AttemptOutcome::Held(Duration::ZERO), code),
        CallOutcome::Refused { code, .. } => (AttemptOutcome::Refused, code),
    }
}

/// Whether Meta may choke on the event itself.
pub(super) fn is_suspect(event: &LeasedEvent) -> bool {
    event.attempts >= SUSPECT_ATTEMPTS && event.last_code.as_deref() == Some(code::META_UNKNOWN_ERROR)
}

/// Whether Meta acknowledged the event before and did not count it.
fn was_uncounted(event: &LeasedEvent) -> bool {
    event.attempts > 0 && event.last_code.as_deref() == Some(code::META_RECEIVED_NONE)
}

/// What is tried next after Meta refused a batch.
pub(super) enum AfterRefusal {
    /// Its parts. Meta may have named the index of the bad event.
    Split(Option<usize>),
    /// The only event, without its click ID.
    WithoutClickId(Payload),
}

/// `None`: the only event is at fault, or the request.
pub(super) fn after_refusal(meta: &MetaError, batch: &[LeasedEvent]) -> Option<AfterRefusal> {
    match batch {
        [event] if meta.subcode == SUB_INVALID_EVENT => {
            event.payload.without_click_id().map(AfterRefusal::WithoutClickId)
        }
        [_] => None,
        _ => Some(AfterRefusal::Split(blamed(meta, batch))),
    }
}

/// The index in the batch to try first: the one that Meta named, or the oldest event where Meta
/// says that one is too old.
fn blamed(meta: &MetaError, batch: &[LeasedEvent]) -> Option<usize> {
    let oldest = || batch.iter().enumerate().min_by_key(|(_, event)| event.time_s).map(|(i, _)| i);
    meta.blamed_event.or_else(|| (meta.subcode == SUB_TOO_OLD).then(oldest).flatten())
}

/// Stable code of why an event must not be sent. `time`: `None` where the time is not trusted. What
/// looks too old is then sent all the same: Meta knows. Whether an old twin was counted for good, it
/// does not tell, so that such an event waits ([`code::CLOCK_UNTRUSTED`]).
pub(super) fn known_refusal(
    event: &LeasedEvent,
    now_s: i64,
    time: Option<TrustedTime>,
) -> Option<&'static str> {
    if event.payload.personal_json.is_none() {
        Some(code::PERSON_GONE)
    } else if event.fired_s.is_some_and(|fired_s| now_s.saturating_sub(fired_s) > TWIN_AGE_MAX_S) {
        Some(if time.is_some() { code::DEDUP_WINDOW_PASSED } else { code::CLOCK_UNTRUSTED })
    } else {
        event.payload.known_refusal(event.time_s, time.map(TrustedTime::oldest_event_s))
    }
}
