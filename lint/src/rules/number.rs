//! Whether a value is certainly no number: money as people read it, `NaN`, words.

use super::tracked::folded;
use crate::script::{Facts, Filled, Part, Step, Value};

/// Most values that are followed from one to the next. A value can depend on itself: `var price = +price`.
pub(super) const DEPTH_MAX: u8 = 8;
/// Filters and functions of template engines that keep money as it is written: they quote, escape or trim it.
const KEEPS: [&str; 30] = [
    "json",
    "tojson",
    "jsonencode",
    "wpjsonencode",
    "e",
    "h",
    "raw",
    "safe",
    "escape",
    "escapejs",
    "escapeonce",
    "escjs",
    "escattr",
    "eschtml",
    "htmlspecialchars",
    "htmlentities",
    "htmlsafe",
    "striphtml",
    "striptags",
    "stripnewlines",
    "noescape",
    "default",
    "append",
    "prepend",
    "string",
    "strval",
    "addslashes",
    "js",
    "trim",
    "printf",
];
/// The names with which formatted money begins, in Liquid, Twig, Handlebars, PHP, Rails and scripts.
const FORMATS: [&str; 12] = [
    "money",
    "currency",
    "formatprice",
    "formatmoney",
    "formatcurrency",
    "formattedprice",
    "wcprice",
    "numbertocurrency",
    "numberwithdelimiter",
    "intcomma",
    "tolocalestring",
    "pricehtml",
];
/// Names of fields and methods that contain money as people read it.
const FORMATTED: [&str; 5] = ["formatted", "pricehtml", "carttotal", "cartsubtotal", "tolocalestring"];

/// Whether a value is certainly not a number when the event is sent.
pub(super) fn is_no_number(facts: &Facts, value: &Value) -> bool {
    no_number(facts, value, DEPTH_MAX)
}

/// [`is_no_number`], with the number of steps that are left.
fn no_number(facts: &Facts, value: &Value, depth: u8) -> bool {
    let Some(depth) = depth.checked_sub(1) else { return false };
    match value {
        Value::Number(number) => !number.is_finite(),
        Value::Text(parts) => match value.text() {
            Some(text) => !is_plain(text.trim()),
            None => parts.iter().any(|part| match part {
                Part::Fixed(text) => {
                    text.chars().any(|c| !c.is_ascii_digit() && !matches!(c, '.' | '-' | '+' | ' '))
                }
                Part::Value(value) => no_number(facts, facts.resolve(value), depth),
            }),
        },
        Value::Filled(filled) => is_formatted(filled),
        Value::Call(name, arguments) => {
            let first = arguments.first().map(|value| facts.resolve(value));
            match name.rsplit('.').next().unwrap_or_default() {
                // The result is NaN, or ends at the first separator.
                "parseFloat" | "parseInt" => first.is_some_and(|value| is_cut_short(facts, value, depth)),
                "Number" => first.is_some_and(|value| no_number(facts, value, depth)),
                // `useGrouping: false` gives a plain number.
                "toLocaleString" => arguments.get(1).is_none_or(|options| match facts.resolve(options) {
                    Value::Object(options) => !options.is_open && options.get("useGrouping").is_none(),
                    _ => false,
                }),
                "format" => name == "format",
                last => is_format(&folded(last)),
            }
        }
        Value::Object(_) | Value::List(_) => true,
        _ => false,
    }
}

/// Whether a text is a number with a point before its decimals.
fn is_plain(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '.' | '-' | '+'))
        && text.parse::<f64>().is_ok_and(f64::is_finite)
}

/// Whether `parseFloat` does not read the whole amount: it stops at the first sign that is no part of a number.
fn is_cut_short(facts: &Facts, value: &Value, depth: u8) -> bool {
    match value {
        Value::Text(parts) => match value.text() {
            Some(text) => {
                let rest = text.trim().trim_start_matches(['+', '-']);
                let digits = rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
                digits.len() == rest.len() || digits.starts_with(',')
            }
            None => parts.iter().any(|part| match part {
                Part::Fixed(_) => false,
                Part::Value(value) => no_number(facts, facts.resolve(value), depth),
            }),
        },
        other => no_number(facts, other, depth),
    }
}

/// Whether what a template fills in is money as people read it. A step that is not known may mend it.
fn is_formatted(filled: &Filled) -> bool {
    let last = filled.name.rsplit('.').next().map(folded).unwrap_or_default();
    let starts = FORMATTED.iter().any(|name| last.contains(name));
    filled.steps.iter().fold(starts, |is_formatted, step| {
        let name = folded(&step.name);
        if name == "numberformat" {
            has_separators(step)
        } else if is_format(&name) {
            true
        } else {
            let trims_signs = name == "trim" && !step.arguments.is_empty();
            is_formatted && !trims_signs && KEEPS.contains(&name.as_str())
        }
    })
}

fn is_format(folded_name: &str) -> bool {
    FORMATS.iter().any(|name| folded_name.starts_with(name))
}

/// PHP's and Twig's `number_format`: without arguments for them, a point stands before decimals, and commas between
/// thousands.
fn has_separators(step: &Step) -> bool {
    let point = step.arguments.get(1).map_or(".", String::as_str);
    let thousands = step.arguments.get(2).map_or(",", String::as_str);
    point != "." || !thousands.is_empty()
}
