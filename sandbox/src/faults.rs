//! Scripted faults: what a test or a person asks a fake to do wrong.
//!
//! Faults of one target form a queue. A request gets the first fault that matches it. A fault is removed after `count`
//! requests. Without a count it stays until `DELETE /control/faults`. A fault that does not match (`pixel`,
//! `containing`) is skipped and does not block the faults behind it.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::future::pending;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::answer;
use crate::lock::lock;

/// Longest delay that may be scripted.
const DELAY_MAX_MS: u64 = 600_000;

/// Longest text that may be looked for in a request, in bytes.
const CONTAINING_MAX_BYTES: usize = 1000;

/// How many faults may wait for one target.
const QUEUE_MAX: usize = 100;

/// Whose behaviour a fault changes.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    Graph,
    /// Webhooks from the fake Cashfree to their receiver. With `cut`, `hang` and `answer` the delivery does not arrive
    /// (the status of `answer` is recorded as the receiver's). `refuse_token` signs it with another secret.
    Webhook,
    OrdersApi,
    /// The script `fbevents.js`: `delay_ms` delays it, `cut` blocks it, and `throws` breaks it. Use `cut` without a
    /// `count`: a browser repeats a request whose kept-alive connection was closed.
    Fbevents,
}

/// What happens instead of the normal answer.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// The fake gives this answer.
    Answer(ScriptedAnswer),
    /// The request is read, then the connection is closed without an answer.
    Cut,
    /// The request is read and never answered.
    Hang,
    /// The fake answers as to a token (or key) that is no longer valid.
    RefuseToken,
    /// `fbevents` only: a script that throws while it loads.
    Throws,
}

/// An answer given word for word.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ScriptedAnswer {
    pub status: u16,
    /// A string is sent as it is, any other JSON value as its text.
    #[serde(default)]
    pub body: Value,
    /// Extra headers. The content type is guessed from the body when it is not among them.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
}

/// One scripted fault: the body of `POST /control/faults`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    pub target: Target,
    /// How many requests the fault affects. If absent or null, all of them until the fault is cleared.
    #[serde(default)]
    pub count: Option<u64>,
    /// Wait before anything else, in milliseconds.
    #[serde(default)]
    pub delay_ms: u64,
    /// What to do after the delay. If absent or null, the fake answers as usual.
    #[serde(default)]
    pub action: Option<Action>,
    /// `graph` only: the fake accepts the events, and only the answer is wrong. A retry then counts twice.
    #[serde(default)]
    pub accept: bool,
    /// `graph` only: matches calls to this pixel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pixel: Option<String>,
    /// `graph` only: matches requests whose raw body contains this text, for example an event ID.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub containing: Option<String>,
}

/// The parts of a request that the conditions of a fault look at.
#[derive(Clone, Copy, Debug, Default)]
pub struct Subject<'a> {
    /// The pixel in the request's path. Empty if the path has none.
    pub pixel: &'a str,
    pub body: &'a [u8],
}

impl Fault {
    /// Checks that the fault can be carried out.
    ///
    /// # Errors
    /// The reason why it cannot, in one sentence.
    pub fn check(&self) -> Result<(), String> {
        if self.delay_ms > DELAY_MAX_MS {
            return Err(format!("delay_ms must be at most {DELAY_MAX_MS}"));
        }
        if self.target != Target::Graph && (self.pixel.is_some() || self.containing.is_some()) {
            return Err("pixel and containing need the target graph".to_owned());
        }
        if self.containing.as_ref().is_some_and(|text| !(1..=CONTAINING_MAX_BYTES).contains(&text.len())) {
            return Err(format!("containing must have 1 to {CONTAINING_MAX_BYTES} bytes"));
        }
        match &self.action {
            Some(Action::Answer(answer)) => answer.build().map(|_| ()),
            Some(Action::Throws) if self.target != Target::Fbevents => {
                Err("throws needs the target fbevents".to_owned())
            }
            _ => Ok(()),
        }
    }

