//! What an answer of the Graph API means (pure). The order of decision: Meta's own error
//! code first, then `is_transient`, then the HTTP status. Texts are localised and are
//! never matched, with one exception: a wrong `appsecret_proof` has no code of its own.
//!
//! Source of the table: Meta, Graph API, handling errors; codes 2804xxx from Meta's own
//! SDKs and large integrations.

use serde::Deserialize;
use std::time::Duration;
use tandem_core::code;

/// What happens next to the events of one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Acknowledged. `short`: Meta counted fewer events than were sent.
    Delivered {
        /// Whether `events_received` was smaller than what was sent.
        short: bool,
    },
    /// Send again later, not before `after` if given.
    Retry {
        /// Stable code.
        code: &'static str,
        /// Meta's wish.
        after: Option<Duration>,
    },
    /// An event in the batch is refused: isolate it.
    Refused {
        /// Stable code.
        code: &'static str,
    },
    /// The pixel cannot be used until somebody acts.
    Held {
        /// Stable code.
        code: &'static str,
    },
    /// Sent, and nobody knows whether it arrived.
    Unknown {
        /// Stable code.
        code: &'static str,
    },
}

/// What Meta's error said, as far as it may be kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct MetaError {
    /// Code; 0 when none.
    pub code: i64,
    /// Subcode; 0 when none.
    pub subcode: i64,
    /// Trace ID of the call.
    pub fbtrace_id: String,
    /// Path Meta blamed, such as `data[0].user_data`.
    pub blamed_path: String,
}

/// An answer, as far as it came.
#[derive(Debug, Clone)]
pub(super) enum Reply {
    /// The connection could not be made: nothing was sent.
    NotSent,
    /// Sent, and no whole answer.
    NoAnswer,
    /// An HTTP answer.
    Http {
        /// Status.
        status: u16,
        /// Body, bounded.
        body: Vec<u8>,
        /// Meta's wish to wait, from `Retry-After` or the usage headers.
        after: Option<Duration>,
    },
}

#[derive(Deserialize)]
struct Body {
    events_received: Option<u64>,
    fbtrace_id: Option<String>,
    error: Option<ErrorBody>,
}

#[derive(Deserialize)]
struct ErrorBody {
    #[serde(default)]
    code: i64,
    #[serde(default)]
    error_subcode: i64,
    #[serde(default)]
    is_transient: bool,
    #[serde(default)]
    message: String,
    #[serde(default)]
    fbtrace_id: String,
    #[serde(default)]
    error_data: serde_json::Value,
}

/// Shortest wait after a call limit (Meta gives minutes at best).
const THROTTLE_WAIT: Duration = Duration::from_secs(60);
/// Wait after a policy block.
const BLOCK_WAIT: Duration = Duration::from_secs(3600);
/// Longest trace ID or blamed path kept, bytes.
const NOTE_BYTES_MAX: usize = 200;

/// Decides. `sent`: number of events in the call.
pub(super) fn classify(reply: &Reply, sent: usize) -> (Verdict, MetaError) {
    let (status, body, after) = match reply {
        Reply::NotSent => return (retry(code::META_UNREACHABLE, None), MetaError::default()),
        Reply::NoAnswer => return (Verdict::Unknown { code: code::META_NO_ANSWER }, MetaError::default()),
        Reply::Http { status, body, after } => (*status, body, *after),
    };
    let Ok(body) = serde_json::from_slice::<Body>(body) else {
        // HTML, nothing, or half an answer. A 200 may well have been taken.
        let verdict = if (200..300).contains(&status) {
            Verdict::Unknown { code: code::META_BAD_ANSWER }
        } else {
            retry(code::META_BAD_ANSWER, after)
        };
        return (verdict, MetaError::default());
    };
    if let Some(error) = body.error {
        let verdict = of_error(&error, status, after);
        let meta = MetaError {
            code: error.code,
            subcode: error.error_subcode,
            fbtrace_id: note(&error.fbtrace_id),
            blamed_path: blamed_path(&error.error_data),
        };
        return (verdict, meta);
    }
    let meta = MetaError { fbtrace_id: note(&body.fbtrace_id.unwrap_or_default()), ..MetaError::default() };
    let verdict = match (status, body.events_received) {
        (200..300, Some(0)) if sent > 0 => Verdict::Unknown { code: code::META_RECEIVED_NONE },
        (200..300, Some(received)) => Verdict::Delivered { short: received < sent as u64 },
        (200..300, None) => Verdict::Unknown { code: code::META_BAD_ANSWER },
        _ => of_status(status, after),
    };
    (verdict, meta)
}

