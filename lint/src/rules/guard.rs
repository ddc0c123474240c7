//! `unguarded_fbq`: calls of `fbq` without a check that it exists.

use std::collections::HashSet;

use crate::code::Code;
use crate::reports::Reports;
use crate::script::{Call, Target};
use crate::survey::{Survey, Unit, View};

const HELP: &str = "write `if (window.fbq) fbq(…)`, or put Meta's base code into the page's head";

pub(super) fn check(survey: &Survey<'_>, reports: &mut Reports<'_>) {
    let unguarded: Vec<Vec<&Call>> = survey.units.iter().map(unguarded).collect();
    for (i, unit) in survey.units.iter().enumerate() {
        if survey.views_of(i).next().is_some() || !unit.facts.defines.is_empty() {
            continue;
        }
        for call in unguarded.get(i).into_iter().flatten() {
            reports.within(
                Code::UnguardedFbq,
                unit,
                &call.span,
                "fbq is called in a script that does not check that it exists",
                HELP,
            );
        }
    }
    // A script that breaks on several pages is reported once.
    let mut reported = HashSet::new();
    for view in &survey.views {
        let mut bad = on_page(survey, view, &unguarded);
        bad.retain(|(unit, call, ..)| reported.insert((*unit, call.span.start)));
        for (unit, call, message, help) in bad {
            if let Some(unit) = survey.units.get(unit) {
                reports.within(Code::UnguardedFbq, unit, &call.span, message, help);
            }
        }
    }
}

fn unguarded(unit: &Unit) -> Vec<&Call> {
    unit.facts.calls.iter().filter(|call| call.target == Target::Fbq && !call.is_guarded).collect()
}

/// The calls of a page that may run without `fbq`: unit, call, what is wrong, what to do.
fn on_page<'u>(
    survey: &Survey<'_>,
    view: &View<'_>,
    unguarded: &[Vec<&'u Call>],
) -> Vec<(usize, &'u Call, String, &'static str)> {
    // The first definition of fbq on the page: phase, place among the page's scripts, place in the script.
    let defined = (view.runs.iter().enumerate())
        .filter_map(|(place, run)| {
            let defines = &survey.units.get(run.unit)?.facts.defines;
            Some((run.phase, place, *defines.iter().min()?))
        })
        .min();
    let page = survey.shop.sources.get(view.page.source).map_or("", crate::source::Source::name);
    let mut bad = Vec::new();
    for (place, run) in view.runs.iter().enumerate() {
        let is_inline = survey.units.get(run.unit).is_some_and(|unit| unit.is_inline);
        for call in unguarded.get(run.unit).into_iter().flatten() {
            match defined {
                None => {
                    let loaded = if is_inline { String::new() } else { format!(" loaded by {page}") };
                    bad.push((
                        run.unit,
                        *call,
                        format!("fbq is called, but no script{loaded} defines it"),
                        HELP,
                    ));
                }
                Some(defined) if call.runs_at_once() && (run.phase, place, call.span.start) < defined => bad
                    .push((
                        run.unit,
                        *call,
                        "fbq is called before the page's base code has defined it".to_owned(),
                        "move Meta's base code above this script, into the page's head",
                    )),
                Some(_) => {}
            }
        }
    }
    bad
}
