//! Reads back what this module wrote, so that a repeated call gets the answer of the first.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use crate::currency::Currency;
use crate::custom_data::{Content, CustomData, Experiment};
use crate::id::OrderId;
use crate::money::Money;

/// Meta's name of the field that keeps an event out of optimisation (Meta, server event parameters).
pub(super) const OPT_OUT: &str = "opt_out";

/// An object's fields, each as it is written.
pub(super) fn fields(json: &str) -> Option<BTreeMap<String, Box<RawValue>>> {
    serde_json::from_str(json).ok()
}

/// Whether an event's stored `public_json` says `opt_out`.
pub fn is_opted_out(public_json: &str) -> bool {
    let event: BTreeMap<String, serde_json::Value> = serde_json::from_str(public_json).unwrap_or_default();
    event.get(OPT_OUT) == Some(&serde_json::Value::Bool(true))
}

/// Reads `custom_data` back from an event's stored `public_json`. `None` when the event has no `custom_data`.
pub fn read_custom_data(public_json: &str) -> Option<CustomData> {
    fn text(raw: &RawValue) -> Option<String> {
        serde_json::from_str(raw.get()).ok()
    }

    let event = fields(public_json)?;
    let json = event.get("custom_data")?;
    let fields_found = fields(json.get())?;
    let currency = fields_found.get("currency").and_then(|raw| Currency::parse(&text(raw)?).ok());
    let money = |raw: &RawValue| Money::parse(raw.get(), currency?).ok();

    let mut data = CustomData::default();
    for (key, raw) in &fields_found {
        match key.as_str() {
            "currency" => {}
            "value" => data.value = money(raw),
            "predicted_ltv" => data.predicted_ltv = money(raw),
            "content_ids" => data.content_ids = serde_json::from_str(raw.get()).unwrap_or_default(),
            "contents" => {
                let lines: Vec<Box<RawValue>> = serde_json::from_str(raw.get()).unwrap_or_default();
                data.contents = lines
                    .iter()
                    .filter_map(|line| {
                        let line = fields(line.get())?;
                        Some(Content {
                            id: text(line.get("id")?)?,
                            quantity: line.get("quantity")?.get().parse().ok()?,
                            item_price: line.get("item_price").and_then(|raw| money(raw)),
                        })
                    })
                    .collect();
            }
            "num_items" => data.num_items = raw.get().parse().ok(),
            "order_id" => data.order_id = text(raw).and_then(|id| OrderId::parse(&id).ok()),
            "experiment_id" => set(&mut data.experiment, |e| &mut e.experiment_id, text(raw)),
            "variant" => set(&mut data.experiment, |e| &mut e.variant, text(raw)),
            "test_group" => set(&mut data.experiment, |e| &mut e.test_group, text(raw)),
            name => match data.text_mut(name) {
                Some(field) => *field = text(raw),
                None => data.properties.extend(text(raw).map(|value| (key.clone(), value))),
            },
        }
    }
    Some(data)
}

fn set(
    experiment: &mut Experiment,
    field: impl FnOnce(&mut Experiment) -> &mut String,
    value: Option<String>,
) {
    if let Some(value) = value {
        *field(experiment) = value;
    }
}
