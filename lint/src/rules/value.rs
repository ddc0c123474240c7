//! `purchase_without_value`, `value_not_a_number`, `currency_code`: the value of a conversion.
//!
//! Source: Meta's pixel reference: a Purchase requires `currency` and `value`. The value is a number, the
//! currency is an ISO 4217 code.

use super::number::is_no_number;
use tandem_core::id::EventName;

use super::tracked::{event_objects, folded, track_calls};
use crate::code::Code;
use crate::html::Attribute;
use crate::reports::Reports;
use crate::script::{Facts, Object, Value, pieces};
use crate::survey::{Survey, Unit};

/// Keys whose values are amounts, folded: the package writes `predictedLtv`, Meta `predicted_ltv`.
const AMOUNTS: [&str; 2] = ["value", "predictedltv"];

const NUMBER: &str =
    "pass only the number, with a point before its decimals: 1499 or 1499.5; the sign belongs to currency";
const CURRENCY: &str = "write three letters, such as 'INR'";

pub(super) fn check(survey: &Survey<'_>, reports: &mut Reports<'_>) {
    for unit in &survey.units {
        purchases(unit, reports);
        for object in event_objects(&unit.facts) {
            amounts(unit, object, reports);
        }
    }
    for view in &survey.views {
        for attribute in view.page.html.marked.iter().flatten() {
            form(view.page.source, attribute, reports);
        }
    }
}

fn purchases(unit: &Unit, reports: &mut Reports<'_>) {
    for event in track_calls(&unit.facts) {
        if event.name().and_then(|name| EventName::standard(&name)) != Some("Purchase") {
            continue;
        }
        let lacks = match event.parameters() {
            None | Some(Value::Nothing) => "value and currency",
            Some(Value::Object(object)) => {
                let has = |key| {
                    object.is_open || object.get(key).is_some_and(|entry| entry.value != Value::Nothing)
                };
                match (has("value"), has("currency")) {
                    (true, true) => continue,
                    (true, false) => "currency",
                    (false, true) => "value",
                    (false, false) => "value and currency",
                }
            }
            Some(_) => continue,
        };
        reports.within(
            Code::PurchaseWithoutValue,
            unit,
            &event.call.span,
            format!("Purchase is sent without {lacks}"),
            "pass both in the third argument: { value: 1499, currency: 'INR' }",
        );
    }
}

fn amounts(unit: &Unit, object: &Object, reports: &mut Reports<'_>) {
    for entry in &object.entries {
        let value = unit.facts.resolve(&entry.value);
        let is_amount = AMOUNTS.contains(&folded(&entry.key).as_str());
        if is_amount && is_no_number(&unit.facts, value) {
            let message = format!("{} is not a plain number", entry.key);
            reports.within(Code::ValueNotANumber, unit, &entry.span, message, NUMBER);
        }
        if entry.key == "currency" && value.text().is_some_and(|text| !is_code(&text)) {
            let message = "the currency is not an ISO 4217 code";
            reports.within(Code::CurrencyCode, unit, &entry.span, message, CURRENCY);
        }
    }
}

/// Checks an attribute of a form that Tandem reports.
fn form(source: usize, attribute: &Attribute, reports: &mut Reports<'_>) {
    let value = Value::Text(pieces(&attribute.value));
    if value == Value::Text(Vec::new()) {
        return;
    }
    match attribute.name.as_str() {
        "data-value" if is_no_number(&Facts::default(), &value) => {
            let message = "data-value is not a plain number";
            reports.at(Code::ValueNotANumber, source, &attribute.span, message, NUMBER);
        }
        "data-currency" if value.text().is_some_and(|text| !is_code(text.trim())) => {
            let message = "the currency is not an ISO 4217 code";
            reports.at(Code::CurrencyCode, source, &attribute.span, message, CURRENCY);
        }
        _ => {}
    }
}

fn is_code(text: &str) -> bool {
    text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_alphabetic())
}
