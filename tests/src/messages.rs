//! Requests like those of pages and internal services.

use tandem_proto::v1::{
    CaptureLeadRequest, Content, CustomData, Money, RecordPurchaseRequest, TrackEventRequest,
};

use crate::Person;

/// A new event ID, made as a page makes it.
#[must_use]
pub fn event_id() -> String {
    uuid::Uuid::now_v7().to_string()
}

/// A new order ID in Cashfree's alphabet.
#[must_use]
pub fn order_id() -> String {
    format!("KB-{}", &uuid::Uuid::new_v4().simple().to_string()[..12])
}

#[must_use]
pub fn rupees(amount: &str) -> Money {
    Money { amount: amount.to_owned(), currency_code: "INR".to_owned() }
}

/// The `custom_data` of a page that sells one deck for `amount` rupees.
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

/// A lead worth 1,499 rupees, with a new event ID.
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

/// An event other than Lead and Purchase, with a new event ID.
#[must_use]
pub fn event(name: &str, amount: &str) -> TrackEventRequest {
    TrackEventRequest {
        event_name: name.to_owned(),
        custom_data: Some(deck(amount)),
        client_event_id: event_id(),
        ..TrackEventRequest::default()
    }
}

/// A purchase. From a stranger it is a claim, from an internal caller a merchant report.
#[must_use]
pub fn purchase(order_id: &str, amount: &str) -> RecordPurchaseRequest {
    RecordPurchaseRequest {
        order_id: order_id.to_owned(),
        custom_data: Some(deck(amount)),
        ..RecordPurchaseRequest::default()
    }
}
