//! What an answer of the Graph API means (pure). Meta's own error code decides first, then
//! `is_transient`, then the HTTP status. Meta localises its texts, so they are never matched. The
//! one exception is a wrong `appsecret_proof`, which has no code of its own.
//!
//! The numbers and their sources are in [`super::meta_codes`].

use std::time::Duration;

use tandem_core::code;

use super::fields::{Field, Fields};
use super::meta_codes as meta;
use super::usage::Usage;

/// What happens next to the events of one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum CallOutcome {
    Delivered {
        /// Number of sent events that Meta did not count.
        shortfall: u32,
    },
    Retry {
        code: &'static str,
        /// How long nothing is sent to the pixel. `None`: the answer asks for no pause.
        after: Option<Duration>,
    },
    /// Meta refused an event of the batch: the batch is split to find it.
    Refused {
        code: &'static str,
        /// Whether Meta blamed an event's content. Otherwise the request itself may be at fault.
        of_event: bool,
    },
    /// Meta refused a single event, and nothing shows yet whether the event or the request is at fault.
    Unclear { code: &'static str },
    /// The pixel cannot be used until a person mends something.
    Held {
        code: &'static str,
        /// Wait before the first probe.
        probe_after: Duration,
    },
    /// The call was sent, and nobody knows whether it arrived.
    Unknown { code: &'static str },
    /// Meta acknowledged the call and counted none of its events. Meta does not merge two server
    /// copies of an event (Meta, deduplication), so that a repetition needs care.
    Uncounted,
}

/// The parts of Meta's error that may be kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct MetaError {
    /// Error code; 0 when Meta sent none.
    pub(super) code: i64,
    /// 0 when Meta sent none.
    pub(super) subcode: i64,
    /// Meta's trace ID of the call.
    pub(super) fbtrace_id: String,
    /// Path Meta blamed, such as `data[0].user_data`.
    pub(super) blamed_path: String,
    /// Index in the batch that Meta named. It is only a hint: Meta has named wrong ones.
    pub(super) blamed_event: Option<usize>,
}

/// Meta's answer, or how much of it arrived.
#[derive(Debug, Clone)]
pub(super) enum Reply {
    /// The connection could not be made: nothing was sent.
    NotSent,
    /// The request was sent, and no complete answer arrived.
    NoAnswer,
    Http {
        status: u16,
        /// At most `REPLY_BYTES_MAX` bytes of it.
        body: Vec<u8>,
        /// What its headers say about rate limits.
        usage: Usage,
    },
}

impl Reply {
    /// What the answer's headers say about rate limits.
    pub(super) fn usage(&self) -> Usage {
        match self {
            Self::Http { usage, .. } => *usage,
            Self::NotSent | Self::NoAnswer => Usage::default(),
        }
    }
}

/// Shortest wait after a call limit. Meta's own waits are in minutes.
const THROTTLE_WAIT: Duration = Duration::from_secs(60);
/// Wait before the first probe after a fault that a person has to mend.
const PROBE_WAIT: Duration = Duration::from_secs(15);
/// Wait before the first probe after a policy block: asking sooner may prolong the block.
const BLOCK_WAIT: Duration = Duration::from_secs(3600);
/// Longest trace ID or blamed path that is kept, in bytes.
const NOTE_BYTES_MAX: usize = 200;

/// Decides what an answer means. `sent`: number of events in the call.
pub(super) fn classify(reply: &Reply, sent: usize) -> (CallOutcome, MetaError) {
    let (status, body, after) = match reply {
        Reply::NotSent => return (retry(code::META_UNREACHABLE, None), MetaError::default()),
        Reply::NoAnswer => {
            return (CallOutcome::Unknown { code: code::META_NO_ANSWER }, MetaError::default());
        }
        Reply::Http { status, body, usage } => (*status, body, usage.wish),
    };
    // With status 200, Meta may have taken the events.
    let unreadable = || match status {
        200..300 => CallOutcome::Unknown { code: code::META_BAD_ANSWER },
        _ => retry(code::META_BAD_ANSWER, after),
    };
    // The body is HTML, empty or cut off.
    let Some(body) = Fields::of(body) else { return (unreadable(), MetaError::default()) };
    let error = body.get("error");
    if let Some(error) = error.object() {
        let path = blamed_path(&error);
        let meta = MetaError {
            code: error.get("code").whole().unwrap_or_default(),
            subcode: error.get("error_subcode").whole().unwrap_or_default(),
            fbtrace_id: note(&error.get("fbtrace_id").text()),
            blamed_event: named_event(&path).or_else(|| named_event(&error.get("error_user_msg").text())),
            blamed_path: path,
        };
        return (of_error(&error, &meta, status, after), meta);
    }
    let meta = MetaError { fbtrace_id: note(&body.get("fbtrace_id").text()), ..MetaError::default() };
    if error.exists() {
        // Something between here and Meta has an error of its own.
        return (unreadable(), meta);
    }
    let received = body.get("events_received").whole().and_then(|n| u64::try_from(n).ok());
    let sent = u64::try_from(sent).unwrap_or(u64::MAX);
    let outcome = match (status, received) {
        (200..300, Some(0) | None) => CallOutcome::Uncounted,
        (200..300, Some(received)) => CallOutcome::Delivered {
            shortfall: u32::try_from(sent.saturating_sub(received)).unwrap_or(u32::MAX),
        },
        _ => of_status(status, after),
    };
    (outcome, meta)
}

