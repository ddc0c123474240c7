//! Checks of `user_data` ("Customer Information Parameters", "Best Practices").

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde_json::{Map, Value};

use crate::graph::refusal::{Refusal, Subcode};

/// Keys whose values are SHA-256 hashes.
const HASHED_KEYS: [&str; 11] =
    ["em", "ph", "fn", "ln", "ge", "db", "ct", "st", "zp", "country", "external_id"];

/// Keys whose values are sent unhashed.
const PLAIN_KEYS: [&str; 14] = [
    "client_ip_address",
    "client_user_agent",
    "fbc",
    "fbp",
    "subscription_id",
    "fb_login_id",
    "lead_id",
    "page_id",
    "page_scoped_user_id",
    "ctwa_clid",
    "ig_account_id",
    "ig_sid",
    "anon_id",
    "madid",
];

/// An event is refused if all its match keys are in one of these sets.
const THIN_SETS: [&[&str]; 4] = [
    &["ct", "country", "st", "zp", "ge", "client_user_agent"],
    &["db", "client_user_agent"],
    &["fn", "ge"],
    &["ln", "ge"],
];

/// SHA-256 of an empty text. It shows that a sender hashed an empty field.
const HASH_OF_NOTHING: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// Checks the block as a whole.
pub(super) fn check(user_data: &Value, require_user_agent: bool) -> Result<(), Refusal> {
    let Some(keys) = user_data.as_object() else {
        return Err(Refusal::parameter("user_data", "is required and must be an object"));
    };
    for key in HASHED_KEYS {
        if let Some(value) = keys.get(key) {
            check_hashed(key, value)?;
        }
    }
    check_plain(keys)?;
    if require_user_agent && !keys.contains_key("client_user_agent") {
        return Err(Refusal::parameter("user_data.client_user_agent", "is required for website events"));
    }
    if THIN_SETS.iter().any(|thin| keys.keys().all(|key| thin.contains(&key.as_str()))) {
        return Err(Refusal::new(
            Subcode::ThinUserData,
            "user_data",
            "The customer information is too broad to match the event to a person.",
        ));
    }
    Ok(())
}

/// Keys that Meta does not know have no effect.
pub(super) fn advice(user_data: &Value) -> Vec<String> {
    let unknown = |key: &&String| !HASHED_KEYS.contains(&key.as_str()) && !PLAIN_KEYS.contains(&key.as_str());
    let keys = user_data.as_object().into_iter().flat_map(Map::keys);
    keys.filter(unknown)
        .map(|key| format!("user_data.{key} is not a known parameter and was ignored"))
        .collect()
}

fn check_hashed(key: &str, value: &Value) -> Result<(), Refusal> {
    let path = format!("user_data.{key}");
    let values = match value {
        Value::String(_) => std::slice::from_ref(value),
        Value::Array(values) if !values.is_empty() => values.as_slice(),
        _ => return Err(Refusal::parameter(&path, "must be a string or a non-empty array of strings")),
    };
    for value in values {
        match value.as_str() {
            Some(HASH_OF_NOTHING) => {
                return Err(Refusal::parameter(&path, "is the hash of an empty value"));
            }
            Some(hash) if is_sha256_hex(hash) => {}
            _ => return Err(Refusal::parameter(&path, "must be a SHA-256 hash: 64 lower-case hex digits")),
        }
    }
    Ok(())
}

fn is_sha256_hex(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn check_plain(keys: &Map<String, Value>) -> Result<(), Refusal> {
    let refuse = |key: &str, reason: &str| Err(Refusal::parameter(&format!("user_data.{key}"), reason));
    for key in PLAIN_KEYS {
        let Some(value) = keys.get(key) else { continue };
        let text = match value {
            Value::String(text) if !text.trim().is_empty() => text.as_str(),
            // Meta's own IDs come as numbers, too.
            Value::Number(number) if key.ends_with("_id") && number.is_u64() => continue,
            _ => return refuse(key, "must be a non-empty string"),
        };
        match key {
            "client_ip_address" if !is_client_address(text) => {
                return refuse(key, "must be a public IPv4 or IPv6 address");
            }
            "fbc" if !is_cookie_envelope(text, |payload| !payload.is_empty()) => {
                return refuse(key, "must have the form fb.<index>.<milliseconds>.<click ID>");
            }
            "fbc" if !text.split('.').nth(3).is_some_and(is_click_id) => {
                return Err(Refusal::new(Subcode::InvalidEvent, "", "The event is not valid."));
            }
            "fbp" if !is_cookie_envelope(text, all_digits) => {
                return refuse(key, "must have the form fb.<index>.<milliseconds>.<number>");
            }
            _ => {}
        }
    }
    match keys.get("lead_id").map(|id| id.as_str().map_or_else(|| id.to_string(), str::to_owned)) {
        Some(id) if !((15..=17).contains(&id.len()) && all_digits(&id)) => {
            Err(Refusal::new(Subcode::LeadId, "user_data.lead_id", "A lead ID has 15 to 17 digits."))
        }
        _ => Ok(()),
    }
}

/// `fb`, two numbers, the payload, and the parameter builder's optional appendix.
fn is_cookie_envelope(text: &str, payload_is_good: impl Fn(&str) -> bool) -> bool {
    let fields: Vec<&str> = text.split('.').collect();
    match fields.as_slice() {
        ["fb", index, millis, payload] => all_digits(index) && all_digits(millis) && payload_is_good(payload),
        ["fb", index, millis, payload, appendix] => {
            let known_length = matches!(appendix.len(), 2 | 8);
            all_digits(index) && all_digits(millis) && payload_is_good(payload) && known_length
        }
        _ => false,
    }
}

/// What a click ID is made of. Placeholders such as `[fbclid]` and `{{click_id}}` have other signs.
fn is_click_id(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

fn all_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// A public address, or a loopback one, because a shop on this machine has no other.
fn is_client_address(text: &str) -> bool {
    match text.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => is_public_or_loopback_v4(address),
        Ok(IpAddr::V6(address)) => is_public_or_loopback_v6(address),
        Err(_) => false,
    }
}

fn is_public_or_loopback_v4(address: Ipv4Addr) -> bool {
    !(address.is_private()
        || address.is_link_local()
        || address.is_unspecified()
        || address.is_broadcast()
        || address.is_multicast())
}

fn is_public_or_loopback_v6(address: Ipv6Addr) -> bool {
    !(address.is_unique_local()
        || address.is_unicast_link_local()
        || address.is_unspecified()
        || address.is_multicast())
}
