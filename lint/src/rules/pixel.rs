//! `track_single`, `repeated_init`, `several_pixels`, `missing_noscript`: each page sets up one pixel, once.

use super::tracked::{method, track_calls};
use crate::code::Code;
use crate::reports::Reports;
use crate::script::{Call, Facts, Target, Value};
use crate::survey::{Survey, Unit, View};

pub(super) fn check(survey: &Survey<'_>, reports: &mut Reports<'_>) {
    for unit in &survey.units {
        for event in track_calls(&unit.facts) {
            let instead = match event.method {
                "trackSingle" => "track",
                "trackSingleCustom" => "trackCustom",
                _ => continue,
            };
            reports.within(
                Code::TrackSingle,
                unit,
                &event.call.span,
                format!("{} is used", event.method),
                format!(
                    "keep one pixel per page, and call fbq('{instead}', name, parameters, {{eventID}}) without the pixel's ID"
                ),
            );
        }
    }
    for group in survey.groups() {
        inits(survey, &group, reports);
    }
    for view in &survey.views {
        noscript(survey, view, reports);
    }
}

/// The ID that an `init` names: digits, or the name of the variable that contains them.
#[derive(Debug, PartialEq)]
pub(super) enum PixelId {
    Known(String),
    Named(String),
}

pub(super) fn pixel_id(call: &Call, facts: &Facts) -> Option<PixelId> {
    match facts.resolve(call.value(1)?) {
        Value::Number(number) => Some(PixelId::Known(number.to_string())),
        Value::Name(name) => Some(PixelId::Named(name.clone())),
        other => other.text().map(|text| PixelId::Known(text.trim().to_owned())),
    }
}

pub(super) fn is_init(call: &Call) -> bool {
    method(call).as_deref() == Some("init")
}

fn inits(survey: &Survey<'_>, group: &[&Unit], reports: &mut Reports<'_>) {
    let mut earlier: Vec<(&Unit, &Call, PixelId)> = Vec::new();
    for unit in group {
        for call in unit.facts.calls.iter().filter(|call| is_init(call)) {
            let Some(id) = pixel_id(call, &unit.facts) else { continue };
            let clash = earlier.iter().find(|(other_unit, other, other_id)| {
                let is_same_script = std::ptr::eq(*other_unit, *unit);
                !survey.are_alternatives((*unit, call), (*other_unit, *other))
                    && clashes(&id, other_id, is_same_script)
            });
            match clash {
                Some((_, _, other)) if *other == id => reports.within(
                    Code::RepeatedInit,
                    unit,
                    &call.span,
                    "the pixel is initialised a second time",
                    "keep the first init, pass all matching data to it, and remove this one",
                ),
                Some(_) => reports.within(
                    Code::SeveralPixels,
                    unit,
                    &call.argument_span(1),
                    "a second pixel is initialised",
                    "keep one pixel per page",
                ),
                None => {}
            }
            // A few calls are enough to compare with.
            if earlier.len() < 16 {
                earlier.push((unit, call, id));
            }
        }
    }
}

/// Whether two `init` calls certainly conflict: both IDs are known, or both are one variable of one script. Other
/// variables may contain any ID.
fn clashes(id: &PixelId, other: &PixelId, is_same_script: bool) -> bool {
    match (id, other) {
        (PixelId::Known(_), PixelId::Known(_)) => true,
        (PixelId::Named(name), PixelId::Named(other)) => is_same_script && name == other,
        _ => false,
    }
}

/// Whether the pixel starts only when the visitor allows it. Then an image that always loads would be wrong.
fn waits(survey: &Survey<'_>, view: &View<'_>, unit: &Unit, init: &Call) -> bool {
    let asks = |unit: &Unit| {
        unit.facts.calls.iter().any(|call| match &call.target {
            Target::Fbq => {
                method(call).as_deref() == Some("consent")
                    && call.value(1).and_then(Value::text).as_deref() == Some("revoke")
            }
            Target::Tandem(method) if method == "connect" => {
                let options = call.value(0).map(|value| unit.facts.resolve(value));
                matches!(options, Some(Value::Object(options)) if options.get("consentRequired").is_some())
            }
            _ => false,
        })
    };
    // An init behind a condition or in a function, unless it is on both sides of the condition.
    let inits = unit.facts.calls.iter().filter(|call| is_init(call));
    let is_conditional = init.branches.iter().any(|branch| branch.is_condition)
        && !inits.into_iter().any(|other| other.excludes(init));
    unit.is_held
        || is_conditional
        || !init.runs_at_once()
        || view.runs.iter().filter_map(|run| survey.units.get(run.unit)).any(asks)
        || view.page.html.attributes.iter().any(|attribute| attribute.name == "data-consent-required")
}

/// Checks the fallback image, which must be in the same HTML as the base code. Bundles are not checked.
fn noscript(survey: &Survey<'_>, view: &View<'_>, reports: &mut Reports<'_>) {
    let page = view.page;
    let init = view.runs.iter().find_map(|run| {
        let unit = survey.units.get(run.unit).filter(|unit| unit.is_inline)?;
        let call = unit.facts.calls.iter().find(|call| is_init(call))?;
        Some((unit, call))
    });
    let Some((unit, call)) = init else { return };
    let text = survey.text(page.source);
    let images: Vec<_> = page
        .html
        .noscripts
        .iter()
        .filter(|span| {
            let written = text.get((*span).clone()).unwrap_or_default();
            written.contains("facebook.com/tr?") || written.contains("facebook.com/tr/?")
        })
        .collect();
    if images.is_empty() && !waits(survey, view, unit, call) {
        reports.within(
            Code::MissingNoscript,
            unit,
            &call.span,
            "the page initialises the pixel, but has no noscript image for it",
            "add <noscript><img height=\"1\" width=\"1\" style=\"display:none\" \
             src=\"https://www.facebook.com/tr?id=PIXEL_ID&amp;ev=PageView&amp;noscript=1\"></noscript>",
        );
    }
    let Some(PixelId::Known(id)) = pixel_id(call, &unit.facts) else { return };
    for image in images {
        let written = text.get(image.clone()).unwrap_or_default();
        let Some(at) = written.find("tr?id=").or_else(|| written.find("tr/?id=")) else { continue };
        let start = at + written.get(at..).and_then(|rest| rest.find('=')).unwrap_or(0) + 1;
        let rest = written.get(start..).unwrap_or_default();
        let other = rest.split(['&', '"', '\'', ' ']).next().unwrap_or_default();
        if !other.is_empty() && other != id && other.bytes().all(|byte| byte.is_ascii_digit()) {
            reports.at(
                Code::SeveralPixels,
                page.source,
                &(image.start + start..image.start + start + other.len()),
                "the noscript image belongs to another pixel than the script's init",
                "write the same pixel's ID into both",
            );
        }
    }
}
