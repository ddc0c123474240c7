//! Events for Meta's pixel, with the same data that the server sends: `[method, name, parameters, id]`, and for a
//! Purchase the key that confirms it.

use alloc::vec::Vec;

use crate::json::Json;
use crate::names::{CONTENT, CUSTOM_DATA, numbered, push_snake};
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
    /// Reads a `BrowserEvent`: `event_name` (1), `event_id` (2), `custom_data` (3), `custom` (4).
    pub(crate) fn read(event: &'a [u8]) -> Self {
        let mut read = Self::default();
        for (number, value) in Fields(event) {
            match number {
                1 => read.name = value.bytes(),
                2 => read.id = value.bytes(),
                3 => read.custom_data = value.bytes(),
                4 => read.is_custom = value.number() != 0,
                _ => {}
            }
        }
        read
    }

    pub(crate) fn write(&self, json: &mut Json) {
        json.open(b'[');
        json.text(if self.is_custom { b"trackCustom" } else { b"track" });
        json.text(self.name);
        json.open(b'{');
        parameters(json, self.custom_data);
        for (key, value) in self.more.iter().filter(|(_, value)| !value.is_empty()) {
            json.key(key);
            json.text(value);
        }
        json.close(b'}');
        json.text(self.id);
        if !self.confirm_key.is_empty() {
            json.text(self.confirm_key);
        }
        json.close(b']');
    }
}

/// `CustomData` as the pixel's parameters (Meta Pixel reference, object properties).
fn parameters(json: &mut Json, custom_data: &[u8]) {
    for (number, name) in numbered(CUSTOM_DATA) {
        let mut key = Vec::new();
        push_snake(&mut key, name);
        let is_list = matches!(number, 2 | 3);
        let mut list = Json::default();
        for (_, value) in Fields(custom_data).filter(|(found, _)| *found == u64::from(number)) {
            match number {
                1 | 10 => money(json, &key, value.bytes(), true),
                2 => list.text(value.bytes()),
                3 => content(&mut list, value.bytes()),
                7 => {
                    json.key(&key);
                    json.number(value.number());
                }
                11 => property(json, value.bytes()),
                _ => {
                    json.key(&key);
                    json.text(value.bytes());
                }
            }
        }
        if is_list && !list.0.is_empty() {
            json.key(&key);
            json.open(b'[');
            json.0.append(&mut list.0);
            json.close(b']');
        }
    }
}

/// `Money`: `amount` (1), `currency_code` (2). An event for the pixel has one currency for all amounts.
fn money(json: &mut Json, key: &[u8], money: &[u8], has_currency: bool) {
    for (number, value) in Fields(money) {
        match number {
            1 => {
                json.key(key);
                json.decimal(value.bytes());
            }
            2 if has_currency => {
                json.key(b"currency");
                json.text(value.bytes());
            }
            _ => {}
        }
    }
}

/// `Content`: `id` (1), `quantity` (2), `item_price` (3).
fn content(json: &mut Json, content: &[u8]) {
    json.open(b'{');
    for (number, value) in Fields(content) {
        let Some((_, name)) = numbered(CONTENT).find(|(known, _)| u64::from(*known) == number) else {
            continue;
        };
        let mut key = Vec::new();
        push_snake(&mut key, name);
        if number == 3 {
            money(json, &key, value.bytes(), false);
            continue;
        }
        json.key(&key);
        if number == 2 {
            json.number(value.number());
        } else {
            json.text(value.bytes());
        }
    }
    json.close(b'}');
}

/// `Property`: `key` (1), `value` (2).
fn property(json: &mut Json, property: &[u8]) {
    let (mut key, mut text) = ([].as_slice(), [].as_slice());
    for (number, value) in Fields(property) {
        match number {
            1 => key = value.bytes(),
            2 => text = value.bytes(),
            _ => {}
        }
    }
    json.key(key);
    json.text(text);
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
            r#"["trackCustom","Purchase",{"value":1499.00,"currency":"INR","content_ids":["a","b\""],"#,
            r#""contents":[{"id":"a","quantity":2,"item_price":1.5},{"id":"b","quantity":1}],"#,
            r#""content_type":"product","content_name":"Deck","content_category":"Cards","num_items":0,"#,
            r#""search_string":"dogs","status":"done","predicted_ltv":3000,"currency":"INR","#,
            r#""colour":"red","order_id":"A-1","variant":"B"},"purchase_A-1"]"#,
        );
        assert_eq!(String::from_utf8_lossy(&json.0), expected);
    }
}
