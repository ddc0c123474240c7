//! What Meta's pixel is told: the same data that the server sends.

use wasm_bindgen::JsValue;

use crate::js::Page;
use crate::wire::Fields;

/// One event for `fbq`.
pub(crate) struct PixelEvent {
    pub(crate) name: String,
    pub(crate) id: String,
    /// The pixel's parameters, an object.
    pub(crate) parameters: JsValue,
    /// Not one of Meta's standard events.
    pub(crate) custom: bool,
}

impl PixelEvent {
    /// An event with an encoded `CustomData`.
    pub(crate) fn new(page: &Page, name: String, id: String, custom_data: &[u8], custom: bool) -> Self {
        Self { name, id, parameters: parameters(page, custom_data), custom }
    }

    /// Reads a `BrowserEvent`: `event_name` (1), `event_id` (2), `custom_data` (3), `custom` (4).
    pub(crate) fn read(page: &Page, event: &[u8]) -> Self {
        let (mut name, mut id, mut custom_data, mut custom) = ("", "", [].as_slice(), false);
        for (number, value) in Fields(event) {
            match number {
                1 => name = value.text(),
                2 => id = value.text(),
                3 => custom_data = value.bytes(),
                4 => custom = value.number() != 0,
                _ => {}
            }
        }
        Self::new(page, name.to_owned(), id.to_owned(), custom_data, custom)
    }

    /// Adds a parameter, unless it is empty.
    pub(crate) fn add(&self, page: &Page, key: &str, value: &str) {
        if !value.is_empty() {
            page.set_text(&self.parameters, key, value);
        }
    }
}

/// `CustomData` as the pixel's parameters (Meta Pixel reference, object properties).
fn parameters(page: &Page, custom_data: &[u8]) -> JsValue {
    let of = page.object();
    for (number, value) in Fields(custom_data) {
        match number {
            1 => money(page, &of, "value", value.bytes()),
            2 => page.push(&of, "content_ids", &value.text().into()),
            3 => page.push(&of, "contents", &content(page, value.bytes())),
            7 => page.set(&of, "num_items", &(value.number() as u32).into()),
            10 => money(page, &of, "predicted_ltv", value.bytes()),
            11 => property(page, &of, value.bytes()),
            _ => {
                if let Some((_, key)) = TEXTS.iter().find(|(text, _)| *text == number) {
                    page.set_text(&of, key, value.text());
                }
            }
        }
    }
    of
}

/// Fields of `CustomData` that are texts, by number.
const TEXTS: [(u64, &str); 6] = [
    (4, "content_type"),
    (5, "content_name"),
    (6, "content_category"),
    (8, "search_string"),
    (9, "status"),
    (12, "order_id"),
];

/// `Money`: `amount` (1), `currency_code` (2). The pixel has one currency for all.
fn money(page: &Page, of: &JsValue, key: &str, money: &[u8]) {
    for (number, value) in Fields(money) {
        match number {
            1 => page.set_number(of, key, value.text()),
            2 if key != "item_price" => page.set_text(of, "currency", value.text()),
            _ => {}
        }
    }
}

/// `Content`: `id` (1), `quantity` (2), `item_price` (3).
fn content(page: &Page, content: &[u8]) -> JsValue {
    let line = page.object();
    for (number, value) in Fields(content) {
        match number {
            1 => page.set_text(&line, "id", value.text()),
            2 => page.set(&line, "quantity", &(value.number() as u32).into()),
            3 => money(page, &line, "item_price", value.bytes()),
            _ => {}
        }
    }
    line
}

/// `Property`: `key` (1), `value` (2).
fn property(page: &Page, of: &JsValue, property: &[u8]) {
    let (mut key, mut text) = ("", "");
    for (number, value) in Fields(property) {
        match number {
            1 => key = value.text(),
            2 => text = value.text(),
            _ => {}
        }
    }
    page.set_text(of, key, text);
}
