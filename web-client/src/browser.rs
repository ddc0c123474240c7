//! What the browser does for the client: `fetch` and `fbq`.

use alloc::string::String;

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
    #[wasm_bindgen(method, setter)]
    fn set_body(this: &RequestInit, body: &[u8]);
    #[wasm_bindgen(method, setter)]
    fn set_signal(this: &RequestInit, signal: &AbortSignal);
    /// The promise is the page's. The types of js-sys for promises would bring their executor.
    fn fetch(url: &str, init: &RequestInit) -> JsValue;
    #[wasm_bindgen(js_namespace = JSON, js_name = parse)]
    fn parse(json: &str) -> JsValue;
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
    core::str::from_utf8(&call.0).is_ok_and(|call| fire(&parse(call)))
}

/// Starts the request of a call to the endpoint of its options, in gRPC-web's binary form.
pub(crate) fn send(options: Node<'_>, path: &str, message: &[u8], signal: &AbortSignal) -> JsValue {
    let endpoint = options.get(b"endpoint").text();
    let mut url = String::from(core::str::from_utf8(&endpoint).unwrap_or_default().trim_end_matches('/'));
    url.push_str(path);
    let body = framing::request(message);
    let mut init = String::from(
        r#"{"method":"POST","headers":{"content-type":"application/grpc-web+proto","x-grpc-web":"1"}"#,
    );
    // The server uses the shop's cookies only if it is configured to write them. Otherwise it allows no credentials, and
    // a call with credentials would fail.
    if options.get(b"cookies").raw() == b"server" {
        init.push_str(r#","credentials":"include""#);
    }
    if body.len() < KEEPALIVE_BYTES_MAX {
        init.push_str(r#","keepalive":true"#);
    }
    init.push('}');
    let init: RequestInit = parse(&init).unchecked_into();
    init.set_body(&body);
    init.set_signal(signal);
    fetch(&url, &init)
}
