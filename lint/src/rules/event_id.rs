//! `missing_event_id`, `event_id_in_parameters`, `purchase_id`: the ID that both copies of an event share.
//!
//! Source: Meta, "Handling Duplicate Pixel and Conversions API Events": both copies have the same name, and the
//! page's `eventID` equals the server's `event_id`. Tandem defines the Purchase's ID as `purchase_<order_id>`.

use tandem_core::id::EventName;

use super::number::DEPTH_MAX;
use super::tracked::{TrackCall, track_calls};
use crate::code::Code;
use crate::reports::Reports;
use crate::script::{Facts, Part, Span, Value};
use crate::survey::{Survey, Unit};

/// The keys that Meta's library takes the ID from.
const KEYS: [&str; 2] = ["eventID", "event_id"];
/// Calls that return a different value each time.
const RANDOM: [&str; 9] =
    ["now", "random", "randomUUID", "getTime", "uuid", "uuidv4", "v4", "nanoid", "getRandomValues"];

pub(super) fn check(survey: &Survey<'_>, reports: &mut Reports<'_>) {
    for unit in &survey.units {
        for event in track_calls(&unit.facts) {
            let misplaced = misplaced(unit, &event, reports);
            let Some(name) = event.name().and_then(|name| EventName::standard(&name)) else { continue };
            match id(&event) {
                Id::Absent(misspelt) if !misplaced && name != "PageView" => {
                    let place = misspelt.as_ref().map_or(&event.call.span, |(_, span)| span);
                    let message = match &misspelt {
                        Some((key, _)) => format!("{name} has no eventID: Meta does not read '{key}'"),
                        None => format!("{name} is sent without an eventID"),
                    };
                    let value = if name == "Purchase" { "'purchase_' + orderId" } else { "id" };
                    reports.within(
                        Code::MissingEventId,
                        unit,
                        place,
                        message,
                        format!(
                            "pass it as the fourth argument, {{ eventID: {value} }}, and send the server's copy under the same ID; \
                             with Tandem take the call out, it fires the pixel by itself"
                        ),
                    );
                }
                Id::Given(value, span) if name == "Purchase" => {
                    if let Some(why) = wrong(&unit.facts, unit.facts.resolve(value), DEPTH_MAX) {
                        reports.within(
                            Code::PurchaseId,
                            unit,
                            &span,
                            format!("the Purchase's eventID {why}"),
                            "build it as 'purchase_' + orderId, with the order's ID that the payment provider has",
                        );
                    }
                }
                _ => {}
            }
        }
    }
}

/// Where an event's ID comes from.
enum Id<'u> {
    Given(&'u Value, Span),
    /// There is no ID. Contains a similar key that was probably meant, and its place.
    Absent(Option<(String, Span)>),
    Unknown,
}

fn id<'u>(event: &TrackCall<'u>) -> Id<'u> {
    match event.options() {
        None | Some(Value::Nothing) => Id::Absent(None),
        Some(Value::Object(object)) => {
            let given = KEYS.iter().find_map(|key| object.get(key));
            match given {
                Some(entry) if entry.value == Value::Nothing || entry.value == Value::Text(Vec::new()) => {
                    Id::Absent(None)
                }
                Some(entry) => Id::Given(&entry.value, entry.span.clone()),
                None if object.is_open => Id::Unknown,
                None => Id::Absent(
                    object
                        .entries
                        .iter()
                        .find(|entry| {
                            matches!(super::tracked::folded(&entry.key).as_str(), "eventid" | "eid" | "id")
                        })
                        // The place of the key is known only if the object is written in the call.
                        .filter(|entry| event.call.span.contains(&entry.key_span.start))
                        .map(|entry| (entry.key.clone(), entry.key_span.clone())),
                ),
            }
        }
        Some(_) => Id::Unknown,
    }
}

/// Reports an ID among the parameters. Returns whether there is one.
fn misplaced(unit: &Unit, event: &TrackCall<'_>, reports: &mut Reports<'_>) -> bool {
    let Some(Value::Object(parameters)) = event.parameters() else { return false };
    let found = parameters.entries.iter().find(|entry| super::tracked::folded(&entry.key) == "eventid");
    let Some(entry) = found.filter(|_| !matches!(id(event), Id::Given(..))) else { return false };
    reports.within(
        Code::EventIdInParameters,
        unit,
        &entry.key_span,
        "the eventID is among the event's parameters",
        "move it to the fourth argument: fbq('track', name, parameters, { eventID: … })",
    );
    true
}

/// Why a value is certainly not `purchase_<order_id>`. `None` if it may be. `depth`: how many values may be followed
/// from one to the next.
fn wrong(facts: &Facts, value: &Value, depth: u8) -> Option<&'static str> {
    let depth = depth.checked_sub(1)?;
    let is_random = |value: &Value| match value {
        Value::Call(name, _) => name.rsplit('.').next().is_some_and(|last| RANDOM.contains(&last)),
        _ => false,
    };
    if value.any(&is_random) {
        return Some("changes with each call: the server cannot know it");
    }
    match value {
        Value::Text(parts) => match (value.starts(), parts.as_slice()) {
            (None, [Part::Value(only)]) => wrong(facts, facts.resolve(only), depth),
            (None, [Part::Value(first), ..]) if is_order_id(facts, first) => {
                Some("does not start with 'purchase_'")
            }
            (None, _) => None,
            (Some("purchase_"), [_]) => Some("lacks the order's ID"),
            (Some(start), _) if start.starts_with("purchase_") => None,
            (Some(_), _) => Some("does not start with 'purchase_'"),
        },
        Value::Number(_) => Some("does not start with 'purchase_'"),
        name if is_order_id(facts, name) => Some("is the order's ID without 'purchase_'"),
        _ => None,
    }
}

/// Whether `value` is a variable or field whose name means an order's ID.
fn is_order_id(facts: &Facts, value: &Value) -> bool {
    let name = match value {
        Value::Name(name) => name,
        Value::Filled(filled) => &filled.name,
        _ => return false,
    };
    if matches!(facts.resolve(value), Value::Text(_)) {
        return false;
    }
    let mut fields = name.rsplit('.').map(super::tracked::folded);
    let last = fields.next().unwrap_or_default();
    let before = fields.next().unwrap_or_default();
    let things = ["order", "transaction", "payment", "checkout", "invoice", "txn"];
    let is_thing = |text: &str| things.contains(&text);
    ["id", "number", "no"].iter().any(|end| {
        last.strip_suffix(end).is_some_and(|start| is_thing(start) || (start.is_empty() && is_thing(&before)))
    })
}
