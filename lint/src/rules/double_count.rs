//! `counted_twice`: an event that both Tandem and the page's own `fbq` fire.

use std::collections::HashSet;

use tandem_core::id::EventName;

use super::tracked::{tandem_event, track_calls};
use crate::code::Code;
use crate::reports::Reports;
use crate::script::Call;
use crate::survey::{Survey, Unit, View};

pub(super) fn check(survey: &Survey<'_>, reports: &mut Reports<'_>) {
    // The first groups belong to the pages, in the order of the views.
    let pages = survey.views.iter().map(|view| declared(view)).chain(std::iter::repeat_with(Vec::new));
    for (group, mut tandem_events) in survey.groups().into_iter().zip(pages) {
        let mut names = HashSet::new();
        for unit in &group {
            for call in &unit.facts.calls {
                // One call of each event and script is enough to compare with.
                if let Some(name) = tandem_event(call, &unit.facts)
                    && names.insert((std::ptr::from_ref(*unit), name.clone()))
                {
                    tandem_events.push(TandemEvent { name, call: Some((unit, call)) });
                }
            }
        }
        if tandem_events.is_empty() {
            continue;
        }
        for unit in &group {
            for event in track_calls(&unit.facts) {
                let Some(name) = event.name() else { continue };
                let name = EventName::standard(&name).map_or(name, str::to_owned);
                let has_twin = tandem_events.iter().take(64).any(|twin| {
                    let excludes =
                        twin.call.is_some_and(|other| survey.are_alternatives((*unit, event.call), other));
                    twin.name == name && !excludes
                });
                if has_twin {
                    reports.within(
                        Code::CountedTwice,
                        unit,
                        &event.call.span,
                        format!("{name} is fired here, and by Tandem on the same page"),
                        "remove this call: Tandem fires the pixel under the ID that its server uses",
                    );
                }
            }
        }
    }
}

/// An event that Tandem fires, and the call that fires it.
struct TandemEvent<'u> {
    name: String,
    call: Option<(&'u Unit, &'u Call)>,
}

/// Events of forms that need no code: `data-tandem="lead"`. A form reports no Purchase.
fn declared<'u>(view: &View<'_>) -> Vec<TandemEvent<'u>> {
    let attributes = view.page.html.attributes.iter().filter(|attribute| attribute.name == "data-tandem");
    attributes
        .filter_map(|attribute| {
            let name = EventName::standard(&attribute.value).filter(|name| *name != "Purchase")?;
            Some(TandemEvent { name: name.to_owned(), call: None })
        })
        .collect()
}
