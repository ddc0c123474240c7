//! What the browser does for the client: `fetch` and `fbq`.

use wasm_bindgen::prelude::*;

use crate::grpc::framing;
use crate::json::Json;
use crate::node::Node;

/// Browsers let a request continue after the page up to 64 KiB of bodies. The rest is for the page's own.
const KEEPALIVE_BYTES_MAX: usize = 60_000;

#[wasm_bindgen]
extern "C" {
    #[derive(Debug)]
    pub type AbortSignal;
    type RequestInit;
    type Uint8Array;
    #[wasm_bindgen(constructor)]
    fn copy_of(bytes: &[u8]) -> Uint8Array;
    #[wasm_bindgen(method, setter)]
    fn set_body(this: &RequestInit, body: &Uint8Array);
    #[wasm_bindgen(method, setter)]
    fn set_signal(this: &RequestInit, signal: &AbortSignal);
    /// The promise is the page's. The types of js-sys for promises would bring their executor.
    fn fetch(url: &JsValue, init: &RequestInit) -> JsValue;
    #[wasm_bindgen(js_namespace = JSON)]
    fn parse(json: &JsValue) -> JsValue;
    type TextDecoder;
    #[wasm_bindgen(constructor)]
    fn new() -> TextDecoder;
    #[wasm_bindgen(method)]
    fn decode(this: &TextDecoder, bytes: &[u8]) -> JsValue;
    /// Calls `fbq` with the elements of a list.
    #[wasm_bindgen(catch, js_namespace = ["window", "fbq"], js_name = apply)]
    fn apply_fbq(this: &JsValue, call: &JsValue) -> Result<(), JsValue>;
}

/// Calls `fbq` with the elements of a list. Returns false if it threw, or if there is no `fbq`.
pub(crate) fn fire(call: &JsValue) -> bool {
    apply_fbq(&JsValue::NULL, call).is_ok()
}

/// Calls `fbq` with a list in JSON.
pub(crate) fn fire_json(call: &Json) -> bool {
    fire(&value(&call.0))
}

/// The value of JSON. The decoder replaces bytes that are not UTF-8.
fn value(json: &[u8]) -> JsValue {
    parse(&TextDecoder::new().decode(json))
}

/// Starts the request of a call to the endpoint of its options, in gRPC-web's binary form.
pub(crate) fn send(options: Node<'_>, path: &str, message: &[u8], signal: &AbortSignal) -> JsValue {
    let mut url = options.get(b"endpoint").text();
    while url.last() == Some(&b'/') {
        url.pop();
    }
    url.extend_from_slice(path.as_bytes());
    let body = framing::request(message);
    let mut init =
        br#"{"method":"POST","headers":{"content-type":"application/grpc-web+proto","x-grpc-web":"1"}"#
            .to_vec();
    // The server uses the shop's cookies only if it is configured to write them. Otherwise it allows no credentials, and
    // a call with credentials would fail.
    if options.get(b"cookies").raw() == b"server" {
        init.extend_from_slice(br#","credentials":"include""#);
    }
    if body.len() < KEEPALIVE_BYTES_MAX {
        init.extend_from_slice(br#","keepalive":true"#);
    }
    init.push(b'}');
    let init: RequestInit = value(&init).unchecked_into();
    // A copy, because a page may have replaced `fetch` by a function that sends the body later.
    init.set_body(&Uint8Array::copy_of(&body));
    init.set_signal(signal);
    fetch(&TextDecoder::new().decode(&url), &init)
}