    /// Whether the fault matches the request.
    fn means(&self, subject: Subject<'_>) -> bool {
        let has = |text: &String| {
            // A body that is not UTF-8 is not JSON either, so it is not searched.
            std::str::from_utf8(subject.body).is_ok_and(|body| body.contains(text.as_str()))
        };
        self.pixel.as_ref().is_none_or(|pixel| pixel == subject.pixel)
            && self.containing.as_ref().is_none_or(has)
    }

    pub async fn delay(&self) {
        tokio::time::sleep(Duration::from_millis(self.delay_ms)).await;
    }

    /// The HTTP status that the caller sees; 0 if it gets no answer. `None` if the fault only delays.
    #[must_use]
    pub fn status(&self, refused: StatusCode) -> Option<u16> {
        match self.action.as_ref()? {
            Action::Answer(answer) => Some(answer.status),
            Action::Cut | Action::Hang => Some(0),
            Action::RefuseToken => Some(refused.as_u16()),
            Action::Throws => Some(200),
        }
    }

    /// Carries out the action. Returns the answer to give, or `None` for the normal one.
    pub async fn disrupt(&self, refused: impl FnOnce() -> Response) -> Option<Response> {
        match self.action.as_ref()? {
            Action::Answer(scripted) => Some(
                scripted.build().unwrap_or_else(|reason| answer::error(StatusCode::BAD_GATEWAY, &reason)),
            ),
            Action::Cut => Some(answer::cut()),
            Action::Hang => pending().await,
            Action::RefuseToken => Some(refused()),
            Action::Throws => {
                let mut response =
                    Response::new(Body::from("throw new Error('fbevents.js broke while loading');"));
                response
                    .headers_mut()
                    .insert(CONTENT_TYPE, HeaderValue::from_static("application/javascript; charset=utf-8"));
                Some(response)
            }
        }
    }
}

impl ScriptedAnswer {
    fn build(&self) -> Result<Response, String> {
        let status = StatusCode::from_u16(self.status).map_err(|_| "not an HTTP status".to_owned())?;
        let (text, guessed_type) = match &self.body {
            Value::Null => (String::new(), None),
            Value::String(text) => (text.clone(), Some(guess_content_type(text))),
            other => (other.to_string(), Some("application/json")),
        };
        let mut headers = HeaderMap::new();
        if let Some(guessed) = guessed_type {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(guessed));
        }
        for (name, value) in &self.headers {
            let name =
                HeaderName::try_from(name.as_str()).map_err(|_| format!("{name:?} is no header name"))?;
            let value =
                HeaderValue::try_from(value.as_str()).map_err(|_| format!("{name} has a bad value"))?;
            headers.insert(name, value);
        }
        let mut response = Response::new(Body::from(text));
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        Ok(response)
    }
}

fn guess_content_type(text: &str) -> &'static str {
    match text.trim_start().as_bytes().first() {
        Some(b'{' | b'[') => "application/json",
        Some(b'<') => "text/html; charset=utf-8",
        _ => "text/plain; charset=utf-8",
    }
}

/// All scripted faults, by target.
#[derive(Debug, Default)]
pub struct Faults {
    queues: Mutex<HashMap<Target, VecDeque<Fault>>>,
}

impl Faults {
    /// Queues a fault behind those already scripted for its target.
    ///
    /// # Errors
    /// If too many faults wait already.
    pub fn add(&self, fault: Fault) -> Result<(), String> {
        let mut queues = lock(&self.queues);
        let queue = queues.entry(fault.target).or_default();
        if queue.len() >= QUEUE_MAX {
            return Err(format!("{QUEUE_MAX} faults already wait for this target"));
        }
        if fault.count != Some(0) {
            queue.push_back(fault);
        }
        Ok(())
    }

    /// Replaces all faults in one step, so that every request sees either the old or the new ones.
    ///
    /// # Errors
    /// If there are too many. Then nothing has changed.
    pub fn replace(&self, faults: Vec<Fault>) -> Result<(), String> {
        let next = Self::default();
        for fault in faults {
            next.add(fault)?;
        }
        *lock(&self.queues) = next.queues.into_inner().unwrap_or_else(PoisonError::into_inner);
        Ok(())
    }

