//! `fires_repeatedly`, `fired_twice`: calls that count one event several times.
//!
//! Source: Meta, "Handling Duplicate Pixel and Conversions API Events": a browser's copy is compared with the server's
//! copy, not with another copy of the browser.

use tandem_core::id::EventName;

use super::tracked::{TrackCall, method, tandem_event, track_calls};
use crate::code::Code;
use crate::reports::Reports;
use crate::script::{Call, Value};
use crate::survey::{Survey, Unit};

/// Most calls of a page that are compared with each other.
const COMPARED_MAX: usize = 64;

pub(super) fn check(survey: &Survey<'_>, reports: &mut Reports<'_>) {
    for unit in &survey.units {
        for call in &unit.facts.calls {
            let Some(event) = &call.repeats else { continue };
            let is_tracked = tandem_event(call, &unit.facts).is_some()
                || method(call).is_some_and(|method| method.starts_with("track"));
            if is_tracked {
                let cause = match event.as_str() {
                    "setInterval" => "an interval".to_owned(),
                    event => format!("each '{event}' event"),
                };
                reports.within(
                    Code::FiresRepeatedly,
                    unit,
                    &call.span,
                    format!("{cause} fires this again"),
                    "fire it once: add the listener with { once: true }, remove it after the first call, or test a variable that you set",
                );
            }
        }
    }
    for group in survey.groups() {
        twins(survey, &group, reports);
    }
}

fn twins(survey: &Survey<'_>, group: &[&Unit], reports: &mut Reports<'_>) {
    let mut earlier: Vec<(&Unit, TrackCall<'_>, &'static str)> = Vec::new();
    for unit in group {
        for event in track_calls(&unit.facts) {
            let Some(name) = event.name().and_then(|name| EventName::standard(&name)) else { continue };
            let has_twin = earlier.iter().any(|(other_unit, other, other_name)| {
                *other_name == name
                    && run_together((*unit, event.call), (*other_unit, other.call))
                    && !survey.are_alternatives((*unit, event.call), (*other_unit, other.call))
                    && are_equal(&event, other)
            });
            if has_twin {
                reports.within(
                    Code::FiredTwice,
                    unit,
                    &event.call.span,
                    format!("the page fires the same {name} a second time"),
                    "keep one of the calls",
                );
            } else if earlier.len() < COMPARED_MAX {
                earlier.push((*unit, event, name));
            }
        }
    }
}

/// Whether nothing that the source shows runs one of the calls without the other.
fn run_together((unit, call): (&Unit, &Call), (other_unit, other): (&Unit, &Call)) -> bool {
    let is_same_place = call.function == other.function && call.branches == other.branches;
    let is_free = |call: &Call| call.runs_at_once() && call.branches.is_empty();
    let is_same_side = unit.source != other_unit.source || call.sides == other.sides;
    is_same_side
        && if std::ptr::eq(unit, other_unit) { is_same_place } else { is_free(call) && is_free(other) }
}

/// Whether two events are one: they have one ID, or all their arguments are the same.
fn are_equal(event: &TrackCall<'_>, other: &TrackCall<'_>) -> bool {
    let id = |event: &TrackCall<'_>| match event.options() {
        Some(Value::Object(options)) => {
            options.get("eventID").or_else(|| options.get("event_id")).map(|entry| entry.value.clone())
        }
        _ => None,
    };
    // trackSingle names a pixel before the event.
    let pixel = |event: &TrackCall<'_>| -> Vec<Value> {
        let before = event.call.arguments.iter().take(event.name_at).skip(1);
        before.map(|argument| argument.value.clone()).collect()
    };
    if !same(&pixel(event), &pixel(other)) {
        return false;
    }
    match (id(event), id(other)) {
        (Some(id), Some(other)) => is_fixed(&id) && id == other,
        (None, None) => {
            let rest = |event: &TrackCall<'_>| -> Vec<Value> {
                let arguments = event.call.arguments.iter().skip(event.name_at + 1);
                arguments.map(|argument| argument.value.clone()).collect()
            };
            let (arguments, others) = (rest(event), rest(other));
            event.method == other.method && arguments.iter().all(is_fixed) && same(&arguments, &others)
        }
        _ => false,
    }
}

/// Whether a value is the same each time that it is read in one place.
fn is_fixed(value: &Value) -> bool {
    !value.any(&|value| matches!(value, Value::Unknown | Value::Call(..)))
}

/// Whether values are the same, wherever they are written.
fn same(values: &[Value], others: &[Value]) -> bool {
    values.len() == others.len()
        && values.iter().zip(others).all(|pair| match pair {
            (Value::Object(object), Value::Object(other)) => {
                object.is_open == other.is_open
                    && object.entries.len() == other.entries.len()
                    && object.entries.iter().all(|entry| {
                        other.get(&entry.key).is_some_and(|twin| {
                            same(std::slice::from_ref(&entry.value), std::slice::from_ref(&twin.value))
                        })
                    })
            }
            (Value::List(list), Value::List(other)) => same(list, other),
            (value, other) => value == other,
        })
}
