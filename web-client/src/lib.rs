//! Tandem in the page: one event ID for the pixel and the server.
//!
//! Compiled to WebAssembly and bound by `cargo xtask wasm`. Everything here is pure and returns at
//! once: what a call asks of the server, what an answer means, when to try again. The page's own
//! side, `js/`, does the waiting: `fetch`, timers, `fbq`, storage. `js/wasm.js` calls the functions
//! of this file and nothing else.
//!
//! Bytes go in, bytes come out: entries (`flat`) and JSON. No panic is reachable, no text is
//! formatted, and the standard library is left out: what it needs to say why it panicked would be a
//! quarter of the package.
//!
//! | module | holds |
//! |---|---|
//! | `flat` | what the page gave |
//! | `input`, `names` | the page's arguments, as parts of messages |
//! | `request` | calls, ready to be sent |
//! | `answer` | what the server answered |
//! | `grpc` | gRPC-web's frames and statuses |
//! | `pixel` | what `fbq` is told |
//! | `retry`, `event_id` | when to try again; the client's own IDs |
//! | `wire`, `text`, `json` | protobuf, numbers and JSON, in few bytes |

// The selftest brings tandem-core, and with it the standard library.
#![cfg_attr(all(target_arch = "wasm32", not(feature = "selftest")), no_std)]

extern crate alloc;

use alloc::vec::Vec;

use wasm_bindgen::prelude::*;

mod answer;
mod event_id;
mod flat;
mod grpc;
mod input;
mod json;
mod names;
mod pixel;
mod request;
mod retry;
mod text;
mod wire;

#[cfg(feature = "selftest")]
pub mod selftest;

use answer::Answer;
use flat::Flat;
use grpc::status::Status;
use json::Json;
use pixel::PixelEvent;

/// An allocator of a few hundred bytes; the standard one takes several thousand.
#[cfg(target_arch = "wasm32")]
#[global_allocator]
static ALLOCATOR: lol_alloc::LockedAllocator<lol_alloc::FreeListAllocator> =
    lol_alloc::LockedAllocator::new(lol_alloc::FreeListAllocator::new());

/// Ends the call at once: the page's side sees a `RuntimeError`.
#[cfg(all(target_arch = "wasm32", not(feature = "selftest")))]
#[panic_handler]
fn panicked(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}

/// Stands before what is to be thrown: `[code, message, [[field, description]]]` for a mistake that
/// the page can correct, else the milliseconds to wait before trying again.
const THROWN: u8 = b'!';

fn or_thrown(result: Result<Vec<u8>, Status>) -> Vec<u8> {
    result.unwrap_or_else(|status| {
        let mut out = status.thrown().0;
        out.insert(0, THROWN);
        out
    })
}

/// Checks the options of `Tandem.connect`, as entries; JSON: whether they deny advertising use.
#[wasm_bindgen]
#[must_use]
pub fn check(options: &[u8]) -> Vec<u8> {
    or_thrown(request::check_options(Flat::new(options).object(b"")).map(|is_denied| {
        let mut json = Json::default();
        json.flag(is_denied);
        json.0
    }))
}

/// A new event ID from the time in milliseconds since 1970 and 96 random bits; JSON.
#[wasm_bindgen(js_name = newId)]
#[must_use]
pub fn new_id(now_ms: f64, random_1: u32, random_2: u32, random_3: u32) -> Vec<u8> {
    let mut random = [0; 10];
    let words = [random_1, random_2, random_3].into_iter().flat_map(u32::to_be_bytes);
    for (place, byte) in random.iter_mut().zip(words) {
        *place = byte;
    }
    let mut json = Json::default();
    json.text(&event_id::uuid_v7(now_ms as u64, random));
    json.0
}

/// Prepares `captureLead` (kind 0), `track` (1), `trackCustom` (2) or `recordPurchase` (3) from the
/// entries `options`, `visit`, `name`, `input` and `id`. JSON `[path, denied, event for fbq without
/// the server's word]`, U+0000, the request's body. `made_ms` is 0 unless the call was delayed.
#[wasm_bindgen]
#[must_use]
pub fn prepare(kind: u32, made_ms: f64, call: &[u8]) -> Vec<u8> {
    or_thrown(request::prepare(kind, made_ms as u64, Flat::new(call)))
}

/// Prepares the report (kind 4) of what the pixel did (1 fired, 2 blocked, 3 failed) from the entries
/// `pixelId`, `name` and `id`. Returns what [`prepare`] does.
#[wasm_bindgen]
#[must_use]
pub fn confirmation(outcome: u32, at_ms: f64, event: &[u8]) -> Vec<u8> {
    request::confirmation(outcome, at_ms as u64, Flat::new(event))
}

/// Reads a response: entries with the headers `grpc-status`, `grpc-message` and
/// `grpc-status-details-bin`, and its body. JSON `[eventId, duplicate, pending, event for fbq]`.
#[wasm_bindgen]
#[must_use]
pub fn answer(kind: u32, headers: &[u8], body: &[u8]) -> Vec<u8> {
    let headers = Flat::new(headers);
    let header = |name: &[u8]| Some(headers.text(name)).filter(|value| !value.is_empty());
    let answer = answer::message(header, body).and_then(|message| Answer::read(kind, message));
    or_thrown(answer.map(|answer| {
        let mut json = Json::default();
        json.open(b'[');
        json.text(answer.event_id);
        json.flag(answer.duplicate);
        json.flag(answer.is_pending);
        if let Some(event) = answer.event {
            PixelEvent::read(event).write(&mut json);
        }
        json.close(b']');
        json.0
    }))
}

/// The pause in milliseconds after so many failures in a row; `dice` is from 0 to 1.
#[wasm_bindgen]
#[must_use]
pub fn pause(failures: u32, dice: f64) -> u32 {
    retry::pause_ms(failures, dice)
}

/// When a pending purchase is asked for again the `n`-th time, from 0: milliseconds after it was
/// first known to be pending. 0: no more on this page.
#[wasm_bindgen]
#[must_use]
pub fn schedule(n: usize) -> u32 {
    retry::PENDING_PURCHASE_MS.get(n).copied().unwrap_or(0)
}