fn of_error(error: &Fields, read: &MetaError, status: u16, after: Option<Duration>) -> CallOutcome {
    match (read.code, read.subcode) {
        // The fault may be temporary, or Meta may be unable to process one event.
        (meta::UNKNOWN, _) => retry(code::META_UNKNOWN_ERROR, after),
        (meta::SERVICE_DOWN | meta::DATASET_NOT_READY, _) => retry(code::META_TRANSIENT, after),
        (
            meta::APP_CALL_LIMIT
            | meta::USER_CALL_LIMIT
            | meta::PAGE_CALL_LIMIT
            | meta::APPLICATION_LIMIT
            | meta::CUSTOM_LIMIT,
            _,
        ) => throttled(after),
        (code, _) if meta::USE_CASE_LIMITS.contains(&code) => throttled(after),
        (meta::POLICY_BLOCK, _) => CallOutcome::Held { code: code::META_BLOCKED, probe_after: BLOCK_WAIT },
        (meta::CAPABILITY_MISSING | meta::PERMISSION_DENIED, _) => held(code::PERMISSION_MISSING),
        (code, _) if meta::PERMISSIONS.contains(&code) => held(code::PERMISSION_MISSING),
        (meta::SESSION_ENDED | meta::TOKEN, _) => held(code::TOKEN_REFUSED),
        (meta::INVALID_PARAMETER, meta::SUB_OBJECT_MISSING) | (meta::OBJECT_MISSING, _) => {
            held(code::PIXEL_NOT_FOUND)
        }
        (meta::INVALID_PARAMETER, 0) if error.get("message").text().contains("appsecret_proof") => {
            held(code::APP_SECRET_PROOF)
        }
        (meta::INVALID_PARAMETER, subcode) => refused(meta::SUB_EVENT_FAULTS.contains(&subcode)),
        (meta::TOO_MANY_PARAMETERS, _) => refused(false),
        // Meta has the event already.
        (meta::DUPLICATE, _) => CallOutcome::Delivered { shortfall: 0 },
        // Meta no longer serves this API version, or the address is wrong.
        (meta::UNKNOWN_PATH | meta::VERSION_ENDED, _) => held(code::API_VERSION_ENDED),
        _ if error.get("is_transient").switch() == Some(true) => retry(code::META_TRANSIENT, after),
        _ => of_status(status, after),
    }
}

fn of_status(status: u16, after: Option<Duration>) -> CallOutcome {
    match status {
        429 => throttled(after),
        401 => held(code::TOKEN_REFUSED),
        403 => held(code::PERMISSION_MISSING),
        408 | 425 | 500.. => retry(code::META_TRANSIENT, after),
        400..500 => refused(false),
        _ => retry(code::META_BAD_ANSWER, after),
    }
}

fn retry(code: &'static str, after: Option<Duration>) -> CallOutcome {
    CallOutcome::Retry { code, after }
}

fn throttled(after: Option<Duration>) -> CallOutcome {
    retry(code::META_THROTTLED, Some(after.unwrap_or_default().max(THROTTLE_WAIT)))
}

fn held(code: &'static str) -> CallOutcome {
    CallOutcome::Held { code, probe_after: PROBE_WAIT }
}

fn refused(of_event: bool) -> CallOutcome {
    CallOutcome::Refused { code: code::META_REFUSED, of_event }
}

/// The index of the event that a text names: `data[17]`, or `$['data'][17]` as Meta's answers have it.
fn named_event(text: &str) -> Option<usize> {
    text.match_indices("data").find_map(|(at, name)| {
        let after = &text[at + name.len()..];
        let index = after.trim_start_matches(['\'', '"', '\\', ']']).strip_prefix('[')?;
        index.split_once(']')?.0.parse().ok()
    })
}

/// The first path of `error_data.blame_field_specs`, which is a list of lists.
fn blamed_path(error: &Fields) -> String {
    let Some(data) = error.get("error_data").object() else { return String::new() };
    let specs = data.get("blame_field_specs").list();
    let parts = specs.first().map(|path| Field::from(&**path).list()).unwrap_or_default();
    let parts: Vec<String> = parts.iter().map(|part| Field::from(&**part).text()).collect();
    note(&parts.join("."))
}

/// The part of Meta's text that may be kept: field names and trace IDs, never free text.
fn note(text: &str) -> String {
    let plain = |c: &char| c.is_ascii_alphanumeric() || "_-.[]/+=".contains(*c);
    text.chars().filter(plain).take(NOTE_BYTES_MAX).collect()
}

#[cfg(test)]
mod tests;
