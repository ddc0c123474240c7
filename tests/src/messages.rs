//! Requests as pages and internal services write them.

use tandem_proto::v1::{
    CaptureLeadRequest, Content, CustomData, Money, RecordPurchaseRequest, TrackEventRequest,
};

use crate::Person;

/// A fresh event ID as a page makes one.
#[must_use]
pub fn event_id() -> String {
    uuid::Uuid::now_v7().to_string()
}

/// A fresh order ID in Cashfree's alphabet.
#[must_use]
pub fn order_id() -> String {
    format!("KB-{}", &uuid::Uuid::new_v4().simple().to_string()[..12])
}

#[must_use]
pub fn rupees(amount: &str) -> Money {
    Money { amount: amount.to_owned(), currency_code: "INR".to_owned() }
}

/// What a page says about one deck that costs `amount` rupees.
#[must_use]
pub fn deck(amount: &str) -> CustomData {
    CustomData {
        value: Some(rupees(amount)),
        content_ids: vec!["deck".to_owned()],
        contents: vec![Content { id: "deck".to_owned(), quantity: 1, item_price: Some(rupees(amount)) }],
        content_type: "product".to_owned(),
        content_name: "The Dusk Deck".to_owned(),
        num_items: Some(1),
        ..CustomData::default()
    }
}

/// A lead worth 1,499 rupees with an ID of the page's own.
#[must_use]
pub fn lead(person: &Person) -> CaptureLeadRequest {
    CaptureLeadRequest {
        user: Some(person.user()),
        custom_data: Some(CustomData {
            value: Some(rupees("1499.00")),
            content_name: "Newsletter".to_owned(),
            ..CustomData::default()
        }),
        client_event_id: event_id(),
        ..CaptureLeadRequest::default()
    }
}

/// An event other than Lead and Purchase, with an ID of the page's own.
#[must_use]
pub fn event(name: &str, amount: &str) -> TrackEventRequest {
    TrackEventRequest {
        event_name: name.to_owned(),
        custom_data: Some(deck(amount)),
        client_event_id: event_id(),
        ..TrackEventRequest::default()
    }
}

/// A purchase: a claim from a stranger, a fact from an internal caller.
#[must_use]
pub fn purchase(order_id: &str, amount: &str) -> RecordPurchaseRequest {
    RecordPurchaseRequest {
        order_id: order_id.to_owned(),
        custom_data: Some(deck(amount)),
        ..RecordPurchaseRequest::default()
    }
}
