//! The request around the events: version, token, proof of the app secret, and the batch.

use hmac::{Hmac, KeyInit as _, Mac as _};
use http::HeaderMap;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use serde_json::Value;
use sha2::Sha256;
use url::form_urlencoded;

use crate::clock::Millis;
use crate::config::LiveConfig;
use crate::graph::reply::GraphError;

/// Most events in one request (Meta, "Using the API").
const BATCH_MAX: usize = 1000;

/// `partner_agent` is shorter than this many characters.
const PARTNER_AGENT_LIMIT: usize = 23;

/// The oldest Graph version that is still answered.
const OLDEST_VERSION: u32 = 21;

/// One request, read but not checked.
pub(super) struct EventsRequest {
    body: Option<Value>,
    token: Option<String>,
    proof: Option<String>,
}

/// The usable content of a request.
pub(super) struct Batch<'a> {
    /// 1 to 1000 events.
    pub(super) events: &'a [Value],
    /// Marks the whole batch as test events.
    pub(super) test_event_code: Option<String>,
}

impl EventsRequest {
    /// Reads a request. A body that is not declared as JSON counts as having no parameters.
    pub(super) fn read(headers: &HeaderMap, query: Option<&str>, body: &[u8]) -> Self {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let is_json =
            text(CONTENT_TYPE).is_some_and(|kind| kind.to_ascii_lowercase().starts_with("application/json"));
        let body = if is_json { serde_json::from_slice::<Value>(body).ok() } else { None };
        let in_query = |key: &str| {
            let mut pairs = form_urlencoded::parse(query?.as_bytes());
            pairs.find(|(name, _)| name == key).map(|(_, value)| value.into_owned())
        };
        let parameter = |key: &str| {
            let in_body = body.as_ref().and_then(|body| body[key].as_str()).map(str::to_owned);
            in_body.or_else(|| in_query(key))
        };
        let bearer = text(AUTHORIZATION).and_then(|value| {
            let (scheme, token) = value.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned())
        });
        let token = bearer.or_else(|| parameter("access_token"));
        let proof = parameter("appsecret_proof");
        Self { body, token, proof }
    }

    /// Number of events in the request's array.
    pub(super) fn event_count(&self) -> usize {
        self.body.as_ref().and_then(|body| body["data"].as_array()).map_or(0, Vec::len)
    }

    /// The value of `appsecret_proof`.
    pub(super) fn proof(&self) -> Option<&str> {
        self.proof.as_deref()
    }

    /// The token, if it is the expected one and has not expired.
    pub(super) fn check_token(&self, live: &LiveConfig, at_ms: Millis) -> Result<&str, GraphError> {
        match self.token.as_deref() {
            None | Some("") => {
                Err(GraphError::bad_token("An access token is required to request this resource."))
            }
            Some(token) if live.knows_token(token) && live.token_is_over(at_ms) => {
                Err(GraphError::expired_token())
            }
            Some(token) if live.knows_token(token) => Ok(token),
            Some(_) => Err(GraphError::bad_token("Invalid OAuth access token - Cannot parse access token")),
        }
    }

    /// With an app secret set, the proof must be HMAC-SHA256(secret, token) in lower-case hex.
    pub(super) fn check_proof(&self, app_secret: Option<&str>, token: &str) -> Result<(), GraphError> {
        let Some(secret) = app_secret else { return Ok(()) };
        match &self.proof {
            None => {
                Err(GraphError::bad_proof("API calls from the server require an appsecret_proof argument"))
            }
            Some(proof) if *proof == app_secret_proof(secret, token) => Ok(()),
            Some(_) => Err(GraphError::bad_proof("Invalid appsecret_proof provided in the API argument")),
        }
    }

    pub(super) fn batch(&self) -> Result<Batch<'_>, GraphError> {
        let body = match &self.body {
            Some(body) if body.is_object() => body,
            _ => return Err(GraphError::bad_request("The parameter data is required.")),
        };
        let events = match &body["data"] {
            Value::Null => return Err(GraphError::bad_request("The parameter data is required.")),
            Value::Array(events) if events.is_empty() => {
                return Err(GraphError::bad_request("Param data must not be an empty array."));
            }
            Value::Array(events) if events.len() > BATCH_MAX => {
                return Err(GraphError::bad_request("Param data must have at most 1000 items."));
            }
            Value::Array(events) => events,
            _ => return Err(GraphError::bad_request("Param data must be an array.")),
        };
        let test_event_code = match &body["test_event_code"] {
            Value::Null => None,
            Value::String(code) if !code.is_empty() => Some(code.clone()),
            _ => return Err(GraphError::bad_request("Param test_event_code must be a non-empty string.")),
        };
        match &body["partner_agent"] {
            Value::Null => {}
            Value::String(agent) if is_partner_agent(agent) => {}
            _ => {
                return Err(GraphError::bad_request(
                    "Param partner_agent must be shorter than 23 characters and have at least two letters.",
                ));
            }
        }
        Ok(Batch { events, test_event_code })
    }
}

/// The version in the path must look like `v25.0` and be supported.
pub(super) fn check_version(version: &str) -> Result<(), GraphError> {
    let number = version
        .strip_prefix('v')
        .and_then(|rest| rest.strip_suffix(".0"))
        .filter(|digits| digits.len() <= 3 && digits.bytes().all(|byte| byte.is_ascii_digit()))
        .and_then(|digits| digits.parse::<u32>().ok())
        .ok_or_else(|| GraphError::unknown_path(&format!("/{version}")))?;
    if number < OLDEST_VERSION { Err(GraphError::retired_version(version)) } else { Ok(()) }
}

fn is_partner_agent(agent: &str) -> bool {
    agent.chars().count() < PARTNER_AGENT_LIMIT
        && agent.chars().filter(char::is_ascii_alphabetic).count() >= 2
}

fn app_secret_proof(app_secret: &str, token: &str) -> String {
    // HMAC takes a key of any length, so this cannot fail.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(app_secret.as_bytes()) else { return String::new() };
    mac.update(token.as_bytes());
    hex::encode(mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Vector computed with the formula of Meta's SDKs and checked with OpenSSL.
    #[test]
    fn the_proof_is_the_hmac_of_the_token() {
        assert_eq!(
            app_secret_proof("app_secret_abc", "EAAB_test_token"),
            "91a6879a556b92a941a5a314589d6d396f4d1fa5cb7f2002e427aeea607ce379"
        );
    }
}
