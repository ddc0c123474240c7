//! `script_error`, `script_unreadable`: scripts that no browser runs, and scripts that were not checked.

use super::escape;
use crate::code::Code;
use crate::reports::Reports;
use crate::survey::Survey;

pub(super) fn check(survey: &Survey<'_>, reports: &mut Reports<'_>) {
    for unit in &survey.units {
        if let Some(why) = unit.facts.unreadable {
            reports.within(
                Code::ScriptUnreadable,
                unit,
                &(0..0),
                format!("this script was not checked: {why}"),
                "check its sources",
            );
        }
        let Some(error) = &unit.facts.error else { continue };
        let place = unit.place(&error.span);
        if let Some(sequence) = escape::at_error(survey.text(unit.source), &place) {
            reports.at(
                Code::DoubleEscaped,
                unit.source,
                &sequence,
                "the script was escaped twice, and does not parse",
                "put the script into the page as it is; escape only the values in it, once, as JSON",
            );
            continue;
        }
        // The parser's messages are sentences. Messages here have no full stop and begin in lower case.
        let message = error.message.trim_end_matches('.');
        reports.within(
            Code::ScriptError,
            unit,
            &error.span,
            format!("the script does not parse: {message}"),
            "fix the script; a browser's console shows the same error when it loads the page",
        );
    }
}
