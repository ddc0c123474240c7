//! A value of the page's argument. The browser's is a `JsValue`, read by its own getters. Tests use values of their own.

use alloc::string::String;
use alloc::vec::Vec;

use wasm_bindgen::prelude::*;

/// A value that the page gave. Reading it is never an error: what is not there is absent.
pub(crate) trait Argument: Sized {
    /// The value of a key. Absent if there is none.
    fn get(&self, key: &str) -> Self;
    /// Whether there is no value: undefined or null.
    fn is_absent(&self) -> bool;
    /// Whether the value has keys: an object, a list or a function.
    fn is_object(&self) -> bool;
    /// The value as text. Empty for an object and without a value.
    fn text(&self) -> String;
    /// The object's own keys.
    fn keys(&self) -> Vec<String>;
    /// The list's elements. Another value is a list of one.
    fn items(self) -> Vec<Self>;
    /// A date, a date's text, or milliseconds since 1970: as milliseconds. NaN for another value.
    fn time_ms(&self) -> f64;
}

#[wasm_bindgen]
extern "C" {
    /// Any value of the page.
    #[derive(Debug)]
    pub type Given;
    #[wasm_bindgen(method, structural, indexing_getter)]
    fn at(this: &Given, key: &str) -> Given;
    #[wasm_bindgen(js_name = String)]
    fn text_of(value: &Given) -> String;
    #[wasm_bindgen(method, structural, js_name = toPrecision)]
    fn to_precision(this: &Given, digits: u32) -> String;
    #[wasm_bindgen(js_namespace = Object, js_name = keys)]
    fn keys_of(value: &Given) -> js_sys::Array;
    #[wasm_bindgen(js_name = Number)]
    fn number_of(value: &js_sys::Date) -> f64;
}

/// Digits of a number that a page computed: 183.60000000000002 and 17.93999999999994 are prices. The noise begins
/// after 13 digits, where no price is left.
const DIGITS: u32 = 13;

impl Argument for Given {
    fn get(&self, key: &str) -> Self {
        if self.is_absent() { JsValue::UNDEFINED.unchecked_into() } else { self.at(key) }
    }

    fn is_absent(&self) -> bool {
        self.is_undefined() || self.is_null()
    }

    fn is_object(&self) -> bool {
        JsValue::is_object(self) || self.is_function()
    }

    fn text(&self) -> String {
        if self.is_absent() || self.is_object() {
            return String::new();
        }
        if self.as_f64().is_some_and(|number| number % 1.0 != 0.0) {
            let text = self.to_precision(DIGITS);
            if text.bytes().all(|byte| byte != b'e') {
                return text.trim_end_matches('0').into();
            }
        }
        text_of(self)
    }

    fn keys(&self) -> Vec<String> {
        keys_of(self).iter().map(|key| text_of(&key.unchecked_into())).collect()
    }

    fn items(self) -> Vec<Self> {
        if js_sys::Array::is_array(&self) {
            let list: js_sys::Array = self.unchecked_into();
            return list.iter().map(JsCast::unchecked_into).collect();
        }
        [self].into()
    }

    fn time_ms(&self) -> f64 {
        number_of(&js_sys::Date::new(self))
    }
}
