//! `counted_twice`: an event that Tandem fires, fired by the page's own `fbq` as well.

use std::collections::HashSet;

use super::tracked::{meant, tandem_event, tracked};
use crate::code::Code;
use crate::reports::Reports;
use crate::script::Call;
use crate::survey::{Survey, Unit};

pub(super) fn check(survey: &Survey<'_>, reports: &mut Reports<'_>) {
    for group in survey.groups() {
        let mut by_tandem: Vec<(&Unit, &Call, String)> = Vec::new();
        let mut names = HashSet::new();
        for unit in &group {
            for call in &unit.facts.calls {
                // One call of each event and script is enough to compare with.
                if let Some(name) = tandem_event(call, &unit.facts)
                    && names.insert((std::ptr::from_ref(*unit), name.clone()))
                {
                    by_tandem.push((unit, call, name));
                }
            }
        }
        if by_tandem.is_empty() {
            continue;
        }
        for unit in &group {
            for event in tracked(&unit.facts) {
                let Some(name) = event.name() else { continue };
                let name = meant(&name).map_or(name, str::to_owned);
                let twin = by_tandem.iter().take(64).find(|(other_unit, other, other_name)| {
                    let excludes = std::ptr::eq(*other_unit, *unit) && event.call.excludes(other);
                    *other_name == name && !excludes
                });
                if twin.is_some() {
                    reports.within(
                        Code::CountedTwice,
                        unit,
                        &event.call.span,
                        format!("{name} is fired here, and by Tandem on the same page"),
                        "take this call out; Tandem fires the pixel under the ID that its server uses",
                    );
                }
            }
        }
    }
}
