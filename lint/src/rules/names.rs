//! `custom_name_in_track`, `wrong_case`, `unknown_method`, `refused_by_tandem`: names of methods and events.

use tandem_core::id::{EventName, STANDARD_EVENTS};

use super::tracked::{folded, method, track_calls};
use crate::code::Code;
use crate::html::Attribute;
use crate::reports::Reports;
use crate::script::Target;
use crate::survey::{Survey, Unit};

/// Methods of `fbq` that pages call (from Meta's pixel reference and its library).
const METHODS: [&str; 9] = [
    "init",
    "track",
    "trackCustom",
    "trackSingle",
    "trackSingleCustom",
    "consent",
    "dataProcessingOptions",
    "set",
    "setUserProperties",
];

pub(super) fn check(survey: &Survey<'_>, reports: &mut Reports<'_>) {
    for unit in &survey.units {
        methods(unit, reports);
        events(unit, reports);
        tandem(unit, reports);
    }
    for view in &survey.views {
        let attributes = view.page.html.attributes.iter();
        for attribute in attributes.filter(|attribute| attribute.name == "data-tandem") {
            form(view.page.source, attribute, reports);
        }
    }
}

/// Reports the event that a form's `data-tandem` names, as `events` and `tandem` do for calls.
fn form(source: usize, attribute: &Attribute, reports: &mut Reports<'_>) {
    let name = attribute.value.trim();
    // `lead` in any case is the form's word for a lead.
    let standard = EventName::standard(name).filter(|standard| *standard != name && *standard != "Lead");
    if EventName::is_reserved(name) && EventName::standard(name) != Some("Lead") {
        reports.at(
            Code::RefusedByTandem,
            source,
            &attribute.span,
            format!("a form cannot report {}", shown(name)),
            "call tandem.recordPurchase({ orderId }) on the page after the payment",
        );
    } else if let Some(standard) = standard {
        reports.at(
            Code::WrongCase,
            source,
            &attribute.span,
            format!("{} is not Meta's event {standard}", shown(name)),
            format!("write data-tandem=\"{standard}\""),
        );
    }
}

/// Reports misspelt methods. A method that resembles none of the list may exist in the library.
fn methods(unit: &Unit, reports: &mut Reports<'_>) {
    for call in &unit.facts.calls {
        let Some(name) = method(call).filter(|name| !METHODS.contains(&name.as_str())) else { continue };
        let nearest = METHODS.into_iter().find(|known| {
            folded(known) == folded(&name)
                || (name.len() <= 24 && known.len() > 3 && oxc_span::min_edit_distance(known, &name) <= 2)
        });
        if let Some(nearest) = nearest {
            reports.within(
                Code::UnknownMethod,
                unit,
                &call.argument_span(0),
                format!("fbq has no method {}", shown(&name)),
                format!("write '{nearest}'"),
            );
        }
    }
}

fn events(unit: &Unit, reports: &mut Reports<'_>) {
    for event in track_calls(&unit.facts) {
        let Some(name) = event.name() else { continue };
        let place = event.call.argument_span(event.name_at);
        let is_standard = STANDARD_EVENTS.contains(&name.as_str());
        match EventName::standard(&name) {
            Some(standard) if !is_standard => reports.within(
                Code::WrongCase,
                unit,
                &place,
                format!("{} is not Meta's event {standard}", shown(&name)),
                format!("write fbq('track', '{standard}', …)"),
            ),
            None if matches!(event.method, "track" | "trackSingle") => reports.within(
                Code::CustomNameInTrack,
                unit,
                &place,
                format!("{} is not a standard event, but is sent by {}", shown(&name), event.method),
                match resembling(&name) {
                    Some(standard) => format!("write fbq('track', '{standard}', …) if you mean that event"),
                    None => "write fbq('trackCustom', …), or one of Meta's standard events".to_owned(),
                },
            ),
            _ => {}
        }
    }
}

/// Reports what `TrackEvent` refuses: `Purchase` and `Lead` in any case or spacing, and Meta's value-appending
/// events.
fn tandem(unit: &Unit, reports: &mut Reports<'_>) {
    for call in &unit.facts.calls {
        let Target::Tandem(method) = &call.target else { continue };
        if !matches!(method.as_str(), "track" | "trackCustom") {
            continue;
        }
        let Some(name) = call.value(0).and_then(|value| unit.facts.resolve(value).text()) else { continue };
        let instead = match EventName::standard(&name) {
            Some("Lead") => "call tandem.captureLead({ email, phone, … })",
            Some("Purchase") => "call tandem.recordPurchase({ orderId })",
            _ if EventName::is_reserved(&name) => "remove the call: only the server may send this event",
            _ => {
                if let Some(standard) = EventName::standard(&name).filter(|standard| *standard != name) {
                    reports.within(
                        Code::WrongCase,
                        unit,
                        &call.argument_span(0),
                        format!("{} is not Meta's event {standard}", shown(&name)),
                        format!("write tandem.track(\"{standard}\", …)"),
                    );
                }
                continue;
            }
        };
        reports.within(
            Code::RefusedByTandem,
            unit,
            &call.span,
            format!("tandem.{method} takes no {}", shown(&name)),
            instead,
        );
    }
}

/// The standard event that a name differs from by a letter or two.
fn resembling(name: &str) -> Option<&'static str> {
    let name = folded(name);
    let is_near = |standard: &&str| {
        let standard = folded(standard);
        name.len() <= 30 && standard.len() > 5 && oxc_span::min_edit_distance(&standard, &name) <= 2
    };
    STANDARD_EVENTS.into_iter().find(is_near)
}

/// A name for use in messages: quoted, shortened, without control characters.
fn shown(name: &str) -> String {
    let mut short: String =
        name.chars().take(40).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    if short.len() < name.len() {
        short.push('…');
    }
    format!("'{short}'")
}
