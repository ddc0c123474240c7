//! The page's calls: what is sent, and what the pixel fires if the server does not answer.

use alloc::string::String;
use alloc::vec::Vec;

use tandem_core::id::EventName;

use crate::argument::Argument;
use crate::encode::{Encoder, MALFORMED, NOT_ALLOWED, REQUIRED, is_of_page, timestamp};
use crate::event::PixelEvent;
use crate::grpc::status::Status;
use crate::json::Json;
use crate::schema::index::{ADS_CONSENT, CUSTOM_DATA, OUTCOME, USER};
use crate::schema::{self, Method, is_word, number};
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
    /// The kind of a call, by its word in `js/engine.js`.
    pub(crate) fn of(call: &impl Argument) -> Self {
        match call.get("kind").text().as_bytes() {
            b"lead" => Self::Lead,
            b"purchase" => Self::Purchase,
            b"report" => Self::Report,
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
    /// The event's name as Meta writes it.
    name: String,
    is_denied: bool,
    /// What the pixel fires if the server does not answer, as JSON.
    own: Json,
    /// Keys of the argument that name nothing.
    unknown: Vec<String>,
}

impl Prepared {
    /// `{ name, denied, unknown, event }`: see `js/engine.js`.
    pub(crate) fn to_json(&self) -> Json {
        let mut json = Json::default();
        json.open(b'{');
        json.key(b"name");
        json.text(self.name.as_bytes());
        json.key(b"denied");
        json.flag(self.is_denied);
        json.key(b"unknown");
        json.open(b'[');
        for key in &self.unknown {
            json.text(key.as_bytes());
        }
        json.close(b']');
        if !self.own.0.is_empty() {
            json.key(b"event");
            json.raw(&self.own.0);
        }
        json.close(b'}');
        json
    }
}

/// Prepares a call. `is_word`: whether a character beyond ASCII is a letter or a number.
pub(crate) fn prepare<A: Argument>(call: &A, is_word: &dyn Fn(char) -> bool) -> Result<Prepared, Status> {
    let kind = Kind::of(call);
    if kind == Kind::Report {
        return Ok(report(call));
    }
    let (input, options) = (call.get("input"), call.get("options"));
    let mut encoder = Encoder::default();
    encoder.currency = encoder.text(&input.get("currency"), b"custom_data.value.currency_code");
    if encoder.currency.is_empty() {
        encoder.currency = options.get("currency").text().into_bytes();
    }
    let name = match kind {
        Kind::Lead => "Lead".into(),
        Kind::Purchase => "Purchase".into(),
        _ => event_name(&mut encoder, &call.get("name").text(), is_word),
    };
    let id = call.get("id").text();
    let given = |key: &str| Some(input.get(key)).filter(|value| !value.is_absent());
    let or_default = |key: &str| given(key).unwrap_or_else(|| options.get(key));

    let user = user(&mut encoder, kind, &input, &options);
    let custom_data = encoder.message(CUSTOM_DATA, &input, b"custom_data");
    let order_id = given("orderId").map(|id| id.text()).unwrap_or_default();
    if kind == Kind::Purchase && order_id.is_empty() {
        encoder.add_error(b"order_id", REQUIRED, b"is required");
    }
    let method = kind.method();
    let (mut message, mut consent) = (Vec::new(), Vec::new());
    for field in method.request.fields() {
        let out = &mut message;
        match field.name {
            b"user" => put_text(out, field.number, &user),
            b"browser" => put_text(out, field.number, &browser(&call.get("visit"))),
            b"custom_data" => put_text(out, field.number, &custom_data),
            b"experiment" => encoder.field(out, &field, or_default("experiment"), b""),
            b"consent" => {
                encoder.field(&mut consent, &field, or_default("consent"), b"");
                out.extend_from_slice(&consent);
            }
            b"client_event_id" => put_text(out, field.number, id.as_bytes()),
            b"event_name" => put_text(out, field.number, name.as_bytes()),
            b"pixel_id" => put_text(out, field.number, options.get("pixelId").text().as_bytes()),
            // Otherwise the server uses the time of receipt, because a page's clock may be days off.
            b"occurred_at" => {
                let made = Some(call.get("madeMs")).filter(|made| made.text() != "0");
                if let Some(at) = given("occurredAt").or(made) {
                    encoder.field(out, &field, at, b"");
                }
            }
            _ if is_of_page(&field) => encoder.field(out, &field, input.get(&field.page_name()), b""),
            _ => {}
        }
    }
    encoder.done()?;

    let (is_denied, forbids_pixel) = refusals(&consent);
    let mut own = Json::default();
    if kind != Kind::Purchase && !forbids_pixel {
        let experiment = or_default("experiment");
        let of_test = |key: &str| experiment.get(key).text();
        let test = [of_test("id"), of_test("variant"), of_test("testGroup")];
        let order =
            if method.request.fields().any(|field| field.name == b"order_id") { &*order_id } else { "" };
        let more: [(&[u8], &[u8]); 4] = [
            (b"order_id", order.as_bytes()),
            (b"experiment_id", test[0].as_bytes()),
            (b"variant", test[1].as_bytes()),
            (b"test_group", test[2].as_bytes()),
        ];
        let is_custom = EventName::standard(&name).is_none();
        let (name, id) = (name.as_bytes(), id.as_bytes());
        PixelEvent { name, id, custom_data: &custom_data, is_custom, more: &more, confirm_key: b"" }
            .write(&mut own);
    }
    let unknown = unknown(method, &input);
    Ok(Prepared { path: method.path, message, name, is_denied, own, unknown })
}

/// The name of an event as the server would take it.
fn event_name(encoder: &mut Encoder, name: &str, is_word: &dyn Fn(char) -> bool) -> String {
    if EventName::is_reserved(name) {
        let what = b"is reserved: use captureLead for Lead and recordPurchase for Purchase";
        encoder.add_error(b"event_name", NOT_ALLOWED, what);
        return String::new();
    }
    match EventName::of_caller_with(name, is_word) {
        Ok(name) => name.into(),
        Err(_) => {
            encoder.add_error(
                b"event_name",
                MALFORMED,
                b"must be 1 to 50 letters, digits, spaces and plain signs",
            );
            String::new()
        }
    }
}

fn user<A: Argument>(encoder: &mut Encoder, kind: Kind, input: &A, options: &A) -> Vec<u8> {
    let mut user = encoder.message(USER, input, b"user");
    let has = |wanted| Fields(&user).any(|(found, _)| found == wanted);
    if kind == Kind::Lead && !has(number::USER_EMAIL) && !has(number::USER_PHONE) {
        encoder.add_error(b"user.email", REQUIRED, b"or user.phone is required: a lead needs one of them");
    }
    put_text(&mut user, number::USER_DEFAULT_COUNTRY, options.get("defaultCountry").text().as_bytes());
    user
}

/// `Browser`, from the visit that `js/identity.js` has read.
fn browser(visit: &impl Argument) -> Vec<u8> {
    let mut out = Vec::new();
    for (number, key) in [
        (number::BROWSER_FBP, "fbp"),
        (number::BROWSER_FBC, "fbc"),
        (number::BROWSER_FBCLID, "click"),
        (number::BROWSER_EVENT_SOURCE_URL, "page"),
        (number::BROWSER_REFERRER_URL, "referrer"),
    ] {
        put_text(&mut out, number, visit.get(key).text().as_bytes());
    }
    out
}

/// Whether a field with a `Consent` refuses advertising use, and whether it forbids the pixel to fire. The pixel has no
/// word for measurement alone, so the server sends such an event.
fn refusals(field: &[u8]) -> (bool, bool) {
    let consent = Fields(field).next().map(|(_, consent)| consent.bytes()).unwrap_or_default();
    let ads = Fields(consent).find(|(found, _)| *found == number::CONSENT_ADS);
    let is = |word| ads.as_ref().is_some_and(|(_, ads)| is_word(ADS_CONSENT, ads.number(), word));
    let is_denied = is(b"denied");
    (is_denied, is_denied || is(b"measure_only"))
}

/// Keys with a value that is no field of the call.
fn unknown(method: &Method, input: &impl Argument) -> Vec<String> {
    if !input.is_object() {
        return Vec::new();
    }
    let mut keys = input.keys();
    keys.retain(|key| {
        let groups = [method.request, USER, CUSTOM_DATA];
        let mut fields = groups.into_iter().flat_map(|group| group.fields().filter(is_of_page));
        let is_known = key == "currency" || fields.any(|field| field.is_called(key));
        !is_known && !input.get(key).is_absent()
    });
    keys
}

/// The report of what the pixel did with an event: `name`, `id`, `outcome`, `atMs`, and the `key` of a Purchase.
fn report(call: &impl Argument) -> Prepared {
    let of = call.get("input");
    let text = |key: &str| of.get(key).text();
    let mut confirmation = Vec::new();
    put_text(&mut confirmation, number::CONFIRMATION_EVENT_NAME, text("name").as_bytes());
    put_text(&mut confirmation, number::CONFIRMATION_EVENT_ID, text("id").as_bytes());
    let outcome = schema::number_of(OUTCOME, text("outcome").as_bytes()).unwrap_or(0);
    put_unless_zero(&mut confirmation, number::CONFIRMATION_OUTCOME, outcome);
    let at_ms = crate::text::number(text("atMs").as_bytes()).unwrap_or(0);
    put_bytes(&mut confirmation, number::CONFIRMATION_OCCURRED_AT, &timestamp(at_ms));
    put_text(&mut confirmation, number::CONFIRMATION_CONFIRM_KEY, text("key").as_bytes());
    let mut message = Vec::new();
    put_bytes(&mut message, number::CONFIRM_BROWSER_EVENTS_REQUEST_CONFIRMATIONS, &confirmation);
    let pixel_id = call.get("options").get("pixelId").text();
    put_text(&mut message, number::CONFIRM_BROWSER_EVENTS_REQUEST_PIXEL_ID, pixel_id.as_bytes());
    Prepared {
        path: Kind::Report.method().path,
        message,
        name: text("name"),
        is_denied: false,
        own: Json::default(),
        unknown: Vec::new(),
    }
}

/// Checks the options of `Tandem.connect`. Returns whether they deny advertising use.
pub(crate) fn check_options(options: &impl Argument) -> Result<bool, Status> {
    let mut encoder = Encoder::default();
    let endpoint = encoder.text(&options.get("endpoint"), b"endpoint");
    if !endpoint.starts_with(b"https://") && !endpoint.starts_with(b"http://") {
        let what = b"must be the server's address, such as https://track.shop.example";
        encoder.add_error(b"endpoint", MALFORMED, what);
    }
    let pixel_id = encoder.text(&options.get("pixelId"), b"pixel_id");
    if pixel_id.is_empty() || !pixel_id.iter().all(u8::is_ascii_digit) {
        encoder.add_error(b"pixel_id", MALFORMED, b"must be the pixel's ID: digits");
    }
    encoder.text(&options.get("currency"), b"currency");
    encoder.text(&options.get("defaultCountry"), b"default_country");
    let mut consent = Vec::new();
    for field in schema::CAPTURE_LEAD.request.fields() {
        match field.name {
            b"experiment" => encoder.field(&mut Vec::new(), &field, options.get("experiment"), b""),
            b"consent" => encoder.field(&mut consent, &field, options.get("consent"), b""),
            _ => {}
        }
    }
    encoder.done()?;
    Ok(refusals(&consent).0)
}

#[cfg(test)]
#[path = "call_tests.rs"]
mod tests;
