//! What the browser does for the client: `fetch`, `fbq`, JSON and Unicode tables.

use alloc::string::String;
use alloc::vec::Vec;

use wasm_bindgen::prelude::*;
use web_sys::{Headers, RequestCredentials, RequestInit};

use crate::argument::{Argument as _, Given};
use crate::json::Json;

/// Browsers let a request continue after the page up to 64 KiB of bodies. The rest is for the page's own.
const KEEPALIVE_BYTES_MAX: usize = 60_000;

#[wasm_bindgen]
extern "C" {
    /// web-sys knows no `keepalive`.
    #[wasm_bindgen(extends = RequestInit)]
    type Lasting;
    #[wasm_bindgen(method, structural, setter)]
    fn set_keepalive(this: &Lasting, is_on: bool);
    #[wasm_bindgen(js_namespace = JSON, js_name = parse)]
    fn parse(json: &str) -> JsValue;
    /// The promise is for the page: the types of js-sys for promises would bring their executor.
    #[wasm_bindgen]
    fn fetch(url: &str, init: &RequestInit) -> JsValue;
    #[wasm_bindgen(catch, js_namespace = window)]
    fn fbq(method: &Given, name: &Given, parameters: &Given, options: &Given) -> Result<(), JsValue>;
}

/// The value of a JSON text. Bytes that are not UTF-8 are replaced.
pub(crate) fn value(json: &Json) -> JsValue {
    parse(&String::from_utf8_lossy(&json.0))
}

/// Calls `fbq` with an event's members (`event`). Returns false if it threw, or if there is no `fbq`.
pub(crate) fn fire(event: &Given) -> bool {
    let [method, name, parameters, options] =
        ["method", "name", "parameters", "options"].map(|key| event.get(key));
    fbq(&method, &name, &parameters, &options).is_ok()
}

/// Starts the request of a call to the endpoint of its options, in gRPC-web's binary form.
pub(crate) fn send(
    call: &Given,
    path: &str,
    body: &[u8],
    signal: &web_sys::AbortSignal,
) -> JsValue {
    let options = call.get("options");
    let endpoint = options.get("endpoint").text();
    let mut url = String::from(endpoint.trim_end_matches('/'));
    url.push_str(path);
    let init: Lasting = parse(
        r#"{"method":"POST","headers":{"content-type":"application/grpc-web+proto","x-grpc-web":"1"}}"#,
    )
    .unchecked_into();
    init.set_body(&js_sys::Uint8Array::from(body));
    init.set_signal(Some(signal));
    // The server uses the shop's cookies only if it is configured to write them. Otherwise it allows no credentials, and
    // a call with credentials would fail.
    let is_servers = options.get("cookies").text() == "server";
    init.set_credentials(if is_servers {
        RequestCredentials::Include
    } else {
        RequestCredentials::SameOrigin
    });
    init.set_keepalive(body.len() < KEEPALIVE_BYTES_MAX);
    fetch(&url, &init)
}

/// A header of gRPC, by its name without `grpc-`.
pub(crate) fn header(headers: &Headers, name: &[u8]) -> Option<Vec<u8>> {
    let name: String = b"grpc-".iter().chain(name).copied().map(char::from).collect();
    headers.get(&name).ok().flatten().map(String::into_bytes)
}

/// Whether a character beyond ASCII is a letter or a number, by the browser's own tables.
pub(crate) fn is_word(c: char) -> bool {
    js_sys::RegExp::new(r"[\p{Alphabetic}\p{N}]", "u").test(c.encode_utf8(&mut [0; 4]))
}
