//! Encodes the page's calls as requests to the server.

use alloc::vec::Vec;

use crate::flat::Flat;
use crate::grpc::framing;
use crate::grpc::status::Status;
use crate::input::{Input, Permission, timestamp};
use crate::json::Json;
use crate::pixel::PixelEvent;
use crate::text::number;
use crate::wire::{put_bytes, put_text, put_unless_zero};

/// The kinds of calls, as `js/engine.js` numbers them.
pub(crate) const LEAD: u32 = 0;
#[cfg(test)]
pub(crate) const EVENT: u32 = 1;
pub(crate) const CUSTOM_EVENT: u32 = 2;
pub(crate) const PURCHASE: u32 = 3;
pub(crate) const CONFIRMATION: u32 = 4;

/// Name of the RPC for a kind of call.
fn method(kind: u32) -> &'static [u8] {
    match kind {
        LEAD => b"CaptureLead",
        PURCHASE => b"RecordPurchase",
        CONFIRMATION => b"ConfirmBrowserEvents",
        _ => b"TrackEvent",
    }
}

/// A call, ready to be sent: JSON `[path, denied, event for fbq if the server does not answer]`, U+0000, the message in
/// its frame.
fn encode_call(kind: u32, message: &[u8], is_denied: bool, own: Option<&PixelEvent<'_>>) -> Vec<u8> {
    let mut json = Json::default();
    json.open(b'[');
    json.raw(b"\"/tandem.v1.TrackingService/");
    json.0.extend_from_slice(method(kind));
    json.0.push(b'"');
    json.flag(is_denied);
    if let Some(own) = own {
        own.write(&mut json);
    }
    json.close(b']');
    json.0.push(0);
    json.0.append(&mut framing::request(message));
    json.0
}

/// Prepares a call from the entries `options` (of `Tandem.connect`), `visit` (see `js/identity.js`), `input` (the page's
/// argument), `name` (the event's) and `id` (the client's own event ID).
///
/// `made_ms` is the time at which a delayed call was made, in milliseconds since 1970, or 0. For other calls the server
/// uses the time of receipt, because a page's clock may be days off.
pub(crate) fn prepare(kind: u32, made_ms: u64, call: Flat<'_>) -> Result<Vec<u8>, Status> {
    let (options, of) = (call.object(b"options"), call.object(b"input"));
    let (id, name) = (call.text(b"id"), call.text(b"name"));
    let mut input = Input::default();
    let user = input.user(of, options.text(b"defaultCountry"));
    let browser = input.browser(call.object(b"visit"));
    let custom_data = input.custom_data(of, options.text(b"currency"));
    let experiment = input.experiment(of);
    let experiment_of = if experiment.is_some() { of } else { options };
    let experiment = experiment.or_else(|| input.experiment(options));
    let consent = input.consent(of).or_else(|| input.consent(options));
    let order_id = input.text(of, b"", b"orderId");
    let occurred_ms = match input.occurred_at(of) {
        0 => made_ms,
        occurred_ms => occurred_ms,
    };
    let claim_key = input.text(of, b"", b"claimKey");
    let session = input.text(of, b"", b"paymentSessionId");
    if kind == PURCHASE && order_id.is_empty() {
        input.add_error(b"", b"orderId", b"is required");
    }
    input.done()?;

    // The three requests have the same fields under different numbers. Tests compare them with the generated types.
    let mut message = Vec::new();
    let first = if kind == PURCHASE {
        put_text(&mut message, 1, order_id);
        2
    } else {
        1
    };
    put_bytes(&mut message, first, &user);
    put_bytes(&mut message, first + 1, &browser);
    put_bytes(&mut message, first + 2, &custom_data);
    if let Some(experiment) = experiment {
        put_bytes(&mut message, first + 3, &experiment);
    }
    if let Some(consent) = &consent {
        put_bytes(&mut message, first + 4, &consent.message);
    }
    if kind != PURCHASE {
        put_text(&mut message, 6, id);
    }
    if occurred_ms > 0 {
        put_bytes(&mut message, 7, &timestamp(occurred_ms));
    }
    put_text(&mut message, 8, options.text(b"pixelId"));
    match kind {
        LEAD => {}
        PURCHASE => {
            put_text(&mut message, 9, claim_key);
            put_text(&mut message, 11, session);
        }
        _ => {
            put_text(&mut message, 9, name);
            put_text(&mut message, 10, order_id);
            put_text(&mut message, 11, claim_key);
            put_text(&mut message, 12, session);
        }
    }

    let is_denied = consent.as_ref().is_some_and(Permission::is_denied);
    if kind == PURCHASE || consent.is_some_and(|consent| consent.forbids_pixel()) {
        return Ok(encode_call(kind, &message, is_denied, None));
    }
    let test = experiment_of.object(b"experiment");
    let more: [(&[u8], &[u8]); 4] = [
        (b"order_id", if kind == LEAD { b"" } else { order_id }),
        (b"experiment_id", test.text(b"id")),
        (b"variant", test.text(b"variant")),
        (b"test_group", test.text(b"testGroup")),
    ];
    let name = if kind == LEAD { b"Lead" } else { name };
    let own = PixelEvent {
        name,
        id,
        custom_data: &custom_data,
        is_custom: kind == CUSTOM_EVENT,
        more: &more,
        confirm_key: b"",
    };
    Ok(encode_call(kind, &message, is_denied, Some(&own)))
}

/// Encodes the report of what the pixel did with an event, from the entries `pixelId`, `name`, `id`, `outcome` (the
/// number of an `Outcome`) and `confirmKey` (of a Purchase).
pub(crate) fn confirmation(at_ms: u64, of: Flat<'_>) -> Vec<u8> {
    let mut confirmation = Vec::new();
    put_text(&mut confirmation, 1, of.text(b"name"));
    put_text(&mut confirmation, 2, of.text(b"id"));
    put_unless_zero(&mut confirmation, 3, number(of.text(b"outcome")).unwrap_or(0));
    put_bytes(&mut confirmation, 4, &timestamp(at_ms));
    put_text(&mut confirmation, 5, of.text(b"confirmKey"));
    let mut message = Vec::new();
    put_bytes(&mut message, 1, &confirmation);
    put_text(&mut message, 2, of.text(b"pixelId"));
    encode_call(CONFIRMATION, &message, false, None)
}

/// Checks the options of `Tandem.connect`. Returns whether they deny advertising use.
pub(crate) fn check_options(options: Flat<'_>) -> Result<bool, Status> {
    let mut input = Input::default();
    let endpoint = input.text(options, b"", b"endpoint");
    if !endpoint.starts_with(b"https://") && !endpoint.starts_with(b"http://") {
        input.add_error(
            b"endpoint",
            b"",
            b"must be the server's address, such as https://track.shop.example",
        );
    }
    let pixel_id = input.text(options, b"", b"pixelId");
    if pixel_id.is_empty() || !pixel_id.iter().all(u8::is_ascii_digit) {
        input.add_error(b"pixelId", b"", b"must be the pixel's ID: digits");
    }
    input.text(options, b"", b"currency");
    input.text(options, b"", b"defaultCountry");
    input.experiment(options);
    let consent = input.consent(options);
    input.done()?;
    Ok(consent.is_some_and(|consent| consent.is_denied()))
}

#[cfg(test)]
mod tests;
