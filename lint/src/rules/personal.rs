//! `personal_data`, `matching_key`: personal data may only be in matching keys, and must be normalised there.
//!
//! Source: Meta, "Advanced Matching for Web" (keys and forms) and the custom data rule "never PII".

use tandem_core::scrub::names_person;

use super::tracked::{folded, method, track_calls};
use crate::code::Code;
use crate::reports::Reports;
use crate::script::{Facts, Filled, Object, Part, Value};
use crate::survey::{Survey, Unit};

/// The keys of `init`'s third argument.
const MATCHING: [&str; 11] = ["em", "ph", "fn", "ln", "ge", "db", "ct", "st", "zp", "country", "external_id"];

/// What people write instead, folded, and the right key.
const MEANT: [(&str, &str); 18] = [
    ("email", "em"),
    ("emailaddress", "em"),
    ("phone", "ph"),
    ("phonenumber", "ph"),
    ("mobile", "ph"),
    ("firstname", "fn"),
    ("lastname", "ln"),
    ("gender", "ge"),
    ("dob", "db"),
    ("dateofbirth", "db"),
    ("birthday", "db"),
    ("city", "ct"),
    ("state", "st"),
    ("zip", "zp"),
    ("zipcode", "zp"),
    ("postalcode", "zp"),
    ("pincode", "zp"),
    ("externalid", "external_id"),
];

pub(super) fn check(survey: &Survey<'_>, reports: &mut Reports<'_>) {
    for unit in &survey.units {
        for event in track_calls(&unit.facts) {
            if let Some(Value::Object(object)) = event.parameters() {
                parameters(unit, object, reports);
            }
        }
        let inits = unit.facts.calls.iter().filter(|call| method(call).as_deref() == Some("init"));
        for call in inits.filter(|call| !call.is_open) {
            if let Some(Value::Object(object)) = call.value(2).map(|value| unit.facts.resolve(value)) {
                matching(unit, object, reports);
            }
        }
    }
}

fn parameters(unit: &Unit, object: &Object, reports: &mut Reports<'_>) {
    for entry in &object.entries {
        let value = unit.facts.resolve(&entry.value);
        let is_given = !matches!(value, Value::Nothing) && value != &Value::Text(Vec::new());
        let by_key = names_person(&entry.key);
        if is_given && (by_key || value.any(&|value| is_personal(value))) {
            let message = if by_key {
                format!("'{}' is personal data, and is among an event's parameters", entry.key)
            } else {
                format!("'{}' contains personal data", entry.key)
            };
            reports.within(
                Code::PersonalData,
                unit,
                &entry.key_span,
                message,
                "remove it, and pass it to tandem.captureLead, which hashes it on your server, or to fbq('init', id, { em, ph, … })",
            );
        }
    }
}

/// Whether a value is an e-mail address as text, or a variable whose name means an e-mail address or a phone number.
fn is_personal(value: &Value) -> bool {
    match value {
        Value::Name(name) | Value::Filled(Filled { name, .. }) => {
            let last = name.rsplit('.').next().map(folded);
            matches!(last.as_deref(), Some("email" | "useremail" | "customeremail" | "phone" | "phonenumber"))
        }
        Value::Text(parts) => parts.iter().any(|part| matches!(part, Part::Fixed(text) if is_address(text))),
        _ => false,
    }
}

fn is_address(text: &str) -> bool {
    text.split(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | '<' | '>')).any(|word| {
        word.split_once('@').is_some_and(|(local, domain)| {
            !local.is_empty()
                && !domain.contains(['@', '/'])
                && domain.rsplit_once('.').is_some_and(|(host, top)| {
                    !host.is_empty() && top.len() > 1 && top.chars().all(char::is_alphabetic)
                })
        })
    })
}

fn matching(unit: &Unit, object: &Object, reports: &mut Reports<'_>) {
    for entry in &object.entries {
        let key = entry.key.as_str();
        let value = unit.facts.resolve(&entry.value);
        if !MATCHING.contains(&key) {
            let folded_key = folded(key);
            let known = MEANT.iter().find(|(written, _)| *written == folded_key).map(|(_, key)| *key);
            let known = known.or_else(|| MATCHING.into_iter().find(|key| folded(key) == folded_key));
            if let Some(known) = known {
                reports.within(
                    Code::MatchingKey,
                    unit,
                    &entry.key_span,
                    format!("Meta has no matching key '{key}'"),
                    format!("write '{known}'"),
                );
            }
            continue;
        }
        if let Some((what, help)) = unusable(&unit.facts, key, value) {
            reports.within(Code::MatchingKey, unit, &entry.span, format!("'{key}' {what}"), help);
        }
    }
}

/// Why Meta cannot use a matching key's value, and what to write instead.
fn unusable(facts: &Facts, key: &str, value: &Value) -> Option<(&'static str, &'static str)> {
    if let Value::Call(name, arguments) = value {
        let name = name.to_ascii_lowercase();
        if name.contains("md5") {
            return Some((
                "is hashed by MD5, which matches nobody",
                "hash by SHA-256, or pass the value itself",
            ));
        }
        let is_hash = name.contains("sha256") || name.contains("hash");
        let is_raw = arguments.first().is_some_and(|value| is_raw(facts.resolve(value)));
        return (is_hash && is_raw && key != "external_id").then_some((
            "is hashed without normalisation",
            "normalise first (trim, lower case, digits only with the calling code), or pass the value itself: the library does both",
        ));
    }
    let text = value.text()?;
    let text = text.trim();
    let is_hex = |length: usize| text.len() == length && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if text.is_empty() || is_hex(64) || key == "external_id" {
        return None;
    }
    if is_hex(32) {
        return Some(("is an MD5 hash, which matches nobody", "hash by SHA-256, or pass the value itself"));
    }
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let is_wrong = match key {
        "em" => !is_address(text),
        "ph" => !text.starts_with('+') && (digits.len() <= 10 || digits.starts_with('0')),
        "ge" => !matches!(text.to_ascii_lowercase().as_str(), "f" | "m"),
        "db" => text.len() != 8 || digits.len() != 8,
        "country" => text.len() != 2,
        _ => false,
    };
    is_wrong.then_some(match key {
        "em" => ("is not an e-mail address", "pass only the address"),
        "ph" => ("has no calling code", "write the number with its country's calling code: 919876543210"),
        "ge" => ("is neither f nor m", "write 'f' or 'm', or leave it out"),
        "db" => ("is not a date of eight digits", "write the year, the month and the day: 19900228"),
        _ => ("is not a country code of two letters", "write the ISO 3166 code: 'in'"),
    })
}

/// Whether a value is the content of a form field, as a person typed it.
fn is_raw(value: &Value) -> bool {
    matches!(value, Value::Name(name) if name.ends_with(".value"))
}
