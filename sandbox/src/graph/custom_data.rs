//! Checks of `custom_data` ("Meta Pixel – Reference", standard events and object properties).

use serde_json::{Number, Value};

use crate::graph::refusal::{Refusal, Subcode};

const CONTENT_TYPES: [&str; 2] = ["product", "product_group"];

/// Checks the block. It may be absent, but a Purchase needs value and currency.
pub(super) fn check(custom_data: &Value, event_name: &str) -> Result<(), Refusal> {
    if !matches!(custom_data, Value::Null | Value::Object(_)) {
        return Err(Refusal::parameter("custom_data", "must be an object"));
    }
    check_money(custom_data, event_name)?;
    check_contents(custom_data)?;
    for key in ["predicted_ltv", "net_revenue"] {
        let value = &custom_data[key];
        if !value.is_null() && !is_amount(value) {
            return refuse(key, "must be a number that is not negative");
        }
    }
    match &custom_data["num_items"] {
        Value::Null => {}
        count if count.as_u64().is_some() => {}
        _ => return refuse("num_items", "must be a whole number that is not negative"),
    }
    for key in ["order_id", "search_string", "content_name", "content_category"] {
        if !matches!(custom_data[key], Value::Null | Value::String(_)) {
            return refuse(key, "must be a string");
        }
    }
    Ok(())
}

/// Warnings about accepted data.
pub(super) fn advice(custom_data: &Value) -> Vec<String> {
    let mut advice = Vec::new();
    if custom_data["currency"].as_str().is_some_and(|code| code.bytes().any(|byte| byte.is_ascii_lowercase()))
    {
        advice.push("custom_data.currency should be written in capitals".to_owned());
    }
    advice
}

fn check_money(custom_data: &Value, event_name: &str) -> Result<(), Refusal> {
    let value = &custom_data["value"];
    let currency = &custom_data["currency"];
    if event_name == "Purchase" && (value.is_null() || currency.is_null()) {
        return Err(Refusal::new(
            Subcode::PurchaseWithoutValue,
            if value.is_null() { "custom_data.value" } else { "custom_data.currency" },
            "A Purchase event needs a value and a currency.",
        ));
    }
    if !value.is_null() && !is_amount(value) {
        return refuse("value", "must be a number that is not negative");
    }
    if !value.is_null() && currency.is_null() {
        return Err(Refusal::new(
            Subcode::ValueWithoutCurrency,
            "custom_data.currency",
            "The event has a value without a currency.",
        ));
    }
    match currency {
        Value::Null => Ok(()),
        Value::String(code) if code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_alphabetic()) => {
            Ok(())
        }
        _ => refuse("currency", "must be a three-letter ISO 4217 code"),
    }
}

fn check_contents(custom_data: &Value) -> Result<(), Refusal> {
    match &custom_data["content_ids"] {
        Value::Null => {}
        Value::Array(ids) if ids.iter().all(is_product_id) => {}
        _ => return refuse("content_ids", "must be an array of product IDs"),
    }
    match &custom_data["content_type"] {
        Value::Null => {}
        Value::String(kind) if CONTENT_TYPES.contains(&kind.as_str()) => {}
        _ => return refuse("content_type", "must be product or product_group"),
    }
    let contents = match &custom_data["contents"] {
        Value::Null => return Ok(()),
        Value::Array(contents) => contents,
        _ => return refuse("contents", "must be an array of objects"),
    };
    for (index, item) in contents.iter().enumerate() {
        if !is_product_id(&item["id"]) {
            return refuse(&format!("contents[{index}].id"), "is required");
        }
        if item["quantity"].as_u64().is_none_or(|quantity| quantity == 0) {
            return refuse(
                &format!("contents[{index}].quantity"),
                "is required and must be a whole number above 0",
            );
        }
        if !item["item_price"].is_null() && !is_amount(&item["item_price"]) {
            return refuse(&format!("contents[{index}].item_price"), "must be a number that is not negative");
        }
    }
    Ok(())
}

fn is_product_id(value: &Value) -> bool {
    match value {
        Value::String(id) => !id.is_empty(),
        Value::Number(id) => id.is_u64(),
        _ => false,
    }
}

/// A JSON number, not a string, and not negative.
fn is_amount(value: &Value) -> bool {
    value.as_number().and_then(Number::as_f64).is_some_and(|amount| amount.is_finite() && amount >= 0.0)
}

fn refuse(key: &str, reason: &str) -> Result<(), Refusal> {
    Err(Refusal::parameter(&format!("custom_data.{key}"), reason))
}