    /// The fault for this request to `target`. Counts it down.
    pub fn take(&self, target: Target, subject: Subject<'_>) -> Option<Fault> {
        let mut queues = lock(&self.queues);
        let queue = queues.get_mut(&target)?;
        let place = queue.iter().position(|fault| fault.means(subject))?;
        let next = queue.get_mut(place)?;
        let taken = next.clone();
        if let Some(count) = next.count.as_mut() {
            *count -= 1;
            if *count == 0 {
                queue.remove(place);
            }
        }
        Some(taken)
    }

    /// Removes all faults. A request that already hangs continues to hang.
    pub fn clear(&self) {
        lock(&self.queues).clear();
    }

    /// The remaining faults.
    #[must_use]
    pub fn list(&self) -> Vec<Fault> {
        lock(&self.queues).values().flatten().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(json: &str) -> Fault {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn faults_are_used_up_in_order() {
        let faults = Faults::default();
        faults.add(fault(r#"{"target":"graph","count":2,"action":{"answer":{"status":500}}}"#)).unwrap();
        faults.add(fault(r#"{"target":"graph","count":1,"action":"cut"}"#)).unwrap();
        let statuses: Vec<_> = std::iter::from_fn(|| faults.take(Target::Graph, Subject::default()))
            .map(|taken| taken.status(StatusCode::UNAUTHORIZED))
            .collect();
        assert_eq!(statuses, [Some(500), Some(500), Some(0)]);
    }

    #[test]
    fn a_fault_without_a_count_stays_until_cleared() {
        let faults = Faults::default();
        faults.add(fault(r#"{"target":"webhook","count":null,"action":"hang"}"#)).unwrap();
        assert!((0..50).all(|_| faults.take(Target::Webhook, Subject::default()).is_some()));
        assert!(faults.take(Target::Graph, Subject::default()).is_none());
        faults.clear();
        assert!(faults.take(Target::Webhook, Subject::default()).is_none());
    }

    #[test]
    fn a_fault_with_a_condition_lets_other_requests_pass_to_the_faults_behind_it() {
        let faults = Faults::default();
        faults.add(fault(r#"{"target":"graph","count":1,"action":"cut","containing":"lead-7"}"#)).unwrap();
        faults.add(fault(r#"{"target":"graph","action":"hang","pixel":"2"}"#)).unwrap();
        faults.add(fault(r#"{"target":"graph","count":2,"action":{"answer":{"status":500}}}"#)).unwrap();
        let status = |pixel, body: &[u8]| {
            let taken = faults.take(Target::Graph, Subject { pixel, body });
            taken.map(|taken| (taken.pixel.clone(), taken.status(StatusCode::UNAUTHORIZED)))
        };
        assert_eq!(status("1", b"lead-6"), Some((None, Some(500))));
        assert_eq!(status("2", b"lead-6"), Some((Some("2".to_owned()), Some(0))));
        assert_eq!(status("1", b"\"event_id\":\"lead-7\""), Some((None, Some(0))), "the condition fits");
        assert_eq!(status("1", b"lead-7"), Some((None, Some(500))), "the fault was for one request");
        assert_eq!(status("1", b"lead-7"), None);
        assert_eq!(faults.list().len(), 1, "the pixel's fault stays");
    }

    #[test]
    fn answers_that_cannot_be_given_are_refused_when_scripted() {
        for bad in [
            r#"{"target":"graph","action":{"answer":{"status":42}}}"#,
            r#"{"target":"graph","action":{"answer":{"status":200,"headers":{"a b":"c"}}}}"#,
            r#"{"target":"graph","action":"throws"}"#,
            r#"{"target":"graph","delay_ms":99999999}"#,
            r#"{"target":"webhook","action":"cut","pixel":"1"}"#,
            r#"{"target":"graph","action":"cut","containing":""}"#,
        ] {
            assert!(fault(bad).check().is_err(), "{bad} was taken");
        }
    }
}
