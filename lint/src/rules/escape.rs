//! `double_escaped`: text that was escaped twice, so that escapes reach Meta, or a script no longer parses.

use crate::code::Code;
use crate::html::Script;
use crate::reports::Reports;
use crate::script::{Span, Target};
use crate::survey::{Survey, Unit};

/// An escaped `&`, followed by the rest of an entity.
const TWICE_IN_HTML: [&str; 7] =
    ["&amp;amp;", "&amp;quot;", "&amp;#39;", "&amp;#039;", "&amp;lt;", "&amp;gt;", "&amp;nbsp;"];
/// Entities, which mean nothing in a script.
const ENTITIES: [&str; 7] = ["&amp;", "&quot;", "&#39;", "&#039;", "&lt;", "&gt;", "&nbsp;"];
/// Escapes of JSON and JavaScript. In a text that was escaped once, the parser has replaced them already.
const ESCAPES: [&str; 12] = [
    "\\u0026", "\\u003c", "\\u003C", "\\u003e", "\\u003E", "\\u0027", "\\u0022", "\\u003d", "\\u003D", "\\n",
    "\\\"", "\\/",
];

/// Bytes before and after an error in which the sequence that caused it is looked for.
const NEAR_BYTES: usize = 12;

pub(super) fn check(survey: &Survey<'_>, reports: &mut Reports<'_>) {
    for unit in &survey.units {
        in_calls(unit, reports);
        if unit.is_inline {
            in_texts(unit, reports);
        }
    }
    for view in &survey.views {
        let page = view.page;
        let text = survey.text(page.source);
        for attribute in page.html.attributes.iter().chain(&page.html.handlers) {
            let written = text.get(attribute.span.clone()).unwrap_or_default();
            let is_address = matches!(attribute.name.as_str(), "href" | "src" | "action");
            let found = first(written, &TWICE_IN_HTML)
                .or_else(|| first(written, ESCAPES.get(..9)?).filter(|_| is_address));
            if let Some(found) = found {
                let (name, sequence) = (&attribute.name, written.get(found.clone()).unwrap_or_default());
                reports.at(
                    Code::DoubleEscaped,
                    page.source,
                    &shifted(&found, attribute.span.start),
                    format!("`{sequence}` in the attribute {name}: a browser undoes one escaping only"),
                    "escape the value once, when it is put into the page",
                );
            }
        }
        let data = page.html.scripts.iter().filter_map(|element| match &element.what {
            Script::Data(span) => Some(span),
            _ => None,
        });
        for span in data.chain(&page.html.noscripts) {
            let written = text.get(span.clone()).unwrap_or_default();
            if let Some(found) = first(written, &TWICE_IN_HTML) {
                reports.at(
                    Code::DoubleEscaped,
                    page.source,
                    &shifted(&found, span.start),
                    format!("`{}` was escaped twice", written.get(found.clone()).unwrap_or_default()),
                    "escape the value once, when it is put into the page",
                );
            }
        }
    }
}

/// Checks texts that go to Meta or Tandem.
fn in_calls(unit: &Unit, reports: &mut Reports<'_>) {
    let calls = unit.facts.calls.iter().filter(|call| call.target != Target::Network);
    for call in calls {
        // Texts are in the order of the script.
        let from = unit.facts.texts.partition_point(|text| text.span.start < call.span.start);
        let texts = unit.facts.texts.get(from..).unwrap_or_default();
        for text in texts.iter().take_while(|text| text.span.start < call.span.end) {
            if text.is_escaped_by_design {
                continue;
            }
            let found = first(&text.value, &ESCAPES).or_else(|| first(&text.value, &ENTITIES));
            if let Some(found) = found {
                let sequence = text.value.get(found).unwrap_or_default();
                reports.within(
                    Code::DoubleEscaped,
                    unit,
                    &text.span,
                    format!("`{sequence}` reaches Meta unchanged, as text"),
                    "write values into scripts as JSON, escaped once; HTML entities have no meaning in a script",
                );
            }
        }
    }
}

/// Checks other texts of a page's own scripts. An escape that is the whole text, or is in nested code or JSON, is
/// intended.
fn in_texts(unit: &Unit, reports: &mut Reports<'_>) {
    for text in &unit.facts.texts {
        let is_code = text.value.contains(['"', '{', '[', '(', ';']) && !text.value.contains("&amp;amp;");
        if text.is_escaped_by_design || is_code {
            continue;
        }
        let found = first(&text.value, ESCAPES.get(..9).unwrap_or_default())
            .filter(|found| found.len() < text.value.len())
            .or_else(|| first(&text.value, &TWICE_IN_HTML));
        if let Some(found) = found {
            let sequence = text.value.get(found).unwrap_or_default();
            reports.within(
                Code::DoubleEscaped,
                unit,
                &text.span,
                format!("`{sequence}` is part of this text: it was escaped twice"),
                "write values into scripts as JSON, escaped once",
            );
        }
    }
}

/// The bytes of the escape because of which a script does not parse.
pub(super) fn at_error(text: &str, error: &Span) -> Option<Span> {
    let floor = |mut at: usize| {
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let start = floor(error.start.saturating_sub(NEAR_BYTES));
    let end = floor(error.start.saturating_add(NEAR_BYTES).min(text.len()));
    let near = text.get(start..end)?;
    let entity = first(near, &ENTITIES);
    // Outside of texts, a backslash is valid only in an identifier's \u.
    let after = text.get(floor(error.start.saturating_sub(1))..end)?;
    let backslash = || {
        let at = after.find("\\n").or_else(|| after.find("\\\"")).or_else(|| after.find("\\t"))?;
        let at = floor(error.start.saturating_sub(1)) - start + at;
        Some(at..at + 2)
    };
    Some(shifted(&entity.or_else(backslash)?, start))
}

/// The bytes of the first of `sequences` in a text.
fn first(text: &str, sequences: &[&str]) -> Option<Span> {
    sequences
        .iter()
        .filter_map(|sequence| text.find(sequence).map(|at| at..at + sequence.len()))
        .min_by_key(|found| found.start)
}

fn shifted(span: &Span, by: usize) -> Span {
    span.start + by..span.end + by
}
