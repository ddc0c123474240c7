//! Tandem in the page: one event ID for the pixel and the server.
//!
//! `cargo xtask wasm` compiles this crate to WebAssembly and binds it to JavaScript. The crate is the client: it reads the
//! page's argument, makes the message, starts the request (`begin`), reads the answer and calls `fbq` with its ID
//! (`finish`). Every function returns at once. `begin` returns the browser's own promise, because waiting inside
//! WebAssembly would need 13 kB more. The JavaScript side, `js/`, waits, stores and listens. `js/engine.js` describes the
//! functions of this file.
//!
//! No panic is reachable and no text is formatted. The standard library is left out, because its panic messages would be a
//! quarter of the package.
//!
//! | module | contains |
//! |---|---|
//! | `argument` | a value of the page, as the browser reads it |
//! | `schema` | the messages of the protocol, as tables made at build time |
//! | `encode` | the page's arguments, as messages |
//! | `call` | calls, ready to be sent |
//! | `answer` | the server's answers |
//! | `grpc` | gRPC-web's frames and statuses |
//! | `event` | events for `fbq` |
//! | `identity` | cookies and the pixel's match keys |
//! | `browser` | what the browser does for the client: `fetch`, `fbq` |
//! | `retry` | when to try again |
//! | `wire`, `text`, `json` | protobuf, numbers and JSON, in few bytes |

#![warn(missing_docs)]
#![cfg_attr(target_arch = "wasm32", no_std)]

extern crate alloc;

use alloc::borrow::ToOwned;
use alloc::string::String;

use tandem_core::click_id::fbclid_of;
use tandem_core::id::EventId;
use wasm_bindgen::prelude::*;

mod answer;
mod argument;
mod browser;
mod call;
#[cfg(test)]
mod decoder_tests;
mod encode;
mod event;
mod grpc;
mod identity;
mod json;
mod retry;
mod schema;
mod text;
mod wire;

use answer::Answer;
use argument::Given;
use call::Kind;
use event::PixelEvent;
use grpc::status::Status;
use json::Json;

/// An allocator with a few hundred bytes of code. The standard one has several thousand.
#[cfg(target_arch = "wasm32")]
#[global_allocator]
static ALLOCATOR: lol_alloc::LockedAllocator<lol_alloc::FreeListAllocator> =
    lol_alloc::LockedAllocator::new(lol_alloc::FreeListAllocator::new());

/// Ends the call at once. JavaScript gets a `RuntimeError`.
#[cfg(target_arch = "wasm32")]
#[panic_handler]
fn panicked(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}

/// What JavaScript throws: a mistake of the page, or the milliseconds to wait.
fn thrown(status: Status) -> JsValue {
    browser::value(&status.thrown())
}

/// Checks the options of `Tandem.connect`. Returns whether they deny advertising use.
///
/// # Errors
/// The page's mistakes.
#[wasm_bindgen]
pub fn check(options: &Given) -> Result<bool, JsValue> {
    call::check_options(options).map_err(thrown)
}

/// Makes an event ID from the time, in milliseconds since 1970, and ten random bytes.
#[wasm_bindgen(js_name = newId)]
#[must_use]
pub fn new_id(now_ms: f64, random: &[u8]) -> String {
    let random = random.first_chunk().copied().unwrap_or_default();
    EventId::v7(now_ms as u64, random).as_str().to_owned()
}

/// Checks a call. Returns what the page must know of it before it is sent.
///
/// # Errors
/// The page's mistakes.
#[wasm_bindgen]
pub fn prepare(call: &Given) -> Result<JsValue, JsValue> {
    let prepared = call::prepare(call, &browser::is_word).map_err(thrown)?;
    Ok(browser::value(&prepared.to_json()))
}

/// Sends a call. Returns the browser's own promise of the response.
///
/// # Errors
/// The page's mistakes.
#[wasm_bindgen]
pub fn begin(call: &Given, signal: &web_sys::AbortSignal) -> Result<JsValue, JsValue> {
    let prepared = call::prepare(call, &browser::is_word).map_err(thrown)?;
    Ok(browser::send(call, prepared.path, &grpc::framing::request(&prepared.message), signal))
}

/// Reads the answer to a call. With `may_fire`, calls `fbq` with the event that the server returned.
///
/// # Errors
/// The page's mistakes, or the milliseconds to wait before the next try.
#[wasm_bindgen]
pub fn finish(
    call: &Given,
    response: &web_sys::Response,
    body: &[u8],
    may_fire: bool,
) -> Result<JsValue, JsValue> {
    let headers = response.headers();
    let message = answer::message(&|name| browser::header(&headers, name), body).map_err(thrown)?;
    let answer = Answer::read(Kind::of(call).method(), message).map_err(thrown)?;
    let event = event_of(&answer);
    let is_fired = event.as_ref().filter(|_| may_fire).map(|event| fire(&browser::value(event).into()));
    Ok(browser::value(&result(&answer, event.as_ref(), is_fired)))
}

/// The event of an answer, as JSON.
fn event_of(answer: &Answer<'_>) -> Option<Json> {
    let mut json = Json::default();
    PixelEvent { confirm_key: answer.confirm_key, ..PixelEvent::read(answer.event?) }.write(&mut json);
    Some(json)
}

/// `{ eventId, duplicate, pending, event, fired }`.
fn result(answer: &Answer<'_>, event: Option<&Json>, is_fired: Option<bool>) -> Json {
    let mut json = Json::default();
    json.open(b'{');
    json.key(b"eventId");
    json.text(answer.event_id);
    for (key, flag) in [
        (b"duplicate".as_slice(), Some(answer.is_duplicate)),
        (b"pending", Some(answer.is_pending)),
        (b"fired", is_fired),
    ] {
        if let Some(flag) = flag {
            json.key(key);
            json.flag(flag);
        }
    }
    if let Some(event) = event {
        json.key(b"event");
        json.raw(&event.0);
    }
    json.close(b'}');
    json
}

/// Calls `fbq` with an event. Returns false if it threw.
#[wasm_bindgen]
#[must_use]
pub fn fire(event: &Given) -> bool {
    browser::fire(event)
}

/// Returns the pause in milliseconds after `failures` failed tries in a row. `dice` is a random number from 0 to 1.
#[wasm_bindgen]
#[must_use]
pub fn pause(failures: u32, dice: f64) -> u32 {
    retry::pause_ms(failures, dice)
}

/// Returns when the page asks for a pending purchase the `n`-th time (from 0), in milliseconds after it first knew that
/// the purchase is pending. 0 means that the page does not ask again.
#[wasm_bindgen]
#[must_use]
pub fn schedule(n: usize) -> u32 {
    retry::PENDING_PURCHASE_MS.get(n).copied().unwrap_or(0)
}

/// The click ID in the address of the page, or of the page before it.
#[wasm_bindgen]
#[must_use]
pub fn click(page: &str, referrer: &str) -> Option<String> {
    fbclid_of([page, referrer]).map(ToOwned::to_owned)
}

/// `[fbp, fbc]`: the values of Meta's cookies that the page must write; empty ones are not written. `dots`: the number of
/// dots in the domain of the cookies; `random`: any number.
#[wasm_bindgen]
#[must_use]
pub fn cookies(visit: &Given, dots: u8, now_ms: f64, random: u32) -> JsValue {
    browser::value(&identity::cookies(visit, dots, now_ms as u64, random))
}

/// A person's match keys for the pixel's `init`, by Meta's names.
#[wasm_bindgen]
#[must_use]
pub fn matching(person: &Given) -> JsValue {
    browser::value(&identity::matching(person))
}
