//! The page's calls: what is sent, and what the pixel fires if the server does not answer.

use alloc::vec::Vec;

use tandem_core::id::EventName;

use crate::encode::{Encoder, is_given, timestamp};
use crate::event::PixelEvent;
use crate::grpc::status::Status;
use crate::json::Json;
use crate::node::Node;
use crate::schema::index::{ADS_CONSENT, CUSTOM_DATA, OUTCOME, USER};
use crate::schema::{self, Field, Message, Method, is_word, number, role};
use crate::wire::{Fields, put_bytes, put_text, put_unless_zero};

/// What a call reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Lead,
    /// `track` and `trackCustom`. The name decides which of them the pixel gets.
    Event,
    Purchase,
    /// What the pixel did with an event.
    Report,
}

impl Kind {
    /// The kind of a call, by its word in `js/engine.js`, of which the first letter is enough.
    pub(crate) fn of(call: Node<'_>) -> Self {
        match call.get(b"kind").raw() {
            [b'l', ..] => Self::Lead,
            [b'p', ..] => Self::Purchase,
            [b'r', ..] => Self::Report,
            _ => Self::Event,
        }
    }

    pub(crate) fn method(self) -> &'static Method {
        match self {
            Self::Lead => &schema::CAPTURE_LEAD,
            Self::Event => &schema::TRACK_EVENT,
            Self::Purchase => &schema::RECORD_PURCHASE,
            Self::Report => &schema::CONFIRM_BROWSER_EVENTS,
        }
    }
}

/// A call, ready to be sent.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) path: &'static str,
    pub(crate) message: Vec<u8>,
    /// `{ name, denied, unknown, event }`, as `js/engine.js` describes them.
    pub(crate) result: Json,
}

/// Prepares a call.
pub(crate) fn prepare(call: Node<'_>) -> Result<Prepared, Status> {
    let kind = Kind::of(call);
    if kind == Kind::Report {
        return Ok(report(call));
    }
    let (input, options) = (call.get(b"input"), call.get(b"options"));
    let or_default =
        |key: &[u8]| Some(input.get(key)).filter(|own| !own.is_absent()).unwrap_or(options.get(key));
    let mut encoder = Encoder::default();
    encoder.currency = encoder.text(or_default(b"currency"), b"custom_data.value.currency_code");
    let name = match kind {
        Kind::Lead => b"Lead".to_vec(),
        Kind::Purchase => b"Purchase".to_vec(),
        _ => event_name(&mut encoder, call.get(b"name").text()),
    };
    let (id, test, order_id) = (call.get(b"id").text(), or_default(b"experiment"), input.get(b"orderId"));
    let user = user(&mut encoder, kind, input, options);
    let custom_data = encoder.message(CUSTOM_DATA, input, b"custom_data");
    if kind == Kind::Purchase && order_id.is_absent() {
        encoder.add_error(b"order_id", b"REQUIRED", b"Give the order's ID.");
    }
    let method = kind.method();
    let (mut message, mut consent, mut has_order) = (Vec::new(), Vec::new(), false);
    for field in method.request.fields() {
        let mut given = input.find(|key| field.is_called(key));
        match field.role {
            role::USER => put_text(&mut message, field.number, &user),
            role::BROWSER => put_text(&mut message, field.number, &browser(call.get(b"visit"))),
            role::CUSTOM_DATA => put_text(&mut message, field.number, &custom_data),
            role::CLIENT_EVENT_ID => put_text(&mut message, field.number, &id),
            role::EVENT_NAME => put_text(&mut message, field.number, &name),
            role::PIXEL_ID => put_text(&mut message, field.number, &options.get(b"pixelId").text()),
            role::ACTION_SOURCE => {}
            what => {
                // Without a time the server uses that of receipt, because a page's clock may be days off.
                let made = Some(call.get(b"madeMs")).filter(|made| made.raw() != b"0");
                match what {
                    role::EXPERIMENT => given = test,
                    role::CONSENT => given = or_default(b"consent"),
                    role::OCCURRED_AT if given.is_absent() => given = made.unwrap_or_default(),
                    _ => {}
                }
                has_order |= what == role::ORDER_ID;
                let start = message.len();
                encoder.field(&mut message, &field, given, b"");
                if what == role::CONSENT {
                    consent = message.get(start..).unwrap_or_default().to_vec();
                }
            }
        }
    }
    encoder.done()?;

    let (is_denied, forbids_pixel) = refusals(&consent);
    let mut result = Json::default();
    result.open(b'{');
    result.key(b"name");
    result.text(&name);
    result.key(b"denied");
    result.flag(is_denied);
    unknown(&mut result, method, input);
    if kind != Kind::Purchase && !forbids_pixel {
        let order = if has_order { order_id.text() } else { Vec::new() };
        let test = (test.get(b"id").text(), test.get(b"variant").text(), test.get(b"testGroup").text());
        let more: [(&[u8], &[u8]); 4] = [
            (b"order_id", &order),
            (b"experiment_id", &test.0),
            (b"variant", &test.1),
            (b"test_group", &test.2),
        ];
        let is_custom = EventName::standard(text_of(&name)).is_none();
        result.key(b"event");
        PixelEvent {
            name: &name,
            id: &id,
            custom_data: &custom_data,
            is_custom,
            more: &more,
            confirm_key: b"",
        }
        .write(&mut result);
    }
    result.close(b'}');
    Ok(Prepared { path: method.path, message, result })
}

