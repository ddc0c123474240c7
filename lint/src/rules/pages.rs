//! `other_pixel`, `page_without_pixel`, `late_base_code`: what only shows when the pages of a shop stand side by side, and
//! where the base code stands.
//!
//! Source: Meta, "Get Started" with the pixel: the base code belongs on every page, between the tags of `head`.

use std::collections::{HashMap, HashSet};

use super::pixel::{PixelId, is_init, pixel_id};
use crate::code::Code;
use crate::html::Script;
use crate::reports::Reports;
use crate::script::{Facts, Span, Target, Value, insides};
use crate::survey::{Survey, View};

/// Words of template engines that bring in a text from elsewhere, which may contain the pixel.
const PARTS: [&str; 13] = [
    "include",
    "require",
    "extends",
    "render",
    "section",
    "layout",
    "block",
    "yield",
    "get_header",
    "wp_head",
    "content_for",
    "partial",
    ">",
];

pub(super) fn check(survey: &Survey<'_>, reports: &mut Reports<'_>) {
    let ids: Vec<Vec<Named>> = survey.views.iter().map(|view| named(survey, view)).collect();
    other_pixel(survey, &ids, reports);
    without_pixel(survey, reports);
    for view in &survey.views {
        late_base_code(survey, view, reports);
    }
}

/// A pixel that a page names, and where.
struct Named {
    id: String,
    source: usize,
    place: Span,
    /// Tandem is given the ID, not the page's own `init`.
    is_tandem: bool,
}

fn named(survey: &Survey<'_>, view: &View<'_>) -> Vec<Named> {
    let mut named = Vec::new();
    for unit in view.runs.iter().filter_map(|run| survey.units.get(run.unit)) {
        for call in &unit.facts.calls {
            let (id, span, is_tandem) = if is_init(call) {
                let Some(PixelId::Known(id)) = pixel_id(call, &unit.facts) else { continue };
                (id, call.argument_span(1), false)
            } else {
                let Some((id, span)) = connected(&unit.facts, call) else { continue };
                (id, span, true)
            };
            named.push(Named { id, source: unit.source, place: unit.place(&span), is_tandem });
        }
    }
    let attributes = view.page.html.attributes.iter().filter(|attribute| attribute.name == "data-pixel-id");
    named.extend(attributes.map(|attribute| Named {
        id: attribute.value.trim().to_owned(),
        source: view.page.source,
        place: attribute.span.clone(),
        is_tandem: true,
    }));
    named.retain(|named| !named.id.is_empty() && named.id.bytes().all(|byte| byte.is_ascii_digit()));
    named
}

/// The pixel that `Tandem.connect` is given.
fn connected(facts: &Facts, call: &crate::script::Call) -> Option<(String, Span)> {
    if !matches!(&call.target, Target::Tandem(method) if method == "connect") {
        return None;
    }
    let Value::Object(options) = facts.resolve(call.value(0)?) else { return None };
    let entry = options.get("pixelId")?;
    let id = match facts.resolve(&entry.value) {
        Value::Number(number) => number.to_string(),
        other => other.text()?,
    };
    // The place of the value is known only if the object is written in the call.
    let span = Some(entry.span.clone()).filter(|span| call.span.contains(&span.start));
    Some((id, span.unwrap_or_else(|| call.argument_span(0))))
}

fn other_pixel(survey: &Survey<'_>, ids: &[Vec<Named>], reports: &mut Reports<'_>) {
    for page in ids {
        let Some(own) = page.iter().find(|named| !named.is_tandem) else { continue };
        for tandem in page.iter().filter(|named| named.is_tandem && named.id != own.id) {
            reports.at(
                Code::SeveralPixels,
                tandem.source,
                &tandem.place,
                "Tandem is given another pixel than the page's init",
                "write the same pixel's ID into both",
            );
        }
    }
    let firsts: Vec<&Named> = ids.iter().filter_map(|page| page.first()).collect();
    let mut pages: HashMap<&str, usize> = HashMap::new();
    for first in &firsts {
        *pages.entry(first.id.as_str()).or_default() += 1;
    }
    let most = pages.values().copied().max().unwrap_or(0);
    // Of two pixels with as many pages, the shop's is the one that comes first.
    let Some(usual) = firsts.iter().find(|first| pages.get(first.id.as_str()) == Some(&most)) else { return };
    let example = survey.shop.sources.get(usual.source).map_or("", crate::source::Source::name);
    for first in firsts.iter().filter(|first| first.id != usual.id) {
        reports.at(
            Code::OtherPixel,
            first.source,
            &first.place,
            format!("this page has another pixel than {example}"),
            "write the same pixel's ID into all pages of the shop",
        );
    }
}

