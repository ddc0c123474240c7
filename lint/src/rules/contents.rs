//! `list_as_text`: lists that are text. Also prices in `contents`.
//!
//! Source: Meta's pixel reference: `content_ids` is an array, `contents` an array of objects.

use super::number::{DEPTH_MAX, is_no_number};
use super::tracked::{event_objects, folded};
use crate::code::Code;
use crate::reports::Reports;
use crate::script::{Facts, Part, Value};
use crate::survey::Survey;

/// Keys whose values are lists, folded: the package writes `contentIds`, Meta `content_ids`.
const LISTS: [&str; 2] = ["contentids", "contents"];

pub(super) fn check(survey: &Survey<'_>, reports: &mut Reports<'_>) {
    for unit in &survey.units {
        let facts = &unit.facts;
        for object in event_objects(facts) {
            let lists = object.entries.iter().filter(|entry| LISTS.contains(&folded(&entry.key).as_str()));
            for entry in lists {
                let value = facts.resolve(&entry.value);
                if is_text(facts, value, DEPTH_MAX) {
                    let help = match entry.key.as_str() {
                        "contents" => "pass an array of objects: [{ id: 'deck', quantity: 1 }]",
                        _ => "pass an array: ['deck', 'sleeves']",
                    };
                    reports.within(
                        Code::ListAsText,
                        unit,
                        &entry.span,
                        format!("{} is text, not an array", entry.key),
                        help,
                    );
                }
                let Value::List(lines) = value else { continue };
                let lines = lines.iter().filter_map(|line| match facts.resolve(line) {
                    Value::Object(line) => line.get("item_price").or_else(|| line.get("itemPrice")),
                    _ => None,
                });
                for price in lines.filter(|price| is_no_number(facts, facts.resolve(&price.value))) {
                    reports.within(
                        Code::ValueNotANumber,
                        unit,
                        &price.span,
                        "an item's price is not a plain number",
                        "pass only the number, with a point before its decimals: 1499 or 1499.5",
                    );
                }
            }
        }
    }
}

/// Whether a value is certainly several IDs, or a list of objects, as one text. A text with one ID may be right.
/// `depth`: how many values may be followed from one to the next.
fn is_text(facts: &Facts, value: &Value, depth: u8) -> bool {
    let Some(depth) = depth.checked_sub(1) else { return false };
    match value {
        Value::Text(parts) => {
            let is_list = |text: &str| text.trim_start().starts_with(['[', '{']) || text.contains(',');
            let is_json = |value: &Value| match value {
                Value::Filled(filled) => {
                    filled.steps.last().is_some_and(|step| step.name.to_ascii_lowercase().contains("json"))
                }
                value => is_text(facts, value, depth),
            };
            parts.iter().any(|part| match part {
                Part::Fixed(text) => is_list(text),
                Part::Value(value) => is_json(facts.resolve(value)),
            })
        }
        Value::Call(name, arguments) => {
            name == "JSON.stringify"
                || (name.rsplit('.').next() == Some("join") && arguments.len() < 2)
                || (name == "toString" && arguments.is_empty())
        }
        _ => false,
    }
}
