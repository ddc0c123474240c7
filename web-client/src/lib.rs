//! Tandem in the page: one event ID for the pixel and the server.
//!
//! Compiled to WebAssembly and bound by `cargo xtask wasm`. Everything here is pure and returns at
//! once: what a call asks of the server, what an answer means, when to try again. The page's own
//! side, `js/index.js`, does the waiting: `fetch`, timers, `fbq`, storage. It calls the functions
//! of this file and nothing else.
//!
//! | module | holds |
//! |---|---|
//! | `input` | the page's arguments, as parts of messages |
//! | `request` | calls, ready to be sent |
//! | `answer` | what the server answered |
//! | `grpc` | gRPC-web's frames and statuses |
//! | `pixel` | what `fbq` is told |
//! | `retry`, `event_id` | when to try again; the client's own IDs |
//! | `wire`, `text`, `js` | protobuf, texts and JavaScript objects, in few bytes |

use js_sys::{Array, Uint8Array};
use wasm_bindgen::prelude::*;

mod answer;
mod event_id;
mod grpc;
mod input;
mod js;
mod pixel;
mod request;
mod retry;
mod text;
mod wire;

use answer::Answer;
use grpc::status::Status;
use js::Page;
use pixel::PixelEvent;
use request::{Draft, Prepared};

/// An allocator of a few hundred bytes; the standard one takes several thousand.
#[cfg(target_arch = "wasm32")]
#[global_allocator]
static ALLOCATOR: lol_alloc::LockedAllocator<lol_alloc::FreeListAllocator> =
    lol_alloc::LockedAllocator::new(lol_alloc::FreeListAllocator::new());

/// What is thrown: `[code, message, [[field, description]]]` for a mistake that the page can
/// correct, else the milliseconds to wait before trying again.
fn thrown(status: &Status) -> JsValue {
    let Some(code) = status.is_correctable() else { return status.wait_ms().into() };
    let fields: Array =
        status.fields.iter().map(|(field, what)| Array::of2(&field.into(), &what.into())).collect();
    Array::of3(&code.into(), &status.message.as_str().into(), &fields).into()
}

/// `[method, name, parameters, id]`, what `fbq` takes; `undefined` for no event.
fn for_fbq(event: Option<PixelEvent>) -> JsValue {
    let Some(event) = event else { return JsValue::UNDEFINED };
    let method = if event.custom { "trackCustom" } else { "track" };
    Array::of4(&method.into(), &event.name.into(), &event.parameters, &event.id.into()).into()
}

fn for_fetch(prepared: Prepared) -> Array {
    let body = Uint8Array::from(prepared.body.as_slice());
    Array::of4(&prepared.path.into(), &body, &for_fbq(prepared.own), &prepared.is_denied.into())
}

/// Checks the options of `Tandem.connect`; whether they deny advertising use.
///
/// # Errors
/// Throws `[code, message, fields]`.
#[wasm_bindgen]
pub fn check(page: &Page, options: &JsValue) -> Result<bool, JsValue> {
    request::check_options(page, options).map_err(|status| thrown(&status))
}

/// A new event ID from the time in milliseconds since 1970 and 96 random bits.
#[wasm_bindgen(js_name = newId)]
#[must_use]
pub fn new_id(now_ms: f64, random_1: u32, random_2: u32, random_3: u32) -> String {
    let mut random = [0; 10];
    let words = [random_1, random_2, random_3].into_iter().flat_map(u32::to_be_bytes);
    for (place, byte) in random.iter_mut().zip(words) {
        *place = byte;
    }
    event_id::uuid_v7(now_ms as u64, random)
}

/// Prepares `captureLead` (kind 0), `track` (1), `trackCustom` (2) or `recordPurchase` (3):
/// `[path, body, event for fbq without the server's word, denied]`. `made_ms` is 0 unless the
/// call was delayed.
///
/// # Errors
/// Throws `[code, message, fields]`.
#[wasm_bindgen]
#[allow(clippy::too_many_arguments)] // an object for them would cost more than it explains
pub fn prepare(
    page: &Page,
    options: &JsValue,
    visit: &JsValue,
    kind: u32,
    name: String,
    input: &JsValue,
    id: String,
    made_ms: f64,
) -> Result<Array, JsValue> {
    let draft = Draft { page, options, visit, id, made_ms };
    draft.prepare(kind, name, input).map(for_fetch).map_err(|status| thrown(&status))
}

/// Prepares the report (kind 4) of what the pixel did: 1 fired, 2 blocked, 3 failed. Returns
/// what [`prepare`] does.
#[wasm_bindgen]
#[must_use]
pub fn confirmation(pixel_id: String, name: String, id: String, outcome: i32, at_ms: f64) -> Array {
    for_fetch(request::confirmation(pixel_id, name, id, outcome, at_ms))
}

/// Reads a response: `[eventId, duplicate, pending, event for fbq]`.
///
/// # Errors
/// Throws `[code, message, fields]` if the page can correct it, else the milliseconds to wait
/// before trying again (0: as usual).
#[wasm_bindgen]
pub fn answer(
    page: &Page,
    kind: u32,
    status: Option<String>,
    message: Option<String>,
    details: Option<String>,
    body: &[u8],
) -> Result<Array, JsValue> {
    let headers = [("grpc-status", status), ("grpc-message", message), ("grpc-status-details-bin", details)];
    let header = |wanted: &str| headers.iter().find(|(name, _)| *name == wanted)?.1.as_deref();
    let answer = answer::message(header, body).and_then(|message| Answer::read(kind, message));
    let answer = answer.map_err(|status| thrown(&status))?;
    let event = for_fbq(answer.event.map(|event| PixelEvent::read(page, event)));
    Ok(Array::of4(&answer.event_id.into(), &answer.duplicate.into(), &answer.is_pending.into(), &event))
}

/// The pause in milliseconds after so many failures in a row; `dice` is from 0 to 1.
#[wasm_bindgen]
#[must_use]
pub fn pause(failures: u32, dice: f64) -> u32 {
    retry::pause_ms(failures, dice)
}

/// When a pending purchase is asked for again the `n`-th time, from 0: milliseconds after it was
/// first known to be pending. `undefined`: no more on this page.
#[wasm_bindgen]
#[must_use]
pub fn schedule(n: usize) -> Option<u32> {
    retry::PENDING_PURCHASE_MS.get(n).copied()
}