fn without_pixel(survey: &Survey<'_>, reports: &mut Reports<'_>) {
    let (with, without): (Vec<&View<'_>>, Vec<&View<'_>>) =
        survey.views.iter().partition(|view| has_pixel(survey, view));
    let missing: Vec<&View<'_>> = without.into_iter().filter(|view| is_whole(survey, view)).collect();
    if with.is_empty() || missing.len() > with.len() {
        return;
    }
    let known: HashSet<&str> = with.iter().flat_map(|view| unread(view)).collect();
    for view in missing {
        // A script that was not read may bring the pixel.
        let head = view.page.html.head.unwrap_or_default();
        let before = survey.text(view.page.source).get(..head).unwrap_or_default();
        if unread(view).all(|address| known.contains(address) && !address.contains("googletagmanager")) {
            reports.at(
                Code::PageWithoutPixel,
                view.page.source,
                &(before.rfind('<').unwrap_or(0)..head),
                "the page has neither the pixel nor Tandem, which other pages of the shop have",
                "put the base code, or Tandem's script, into the head of every page",
            );
        }
    }
}

fn has_pixel(survey: &Survey<'_>, view: &View<'_>) -> bool {
    let units = view.runs.iter().filter_map(|run| survey.units.get(run.unit));
    let in_scripts = |facts: &Facts| {
        !facts.defines.is_empty()
            || facts.calls.iter().any(|call| matches!(call.target, Target::Fbq | Target::Tandem(_)))
            || facts.imports.iter().any(|(name, _)| name == "tandem-web")
    };
    let html = &view.page.html;
    units.into_iter().any(|unit| in_scripts(&unit.facts))
        || html.attributes.iter().any(|attribute| attribute.name == "data-pixel-id")
        || html.noscripts.iter().any(|span| {
            survey
                .text(view.page.source)
                .get(span.clone())
                .is_some_and(|text| text.contains("facebook.com/tr"))
        })
}

/// Whether the file is a page from its head to its end, and no other text is put into it.
fn is_whole(survey: &Survey<'_>, view: &View<'_>) -> bool {
    let text = survey.text(view.page.source);
    let html = &view.page.html;
    html.head.is_some()
        && html.body.is_some()
        && !text.contains("googletagmanager.com")
        && !insides(text).any(|inside| PARTS.iter().any(|part| inside.contains(part)))
}

/// The addresses of a page's scripts that were not read.
fn unread<'v>(view: &'v View<'_>) -> impl Iterator<Item = &'v str> {
    let page = view.page;
    page.html.scripts.iter().enumerate().filter_map(|(i, element)| match &element.what {
        Script::External(address) if !page.loads.contains_key(&i) => Some(address.as_str()),
        _ => None,
    })
}

fn late_base_code(survey: &Survey<'_>, view: &View<'_>, reports: &mut Reports<'_>) {
    let html = &view.page.html;
    let (Some(content), Some(_)) = (html.content, html.head) else { return };
    let first = view
        .runs
        .iter()
        .filter_map(|run| survey.units.get(run.unit))
        .find(|unit| !unit.facts.defines.is_empty());
    let Some(unit) = first.filter(|unit| unit.is_inline && !unit.is_held) else { return };
    let starts =
        unit.facts.calls.iter().any(|call| is_init(call) && call.runs_at_once() && call.branches.is_empty());
    let Some(define) = unit.facts.defines.iter().min().filter(|_| starts) else { return };
    if unit.place(&(*define..*define)).start > content {
        reports.within(
            Code::LateBaseCode,
            unit,
            &(*define..*define),
            "the base code stands after the page's content",
            "move it into the head",
        );
    }
}