/// The text of bytes from the page, which are UTF-8.
fn text_of(bytes: &[u8]) -> &str {
    core::str::from_utf8(bytes).unwrap_or_default()
}

/// The name of an event as the server would take it. Only the server has the tables of letters beyond ASCII.
fn event_name(encoder: &mut Encoder, name: Vec<u8>) -> Vec<u8> {
    let text = text_of(&name);
    if EventName::is_reserved(text) {
        let what =
            b"Use captureLead for Lead and recordPurchase for Purchase. Other reserved names cannot be sent.";
        encoder.add_error(b"event_name", b"EVENT_NAME_RESERVED", what);
        return name;
    }
    match EventName::of_caller_with(text.trim_ascii(), |_| true) {
        Ok(name) => name.as_str().as_bytes().to_vec(),
        Err(_) => {
            encoder.add_error(
                b"event_name",
                b"EVENT_NAME_MALFORMED",
                b"Use 1 to 50 letters, digits, spaces and plain signs.",
            );
            name
        }
    }
}

fn user(encoder: &mut Encoder, kind: Kind, input: Node<'_>, options: Node<'_>) -> Vec<u8> {
    let mut user = encoder.message(USER, input, b"user");
    let mut contacts =
        Fields(&user).filter(|(found, _)| matches!(*found, number::USER_EMAIL | number::USER_PHONE));
    if kind == Kind::Lead && contacts.next().is_none() {
        encoder.add_error(
            b"user.email",
            b"EMAIL_OR_PHONE_REQUIRED",
            b"Enter an e-mail address or a phone number.",
        );
    }
    put_text(&mut user, number::USER_DEFAULT_COUNTRY, &options.get(b"defaultCountry").text());
    user
}

/// `Browser`, from the visit that `js/identity.js` has read.
fn browser(visit: Node<'_>) -> Vec<u8> {
    put_all(
        visit,
        &[
            (number::BROWSER_FBP, b"fbp"),
            (number::BROWSER_FBC, b"fbc"),
            (number::BROWSER_FBCLID, b"click"),
            (number::BROWSER_EVENT_SOURCE_URL, b"page"),
            (number::BROWSER_REFERRER_URL, b"referrer"),
        ],
    )
}

/// A message of texts by other keys than its fields' names.
fn put_all(of: Node<'_>, fields: &[(u64, &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    for (number, key) in fields {
        put_text(&mut out, *number, &of.get(key).text());
    }
    out
}

