//! JavaScript objects, as far as they are touched: `js/index.js` has the other end. Declared by
//! hand, because each import costs the page its bytes.

use js_sys::Array;
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    /// What `js/index.js` does for us.
    pub type Page;

    /// A property (with an empty key, the thing itself) as text: numbers are spelt as JavaScript
    /// does, empty is absent. An error if it is an object.
    #[wasm_bindgen(method, catch)]
    pub(crate) fn text(this: &Page, of: &JsValue, key: &str) -> Result<Option<String>, JsValue>;
    /// A property as it is.
    #[wasm_bindgen(method)]
    pub(crate) fn get(this: &Page, of: &JsValue, key: &str) -> JsValue;
    /// A property that is a list, or one value in place of a list of one.
    #[wasm_bindgen(method)]
    pub(crate) fn list(this: &Page, of: &JsValue, key: &str) -> Array;
    /// A property's own properties, as pairs.
    #[wasm_bindgen(method)]
    pub(crate) fn pairs(this: &Page, of: &JsValue, key: &str) -> Array;
    /// A property that is a point in time, in milliseconds since 1970; 0 if absent, NaN if it is none.
    #[wasm_bindgen(method)]
    pub(crate) fn time(this: &Page, of: &JsValue, key: &str) -> f64;

    /// A new object.
    #[wasm_bindgen(method)]
    pub(crate) fn object(this: &Page) -> JsValue;
    /// Sets a property.
    #[wasm_bindgen(method)]
    pub(crate) fn set(this: &Page, of: &JsValue, key: &str, value: &JsValue);
    /// Sets a property to a text.
    #[wasm_bindgen(method, js_name = set)]
    pub(crate) fn set_text(this: &Page, of: &JsValue, key: &str, value: &str);
    /// Sets a property to the number that a decimal text spells.
    #[wasm_bindgen(method, js_name = setNumber)]
    pub(crate) fn set_number(this: &Page, of: &JsValue, key: &str, decimal: &str);
    /// Appends to a property that is a list; makes the list if there is none.
    #[wasm_bindgen(method)]
    pub(crate) fn push(this: &Page, of: &JsValue, key: &str, value: &JsValue);
}

impl core::fmt::Debug for Page {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Page")
    }
}
