//! `unguarded_fbq`: calls where nothing says that `fbq` exists.

use crate::code::Code;
use crate::reports::Reports;
use crate::script::{Call, Target};
use crate::survey::{Survey, Unit, View};

const HELP: &str = "write `if (window.fbq) fbq(…)`, or put Meta's base code into the page's head";

pub(super) fn check(survey: &Survey<'_>, reports: &mut Reports<'_>) {
    for (i, unit) in survey.units.iter().enumerate() {
        let mut views = survey.views_of(i).peekable();
        let unguarded: Vec<&Call> =
            unit.facts.calls.iter().filter(|call| call.target == Target::Fbq && !call.is_guarded).collect();
        if unguarded.is_empty() {
            continue;
        }
        if views.peek().is_none() && unit.facts.defines.is_empty() {
            for call in &unguarded {
                reports.within(
                    Code::UnguardedFbq,
                    unit,
                    &call.span,
                    "fbq is called in a script that does not make sure that it is there",
                    HELP,
                );
            }
        }
        for view in views {
            on_page(survey, view, i, unit, &unguarded, reports);
        }
    }
}

fn on_page(
    survey: &Survey<'_>,
    view: &View<'_>,
    index: usize,
    unit: &Unit,
    calls: &[&Call],
    reports: &mut Reports<'_>,
) {
    // When the page first defines fbq: phase, place among the page's scripts, place in the script.
    let defined = (view.runs.iter().enumerate())
        .filter_map(|(place, run)| {
            let defines = &survey.units.get(run.unit)?.facts.defines;
            Some((run.phase, place, *defines.iter().min()?))
        })
        .min();
    let page = survey.shop.sources.get(view.page.source).map_or("", crate::source::Source::name);
    for call in calls {
        let Some(defined) = defined else {
            let where_from = if unit.is_inline { String::new() } else { format!(" by {page}") };
            reports.within(
                Code::UnguardedFbq,
                unit,
                &call.span,
                format!("fbq is called, but no script loaded{where_from} defines it"),
                HELP,
            );
            continue;
        };
        let own = view.runs.iter().enumerate().find(|(_, run)| run.unit == index);
        let Some((place, run)) = own else { continue };
        if call.runs_at_once && (run.phase, place, call.span.start) < defined {
            reports.within(
                Code::UnguardedFbq,
                unit,
                &call.span,
                "fbq is called before the page's base code has defined it",
                "move Meta's base code above this script, into the page's head",
            );
        }
    }
}
