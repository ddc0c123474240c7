//! Tandem in the page: one event ID for the pixel and the server.
//!
//! `cargo xtask wasm` compiles this crate to WebAssembly and binds it to JavaScript. The crate is the client: it reads the
//! page's argument, makes the message, starts the request (`begin`), reads the answer and calls `fbq` with its ID
//! (`finish`). Every function returns at once. `begin` returns the browser's own promise, because waiting inside
//! WebAssembly would need 13 kB more. The JavaScript side, `js/`, waits, stores and listens. `js/engine.js` describes the
//! functions of this file.
//!
//! No panic is reachable and no text is formatted. The standard library is left out, because its panic messages would be a
//! quarter of the package. Arguments and results are JSON, because each access to a JavaScript object needs code on both
//! sides.
//!
//! | module | contains |
//! |---|---|
//! | `node`, `json` | JSON: what JavaScript gives, and what it gets |
//! | `schema` | the messages of the protocol, as tables made at build time |
//! | `encode` | the page's arguments, as messages |
//! | `call` | calls, ready to be sent |
//! | `answer` | the server's answers |
//! | `grpc` | gRPC-web's frames and statuses |
//! | `event` | events for `fbq` |
//! | `identity` | cookies and the pixel's match keys |
//! | `browser` | what the browser does for the client: `fetch`, `fbq` |
//! | `retry` | when to try again |
//! | `wire`, `text` | protobuf and numbers, in few bytes |

#![warn(missing_docs)]
#![cfg_attr(target_arch = "wasm32", no_std)]

extern crate alloc;

use alloc::vec::Vec;

use tandem_core::id::EventId;
use wasm_bindgen::prelude::*;

mod answer;
mod browser;
mod call;
#[cfg(test)]
mod decoder_tests;
mod encode;
mod event;
mod grpc;
mod identity;
mod json;
mod node;
mod retry;
mod schema;
mod text;
mod wire;

use answer::Answer;
use call::Kind;
use event::PixelEvent;
use grpc::status::Status;
use json::Json;
use node::Node;

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

/// Values of `what` for [`run`].
const CHECK: u32 = 0;
const NEW_ID: u32 = 1;
const CLICK: u32 = 2;
const COOKIES: u32 = 3;
const MATCHING: u32 = 4;

/// The first byte of a result that JavaScript must throw: a mistake that the page can correct, or the milliseconds to wait
/// before the next try.
const THROWN: u8 = b'!';

/// Does the work that needs nothing of the browser. It is one function, because each exported function costs bytes. Only
/// `js/wasm.js` calls it.
///
/// | `what` | `input`, JSON | result, JSON |
/// |---|---|---|
/// | 0: check the options of `Tandem.connect` | the options | whether they deny advertising use |
/// | 1: a new event ID | ten random bytes, which are not JSON | the ID |
/// | 2: the click ID of a visit | `page`, `referrer` | the ID, or an empty text |
/// | 3: Meta's cookies | `visit`, `dots`, `random` | `[fbp, fbc]` |
/// | 4: match keys for the pixel's `init` | the person | the keys, by Meta's names |
/// | others: prepare a call | the call | `{ name, denied, unknown, event }` |
///
/// A result that JavaScript must throw begins with `!`.
#[wasm_bindgen]
#[must_use]
pub fn run(what: u32, now_ms: f64, input: &[u8]) -> Vec<u8> {
    let (node, now_ms) = (Node::read(input), now_ms as u64);
    let result = match what {
        CHECK => call::check_options(node).map(|is_denied| {
            let mut json = Json::default();
            json.flag(is_denied);
            json
        }),
        NEW_ID => Ok(new_id(now_ms, input)),
        CLICK => Ok(identity::click(node)),
        COOKIES => Ok(identity::cookies(node, now_ms)),
        MATCHING => Ok(identity::matching(node)),
        _ => call::prepare(node).map(|prepared| prepared.result),
    };
    bytes_of(result)
}

fn bytes_of(result: Result<Json, Status>) -> Vec<u8> {
    result.unwrap_or_else(|status| status.thrown(THROWN)).0
}

fn new_id(now_ms: u64, random: &[u8]) -> Json {
    let mut json = Json::default();
    let random = random.first_chunk().copied().unwrap_or_default();
    json.text(EventId::v7(now_ms, random).as_str().as_bytes());
    json
}

/// Sends a call that [`run`] has prepared. Returns the browser's own promise of the response, or `undefined` for a call
/// with mistakes.
#[wasm_bindgen]
#[must_use]
pub fn begin(call: &[u8], signal: &browser::AbortSignal) -> JsValue {
    let call = Node::read(call);
    call::prepare(call).map_or(JsValue::UNDEFINED, |prepared| {
        browser::send(call.get(b"options"), prepared.path, &prepared.message, signal)
    })
}

/// Reads the answer to a call: `{ eventId, duplicate, pending, event, fired }`, or what JavaScript must throw, as of
/// [`run`]. `head` has the call's `kind` and the `headers`. With `may_fire`, calls `fbq` with the event that the server
/// returned.
#[wasm_bindgen]
#[must_use]
pub fn finish(head: &[u8], body: &[u8], may_fire: bool) -> Vec<u8> {
    let fire = |call: &Json| may_fire.then(|| browser::fire_json(call));
    bytes_of(finished(Node::read(head), body, &fire))
}

fn finished(head: Node<'_>, body: &[u8], fire: &dyn Fn(&Json) -> Option<bool>) -> Result<Json, Status> {
    let message = answer::message(head.get(b"headers"), body)?;
    let answer = Answer::read(Kind::of(head).method(), message)?;
    let mut json = Json::default();
    json.open(b'{');
    json.key(b"eventId");
    json.text(answer.event_id);
    let mut flags = [
        (b"duplicate".as_slice(), Some(answer.is_duplicate)),
        (b"pending", Some(answer.is_pending)),
        (b"fired", None),
    ];
    if let Some(event) = answer.event {
        let event = PixelEvent { confirm_key: answer.confirm_key, ..PixelEvent::read(event) };
        let mut call = Json::default();
        event.write_call(&mut call);
        flags[2].1 = fire(&call);
        json.key(b"event");
        event.write(&mut json);
    }
    for (key, flag) in flags {
        if let Some(flag) = flag {
            json.key(key);
            json.flag(flag);
        }
    }
    json.close(b'}');
    Ok(json)
}

/// Calls `fbq` with the elements of a list. Returns false if it threw.
#[wasm_bindgen]
#[must_use]
pub fn fire(call: &JsValue) -> bool {
    browser::fire(call)
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
