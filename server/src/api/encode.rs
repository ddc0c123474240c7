//! Turns core types into messages. The page fires the same data that the server sends.

use tandem_core::custom_data::{CustomData, Experiment};
use tandem_core::id::{EventId, EventName, OrderId};
use tandem_core::money::Money;
use tandem_core::order::PurchaseState;
use tandem_proto::v1;

pub(super) fn browser_event(name: &EventName, id: &EventId, data: &CustomData) -> v1::BrowserEvent {
    v1::BrowserEvent {
        event_name: name.as_str().to_owned(),
        event_id: id.as_str().to_owned(),
        custom_data: Some(custom_data(data)),
        custom: !name.is_standard(),
    }
}

/// `custom_data` as a message. The experiment becomes properties.
fn custom_data(data: &CustomData) -> v1::CustomData {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    v1::CustomData {
        value: data.value.map(money),
        content_ids: data.content_ids.clone(),
        contents: data
            .contents
            .iter()
            .map(|line| v1::Content {
                id: line.id.clone(),
                quantity: line.quantity,
                item_price: line.item_price.map(money),
            })
            .collect(),
        content_type: text(&data.content_type),
        content_name: text(&data.content_name),
        content_category: text(&data.content_category),
        num_items: data.num_items,
        search_string: text(&data.search_string),
        status: text(&data.status),
        predicted_ltv: data.predicted_ltv.map(money),
        properties: experiment(&data.experiment).chain(properties(&data.properties)).collect(),
        order_id: data.order_id.as_ref().map(OrderId::as_str).unwrap_or_default().to_owned(),
    }
}

fn experiment(experiment: &Experiment) -> impl Iterator<Item = v1::Property> + '_ {
    let fields = experiment.fields().into_iter().filter(|(_, value)| !value.is_empty());
    fields.map(|(key, value)| v1::Property { key: key.to_owned(), value: value.to_owned() })
}

fn properties(properties: &[(String, String)]) -> impl Iterator<Item = v1::Property> + '_ {
    properties.iter().map(|(key, value)| v1::Property { key: key.clone(), value: value.clone() })
}

pub(super) fn money(money: Money) -> v1::Money {
    v1::Money { amount: money.decimal(), currency_code: money.currency.as_str().to_owned() }
}

pub(super) fn purchase_state(state: PurchaseState) -> v1::PurchaseState {
    match state {
        PurchaseState::Pending => v1::PurchaseState::Pending,
        PurchaseState::Verified => v1::PurchaseState::Verified,
        PurchaseState::Failed => v1::PurchaseState::Failed,
        PurchaseState::Refunded => v1::PurchaseState::Refunded,
    }
}
