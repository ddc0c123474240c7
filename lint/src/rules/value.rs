//! `purchase_without_value`, `value_not_a_number`, `currency_code`: the value of a conversion.
//!
//! Source: Meta's pixel reference: a Purchase requires `currency` and `value`. The value is a number, the
//! currency is an ISO 4217 code.

use super::number::is_no_number;
use super::tracked::{standard_event, track_calls};
use crate::code::Code;
use crate::reports::Reports;
use crate::script::Value;
use crate::survey::Survey;

/// Keys whose values are amounts.
const AMOUNTS: [&str; 2] = ["value", "predicted_ltv"];

pub(super) fn check(survey: &Survey<'_>, reports: &mut Reports<'_>) {
    for unit in &survey.units {
        for event in track_calls(&unit.facts) {
            let is_purchase = event.name().and_then(|name| standard_event(&name)) == Some("Purchase");
            let (lacks, object) = match event.parameters() {
                None | Some(Value::Nothing) => ("value and currency", None),
                Some(Value::Object(object)) => {
                    let has = |key| {
                        object.is_open || object.get(key).is_some_and(|entry| entry.value != Value::Nothing)
                    };
                    let lacks = match (has("value"), has("currency")) {
                        (true, true) => "",
                        (true, false) => "currency",
                        (false, true) => "value",
                        (false, false) => "value and currency",
                    };
                    (lacks, Some(object))
                }
                Some(_) => ("", None),
            };
            if is_purchase && !lacks.is_empty() {
                reports.within(
                    Code::PurchaseWithoutValue,
                    unit,
                    &event.call.span,
                    format!("Purchase is sent without {lacks}"),
                    "pass both in the third argument: { value: 1499, currency: 'INR' }",
                );
            }
            for entry in object.map(|object| object.entries.as_slice()).unwrap_or_default() {
                let value = unit.facts.resolve(&entry.value);
                if AMOUNTS.contains(&entry.key.as_str()) && is_no_number(&unit.facts, value) {
                    reports.within(
                        Code::ValueNotANumber,
                        unit,
                        &entry.span,
                        format!("{} is not a plain number", entry.key),
                        "pass only the number, with a point before its decimals: 1499 or 1499.5; the sign belongs to currency",
                    );
                }
                if entry.key == "currency" && value.text().is_some_and(|text| !is_code(&text)) {
                    reports.within(
                        Code::CurrencyCode,
                        unit,
                        &entry.span,
                        "the currency is not an ISO 4217 code",
                        "write three letters, such as 'INR'",
                    );
                }
            }
        }
    }
}

fn is_code(text: &str) -> bool {
    text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_alphabetic())
}
