//! Events for Meta's pixel, with the same data that the server sends. As JSON: `name`, `id`, the `key` that confirms a
//! Purchase, and `call`, the arguments of `fbq`.

use crate::json::Json;
use crate::schema::index::{CUSTOM_DATA, MONEY, PROPERTY};
use crate::schema::number::{
    BROWSER_EVENT_CUSTOM, BROWSER_EVENT_CUSTOM_DATA, BROWSER_EVENT_EVENT_ID, BROWSER_EVENT_EVENT_NAME,
    MONEY_AMOUNT, MONEY_CURRENCY_CODE, PROPERTY_KEY, PROPERTY_VALUE,
};
use crate::schema::{Kind, Message};
use crate::wire::Fields;

/// One event for `fbq`.
#[derive(Debug, Default)]
pub(crate) struct PixelEvent<'a> {
    pub(crate) name: &'a [u8],
    pub(crate) id: &'a [u8],
    /// An encoded `CustomData`.
    pub(crate) custom_data: &'a [u8],
    /// The event is not one of Meta's standard events.
    pub(crate) is_custom: bool,
    /// More parameters. Empty ones are left out.
    pub(crate) more: &'a [(&'a [u8], &'a [u8])],
    /// Of a Purchase: goes back to the server with the report of what the pixel did.
    pub(crate) confirm_key: &'a [u8],
}

impl<'a> PixelEvent<'a> {
    /// Reads a `BrowserEvent`.
    pub(crate) fn read(event: &'a [u8]) -> Self {
        let mut read = Self::default();
        for (number, value) in Fields(event) {
            match number {
                BROWSER_EVENT_EVENT_NAME => read.name = value.bytes(),
                BROWSER_EVENT_EVENT_ID => read.id = value.bytes(),
                BROWSER_EVENT_CUSTOM_DATA => read.custom_data = value.bytes(),
                BROWSER_EVENT_CUSTOM => read.is_custom = value.number() != 0,
                _ => {}
            }
        }
        read
    }

    pub(crate) fn write(&self, json: &mut Json) {
        json.open(b'{');
        for (key, value) in [(b"name".as_slice(), self.name), (b"id", self.id), (b"key", self.confirm_key)] {
            if !value.is_empty() {
                json.key(key);
                json.text(value);
            }
        }
        json.key(b"call");
        self.write_call(json);
        json.close(b'}');
    }

    /// The arguments of `fbq`.
    pub(crate) fn write_call(&self, json: &mut Json) {
        json.open(b'[');
        json.text(if self.is_custom { b"trackCustom" } else { b"track" });
        json.text(self.name);
        json.open(b'{');
        parameters(json, CUSTOM_DATA, self.custom_data);
        for (key, value) in self.more.iter().filter(|(_, value)| !value.is_empty()) {
            json.key(key);
            json.text(value);
        }
        json.close(b'}');
        json.open(b'{');
        json.key(b"eventID");
        json.text(self.id);
        json.close(b'}');
        json.close(b']');
    }
}

/// The fields of `CustomData` or one of its messages as the pixel's parameters (Meta Pixel reference, object properties).
/// They have the names of the protocol.
fn parameters(json: &mut Json, message: Message, bytes: &[u8]) {
    for field in message.fields() {
        let mut list = Json::default();
        let out = if field.is_list && field.kind != Kind::Message(PROPERTY) { &mut list } else { &mut *json };
        for (_, value) in Fields(bytes).filter(|(number, _)| *number == field.number) {
            let text = |number| text_of(value.bytes(), number);
            match field.kind {
                Kind::Message(PROPERTY) => {
                    out.key(text(PROPERTY_KEY));
                    out.text(text(PROPERTY_VALUE));
                    continue;
                }
                _ if field.is_list => {}
                _ => out.key(field.name),
            }
            match field.kind {
                Kind::Message(MONEY) => {
                    out.decimal(text(MONEY_AMOUNT));
                    // An event has one currency for all amounts.
                    let currency = text(MONEY_CURRENCY_CODE);
                    if message == CUSTOM_DATA && !currency.is_empty() {
                        out.key(b"currency");
                        out.text(currency);
                    }
                }
                Kind::Message(message) => {
                    out.open(b'{');
                    parameters(out, message, value.bytes());
                    out.close(b'}');
                }
                Kind::Text => out.text(value.bytes()),
                _ => out.number(value.number()),
            }
        }
        if !list.0.is_empty() {
            json.key(field.name);
            json.open(b'[');
            json.0.append(&mut list.0);
            json.close(b']');
        }
    }
}

/// The text of a field of a message. Empty if there is none.
fn text_of(message: &[u8], wanted: u64) -> &[u8] {
    Fields(message).find(|(number, _)| *number == wanted).map(|(_, value)| value.bytes()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use prost::Message as _;
    use tandem_proto::v1::{BrowserEvent, Content, CustomData, Money, Property};

    use super::*;

    fn money(amount: &str) -> Option<Money> {
        Some(Money { amount: amount.to_owned(), currency_code: "INR".to_owned() })
    }

    #[test]
    fn every_field_of_the_protocol_has_its_parameter() {
        let text = str::to_owned;
        let custom_data = CustomData {
            value: money("1499.00"),
            content_ids: vec![text("a"), text("b\"")],
            contents: vec![
                Content { id: text("a"), quantity: 2, item_price: money("1.5") },
                Content { id: text("b"), quantity: 1, item_price: None },
            ],
            content_type: text("product"),
            content_name: text("Deck"),
            content_category: text("Cards"),
            num_items: Some(0),
            search_string: text("dogs"),
            status: text("done"),
            predicted_ltv: money("3000"),
            properties: vec![Property { key: text("colour"), value: text("red") }],
            order_id: text("A-1"),
        };
        let event = BrowserEvent {
            event_name: text("Purchase"),
            event_id: text("purchase_A-1"),
            custom_data: Some(custom_data),
            custom: true,
        };
        let bytes = event.encode_to_vec();
        let mut json = Json::default();
        let event =
            PixelEvent { more: &[(b"variant", b"B"), (b"test_group", b"")], ..PixelEvent::read(&bytes) };
        event.write(&mut json);
        let expected = concat!(
            r#"{"name":"Purchase","id":"purchase_A-1","call":["trackCustom","Purchase",{"value":1499.00,"currency":"INR","content_ids":["a","b\""],"#,
            r#""contents":[{"id":"a","quantity":2,"item_price":1.5},{"id":"b","quantity":1}],"#,
            r#""content_type":"product","content_name":"Deck","content_category":"Cards","num_items":0,"#,
            r#""search_string":"dogs","status":"done","predicted_ltv":3000,"currency":"INR","#,
            r#""colour":"red","order_id":"A-1","variant":"B"},{"eventID":"purchase_A-1"}]}"#,
        );
        assert_eq!(String::from_utf8_lossy(&json.0), expected);
    }
}
