//! Checks for which Meta refuses an event ("Server Event Parameters", "Best Practices").

use serde_json::Value;
use url::Url;

use crate::clock::Millis;
use crate::graph::refusal::{Refusal, Subcode};
use crate::graph::{custom_data, user_data};

/// Events may be this old when they arrive.
const AGE_MAX_S: i64 = 7 * 86_400;

/// How far a sender's clock may be ahead. Meta publishes no figure; integrations use a minute.
const AHEAD_MAX_S: i64 = 60;

/// Seconds since 1970 have ten digits until the year 2286; more digits are milliseconds.
const SECONDS_MAX: i64 = 9_999_999_999;

/// Event IDs longer than this are refused. Meta publishes no figure.
const EVENT_ID_MAX_CHARS: usize = 512;

const ACTION_SOURCES: [&str; 9] = [
    "email",
    "website",
    "app",
    "phone_call",
    "chat",
    "physical_store",
    "system_generated",
    "business_messaging",
    "other",
];

/// Checks one event as of `now_ms`.
pub(super) fn check_event(event: &Value, now_ms: Millis, require_user_agent: bool) -> Result<(), Refusal> {
    if !event.is_object() {
        return Err(Refusal::parameter("", "must be an object"));
    }
    let name = match &event["event_name"] {
        Value::String(name) if !name.trim().is_empty() => name.as_str(),
        _ => return Err(Refusal::parameter("event_name", "is required and must be a non-empty string")),
    };
    check_time(&event["event_time"], now_ms)?;
    let source = match event["action_source"].as_str() {
        Some(source) if ACTION_SOURCES.contains(&source) => source,
        _ => {
            let reason = format!("must be one of {}", ACTION_SOURCES.join(", "));
            return Err(Refusal::parameter("action_source", reason));
        }
    };
    match &event["event_id"] {
        Value::Null => {}
        Value::String(id) if !id.is_empty() && id.chars().count() <= EVENT_ID_MAX_CHARS => {}
        _ => return Err(Refusal::parameter("event_id", "must be a string of 1 to 512 characters")),
    }
    for key in ["event_source_url", "referrer_url"] {
        check_url(key, &event[key])?;
    }
    if source == "website" && event["event_source_url"].is_null() {
        return Err(Refusal::parameter("event_source_url", "is required for website events"));
    }
    if !matches!(event["opt_out"], Value::Null | Value::Bool(_)) {
        return Err(Refusal::parameter("opt_out", "must be true or false"));
    }
    check_data_processing(event)?;
    user_data::check(&event["user_data"], require_user_agent && source == "website")?;
    custom_data::check(&event["custom_data"], name)
}

/// Warnings about an accepted event. Meta puts them into `messages`.
pub(super) fn advice(event: &Value) -> Vec<String> {
    let mut advice = custom_data::advice(&event["custom_data"]);
    advice.extend(user_data::advice(&event["user_data"]));
    if event["action_source"] == "website" && event["user_data"]["client_user_agent"].is_null() {
        advice.push("user_data.client_user_agent is required for website events".to_owned());
    }
    if event["event_id"].is_null() {
        advice.push("event_id is missing, so this event cannot be deduplicated".to_owned());
    }
    advice
}

fn check_time(time: &Value, now_ms: Millis) -> Result<(), Refusal> {
    let Some(time_s) = time.as_i64() else {
        return Err(Refusal::parameter("event_time", "is required: whole seconds since 1970, as a number"));
    };
    let now_s = now_ms.div_euclid(1000);
    if time_s > SECONDS_MAX {
        return Err(Refusal::new(
            Subcode::EventInFuture,
            "event_time",
            "The event time is far in the future. It must be in seconds, not milliseconds.",
        ));
    }
    if time_s > now_s + AHEAD_MAX_S {
        return Err(Refusal::new(Subcode::EventInFuture, "event_time", "The event time is in the future."));
    }
    if time_s < now_s - AGE_MAX_S {
        return Err(Refusal::new(
            Subcode::EventTooOld,
            "event_time",
            "The event time is more than 7 days in the past. No event of this request was processed.",
        ));
    }
    Ok(())
}

fn check_url(key: &str, value: &Value) -> Result<(), Refusal> {
    let usable = match value {
        Value::Null => true,
        Value::String(text) => Url::parse(text)
            .is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.host_str().is_some()),
        _ => false,
    };
    if usable { Ok(()) } else { Err(Refusal::parameter(key, "must be a full http or https URL")) }
}

/// Limited data use ("Data Processing Options"): absent, empty, or `["LDU"]` with country and state.
fn check_data_processing(event: &Value) -> Result<(), Refusal> {
    const OPTIONS: &str = "data_processing_options";
    const COUNTRY: &str = "data_processing_options_country";
    const STATE: &str = "data_processing_options_state";
    let limited = match &event[OPTIONS] {
        Value::Null => false,
        Value::Array(options) if options.is_empty() => false,
        Value::Array(options) if options.iter().all(|option| option == "LDU") && options.len() == 1 => true,
        _ => return Err(Refusal::parameter(OPTIONS, "must be [] or [\"LDU\"]")),
    };
    match &event[COUNTRY] {
        Value::Null if !limited => {}
        country if matches!(country.as_i64(), Some(0 | 1)) => {}
        _ => return Err(Refusal::parameter(COUNTRY, "must be 0 or 1")),
    }
    match &event[STATE] {
        Value::Null if !limited => Ok(()),
        state if matches!(state.as_i64(), Some(0 | 1000..=1013)) => Ok(()),
        _ => Err(Refusal::parameter(STATE, "must be 0 or one of 1000 to 1013")),
    }
}