fn of_error(error: &ErrorBody, status: u16, after: Option<Duration>) -> Verdict {
    let throttled = || retry(code::META_THROTTLED, Some(after.unwrap_or_default().max(THROTTLE_WAIT)));
    match (error.code, error.error_subcode) {
        // Unknown and service errors, said to be temporary; a dataset upload not ready.
        (1 | 2 | 21009, _) => retry(code::META_TRANSIENT, after),
        // Call limits: app, user, page, application, custom, business use case.
        (4 | 17 | 32 | 341 | 613 | 80000..=80014, _) => throttled(),
        // Blocked for policy: slowly.
        (368, _) => retry(code::META_BLOCKED, Some(BLOCK_WAIT)),
        // Capability or permission missing.
        (3 | 10 | 200..=299, _) => Verdict::Held { code: code::PERMISSION_MISSING },
        // Session or token.
        (102 | 190, _) => Verdict::Held { code: code::TOKEN_REFUSED },
        // The object does not exist or the token does not see it.
        (100, 33) | (803, _) => Verdict::Held { code: code::PIXEL_NOT_FOUND },
        (100, 0) if error.message.contains("appsecret_proof") => {
            Verdict::Held { code: code::APP_SECRET_PROOF }
        }
        // Payload.
        (100 | 105, _) => Verdict::Refused { code: code::META_REFUSED },
        // Already there.
        (506, _) => Verdict::Delivered { short: false },
        // An unknown path: the version has ended, or the address is wrong.
        (2500 | 2635, _) => Verdict::Held { code: code::API_VERSION_ENDED },
        _ if error.is_transient => retry(code::META_TRANSIENT, after),
        _ => of_status(status, after),
    }
}

fn of_status(status: u16, after: Option<Duration>) -> Verdict {
    match status {
        429 => retry(code::META_THROTTLED, Some(after.unwrap_or_default().max(THROTTLE_WAIT))),
        401 => Verdict::Held { code: code::TOKEN_REFUSED },
        403 => Verdict::Held { code: code::PERMISSION_MISSING },
        408 | 425 | 500.. => retry(code::META_TRANSIENT, after),
        400..500 => Verdict::Refused { code: code::META_REFUSED },
        _ => retry(code::META_BAD_ANSWER, after),
    }
}

fn retry(code: &'static str, after: Option<Duration>) -> Verdict {
    Verdict::Retry { code, after }
}

/// The first path of `error_data.blame_field_specs`, which is a list of lists.
fn blamed_path(data: &serde_json::Value) -> String {
    let parsed;
    let data = match data {
        // Meta sends it as JSON inside a text as well.
        serde_json::Value::String(text) => {
            parsed = serde_json::from_str(text).unwrap_or_default();
            &parsed
        }
        other => other,
    };
    let path = data.get("blame_field_specs").and_then(|specs| specs.get(0)).and_then(|path| path.as_array());
    let parts = path.into_iter().flatten().filter_map(serde_json::Value::as_str);
    note(&parts.collect::<Vec<_>>().join("."))
}

/// What may be kept of a text of Meta's: field names and trace IDs, never free text.
fn note(text: &str) -> String {
    let plain = |c: &char| c.is_ascii_alphanumeric() || "_-.[]/+=".contains(*c);
    text.chars().filter(plain).take(NOTE_BYTES_MAX).collect()
}

#[cfg(test)]
#[path = "classify_tests.rs"]
mod tests;
