//! Tandem in the page: one event ID for the pixel and the server.
//!
//! `cargo xtask wasm` compiles this crate to WebAssembly and binds it to JavaScript. Everything here is pure and returns
//! at once: what a call sends to the server, what an answer means, when to try again. The JavaScript side, `js/`, does
//! the waiting: `fetch`, timers, `fbq`, storage. `js/wasm.js` calls the functions of this file and no others.
//!
//! Functions take bytes (entries, see `flat`) and return bytes (JSON). No panic is reachable and no text is formatted. The
//! standard library is left out, because its panic messages would be a quarter of the package.
//!
//! | module | contains |
//! |---|---|
//! | `flat` | the page's argument as entries |
//! | `input`, `names` | the page's arguments, as parts of messages |
//! | `request` | calls, ready to be sent |
//! | `answer` | the server's answers |
//! | `grpc` | gRPC-web's frames and statuses |
//! | `pixel` | events for `fbq` |
//! | `retry`, `event_id` | when to try again; the client's own IDs |
//! | `wire`, `text`, `json` | protobuf, numbers and JSON, in few bytes |

#![warn(missing_docs)]
#![cfg_attr(target_arch = "wasm32", no_std)]

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

use answer::Answer;
use flat::Flat;
use grpc::status::Status;
use json::Json;
use pixel::PixelEvent;

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

/// Values of `what` for [`run`] besides the kinds of calls (0 to 4): check options, make an ID, read an answer. The last
/// one is added to the call's kind.
const CHECK: u32 = 5;
const NEW_ID: u32 = 6;
const ANSWER: u32 = 8;

/// The first byte of a result that JavaScript must throw: `[code, message, [[field, description]]]` for a mistake that the
/// page can correct, else the milliseconds to wait before the next try.
const THROWN: u8 = b'!';

/// Does all work that takes or returns text. It is one function, because each exported function costs bytes. Only
/// `js/wasm.js` calls it.
///
/// | `what` | `number` | `input` | result, JSON |
/// |---|---|---|---|
/// | 0 to 3: prepare `captureLead`, `track`, `trackCustom`, `recordPurchase` | when the call was made, in ms since 1970, if it was delayed, else 0 | entries `options`, `visit`, `name`, `input`, `id` | `[path, denied, event for fbq if the server does not answer]`, U+0000, the request's body |
/// | 4: report what the pixel did | when | entries `pixelId`, `name`, `id`, `outcome` (1 fired, 2 blocked, 3 failed), `confirmKey` | the same |
/// | 5: check the options of `Tandem.connect` | – | entry `options` | whether they deny advertising use |
/// | 6: a new event ID | now, in ms since 1970 | ten random bytes, or more | the ID |
/// | 8 and more: read the answer to a call of kind `what - 8` | – | entry `headers` (`status`, `message`, `status-details-bin`, without `grpc-`), then the response's body | `[eventId, duplicate, pending, event for fbq]` |
///
/// A result that JavaScript must throw begins with `!`.
#[wasm_bindgen]
#[must_use]
pub fn run(what: u32, number: f64, input: &[u8]) -> Vec<u8> {
    let number = number as u64;
    let mut entries = Flat::new(input);
    let result = match what {
        CHECK => check(entries),
        NEW_ID => Ok(new_id(number, input)),
        request::CONFIRMATION => Ok(request::confirmation(number, entries)),
        ANSWER.. => {
            let headers = entries.next();
            let headers = headers.map(|(_, headers)| headers.into_object()).unwrap_or_default();
            read_answer(what - ANSWER, headers, entries.rest())
        }
        kind => request::prepare(kind, number, entries),
    };
    result.unwrap_or_else(|status| encode_error(&status))
}

fn encode_error(status: &Status) -> Vec<u8> {
    let mut json = Json::default();
    json.0.push(THROWN);
    status.throw(&mut json);
    json.0
}

fn check(entries: Flat<'_>) -> Result<Vec<u8>, Status> {
    let is_denied = request::check_options(entries.object(b"options"))?;
    let mut json = Json::default();
    json.flag(is_denied);
    Ok(json.0)
}

fn new_id(now_ms: u64, random: &[u8]) -> Vec<u8> {
    let mut json = Json::default();
    json.text(&event_id::uuid_v7(now_ms, random));
    json.0
}

fn read_answer(kind: u32, headers: Flat<'_>, body: &[u8]) -> Result<Vec<u8>, Status> {
    let answer = Answer::read(kind, answer::message(headers, body)?)?;
    let mut json = Json::default();
    json.open(b'[');
    json.text(answer.event_id);
    json.flag(answer.is_duplicate);
    json.flag(answer.is_pending);
    if let Some(event) = answer.event {
        PixelEvent { confirm_key: answer.confirm_key, ..PixelEvent::read(event) }.write(&mut json);
    }
    json.close(b']');
    Ok(json.0)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_thrown_is_json_after_its_mark() {
        let throttled = Status { code: 8, ..Status::default() };
        assert_eq!(encode_error(&throttled), b"!5000");
        assert_eq!(encode_error(&Status::unavailable()), b"!0");
        let refused = Status { code: 3, message: b"no".to_vec(), ..Status::default() };
        assert_eq!(encode_error(&refused), br#"!["INVALID_ARGUMENT","no",[]]"#);
    }
}
