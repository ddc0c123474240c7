//! Calls of `fbq` as in Meta's pixel reference, and the events that Tandem sends.

use crate::script::{Call, Facts, Object, Target, Value};

/// A call that tracks something.
#[derive(Debug, Clone, Copy)]
pub(super) struct TrackCall<'u> {
    pub(super) call: &'u Call,
    /// `track`, `trackCustom`, `trackSingle`, `trackSingleCustom`.
    pub(super) method: &'static str,
    /// Index of the event's name; parameters and options follow it.
    pub(super) name_at: usize,
    facts: &'u Facts,
}

impl<'u> TrackCall<'u> {
    /// The event's name, if it is known.
    pub(super) fn name(&self) -> Option<String> {
        self.facts.resolve(self.call.value(self.name_at)?).text()
    }

    /// The third argument of `track`.
    pub(super) fn parameters(&self) -> Option<&'u Value> {
        Some(self.facts.resolve(self.call.value(self.name_at + 1)?))
    }

    /// The fourth argument of `track`.
    pub(super) fn options(&self) -> Option<&'u Value> {
        Some(self.facts.resolve(self.call.value(self.name_at + 2)?))
    }
}

/// The method of a call of `fbq`, if it is known.
pub(super) fn method(call: &Call) -> Option<String> {
    if call.target != Target::Fbq {
        return None;
    }
    call.value(0)?.text()
}

/// The calls of a script that track something, without those that have spread arguments.
pub(super) fn track_calls(facts: &Facts) -> impl Iterator<Item = TrackCall<'_>> {
    facts.calls.iter().filter(|call| !call.is_open).filter_map(|call| {
        let (method, name_at) = match method(call)?.as_str() {
            "track" => ("track", 1),
            "trackCustom" => ("trackCustom", 1),
            "trackSingle" => ("trackSingle", 2),
            "trackSingleCustom" => ("trackSingleCustom", 2),
            _ => return None,
        };
        Some(TrackCall { call, method, name_at, facts })
    })
}

/// The event that a call of Tandem's package sends.
pub(super) fn tandem_event(call: &Call, facts: &Facts) -> Option<String> {
    let Target::Tandem(method) = &call.target else { return None };
    match method.as_str() {
        "captureLead" => Some("Lead".to_owned()),
        "recordPurchase" => Some("Purchase".to_owned()),
        "track" | "trackCustom" => facts.resolve(call.value(0)?).text(),
        _ => None,
    }
}

/// What the script's events are about: the parameters of `fbq`, and the argument of Tandem's calls.
pub(super) fn event_objects(facts: &Facts) -> impl Iterator<Item = &Object> {
    let given = |call: &'_ Call| match &call.target {
        Target::Tandem(method) => match method.as_str() {
            "captureLead" | "recordPurchase" => Some(0),
            "track" | "trackCustom" => Some(1),
            _ => None,
        },
        _ => None,
    };
    let tandem = facts
        .calls
        .iter()
        .filter(|call| !call.is_open)
        .filter_map(move |call| Some(facts.resolve(call.value(given(call)?)?)));
    let pixel = track_calls(facts).filter_map(|event| event.parameters());
    pixel.chain(tandem).filter_map(|value| match value {
        Value::Object(object) => Some(object),
        _ => None,
    })
}

/// A name in lower case, without signs and blanks.
pub(super) fn folded(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}