/// Whether a field with a `Consent` refuses advertising use, and whether it forbids the pixel to fire. The pixel has no
/// word for measurement alone, so the server sends such an event.
fn refusals(field: &[u8]) -> (bool, bool) {
    let consent = Fields(field).next().map(|(_, consent)| consent.bytes()).unwrap_or_default();
    let ads = Fields(consent).find(|(found, _)| *found == number::CONSENT_ADS);
    let ads = ads.map(|(_, ads)| ads.number()).unwrap_or_default();
    let is_denied = is_word(ADS_CONSENT, ads, b"denied");
    (is_denied, is_denied || is_word(ADS_CONSENT, ads, b"measure_only"))
}

/// Writes the keys with a value that is no field of the call.
fn unknown(json: &mut Json, method: &Method, input: Node<'_>) {
    json.key(b"unknown");
    json.open(b'[');
    for (key, value) in input.members() {
        let has = |message: Message, field: &Field| is_given(message, field) && field.is_called(key.raw());
        let is_known = key.raw() == b"currency"
            || [method.request, USER, CUSTOM_DATA].iter().any(|of| of.fields().any(|field| has(*of, &field)));
        if !is_known && !value.is_absent() {
            json.text(&key.text());
        }
    }
    json.close(b']');
}

/// The report of what the pixel did with an event: `name`, `id`, `outcome`, `atMs`, and the `key` of a Purchase.
fn report(call: Node<'_>) -> Prepared {
    let of = call.get(b"input");
    let mut confirmation = put_all(
        of,
        &[
            (number::CONFIRMATION_EVENT_NAME, b"name"),
            (number::CONFIRMATION_EVENT_ID, b"id"),
            (number::CONFIRMATION_CONFIRM_KEY, b"key"),
        ],
    );
    let outcome = schema::number_of(OUTCOME, of.get(b"outcome").raw()).unwrap_or_default();
    put_unless_zero(&mut confirmation, number::CONFIRMATION_OUTCOME, outcome);
    let at_ms = crate::text::number(of.get(b"atMs").raw()).unwrap_or_default();
    put_bytes(&mut confirmation, number::CONFIRMATION_OCCURRED_AT, &timestamp(at_ms));
    let pixel = (number::CONFIRM_BROWSER_EVENTS_REQUEST_PIXEL_ID, b"pixelId".as_slice());
    let mut message = put_all(call.get(b"options"), &[pixel]);
    put_bytes(&mut message, number::CONFIRM_BROWSER_EVENTS_REQUEST_CONFIRMATIONS, &confirmation);
    Prepared { path: Kind::Report.method().path, message, result: Json(b"{\"unknown\":[]}".to_vec()) }
}

/// Checks the options of `Tandem.connect`. Returns whether they deny advertising use.
pub(crate) fn check_options(options: Node<'_>) -> Result<bool, Status> {
    let mut encoder = Encoder::default();
    let endpoint = encoder.text(options.get(b"endpoint"), b"endpoint");
    let is_path = endpoint.starts_with(b"/") && !endpoint.starts_with(b"//");
    if !is_path && !endpoint.starts_with(b"https://") && !endpoint.starts_with(b"http://") {
        let what = b"Give the server's address, such as https://track.shop.example, \
            or a path of this site that leads to it, such as /t.";
        encoder.add_error(b"endpoint", b"URL_MALFORMED", what);
    }
    let pixel_id = encoder.text(options.get(b"pixelId"), b"pixel_id");
    if pixel_id.is_empty() || !pixel_id.iter().all(u8::is_ascii_digit) {
        encoder.add_error(b"pixel_id", b"PIXEL_UNKNOWN", b"Give the pixel's ID: digits.");
    }
    encoder.text(options.get(b"currency"), b"currency");
    encoder.text(options.get(b"defaultCountry"), b"default_country");
    let mut consent = Vec::new();
    for field in schema::CAPTURE_LEAD.request.fields() {
        if let role::EXPERIMENT | role::CONSENT = field.role {
            consent.clear();
            encoder.field(&mut consent, &field, options.find(|key| field.is_called(key)), b"");
        }
    }
    encoder.done()?;
    Ok(refusals(&consent).0)
}

#[cfg(test)]
mod tests;
