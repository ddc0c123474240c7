//! The Conversions API's request body (Meta, using the API; server event parameters).
//!
//! A stored event keeps its JSON in two parts ([`Payload`]): `public_json` (name, time, ID,
//! what it is about) and `personal_json` (match keys, URLs of pages). After delivery the
//! personal part is deleted and the public part stays. A batch is joined from the stored parts
//! without parsing them again.

mod stored;

use stored::{OPT_OUT, fields};
pub use stored::{is_opted_out, read_custom_data};

use crate::code;
use crate::custom_data::{Content, CustomData};
use crate::event::{ActionSource, Event};
use crate::id::OrderId;
use crate::page_url::PageUrl;
use crate::user_data::KeySet;

/// Most events that Meta accepts in one request (Meta, using the API).
pub const BATCH_EVENTS_MAX: usize = 1000;
/// Meta's names of the match keys' object, and of the click ID in it.
const USER_DATA: &str = "user_data";
const FBC: &str = "fbc";
/// Most bytes of one request's body; Tandem's own limit.
pub const BATCH_BYTES_MAX: usize = 1_000_000;
/// The JSON that Meta gets of an event, and what a sender must know without reading that JSON.
#[derive(Clone, PartialEq, Eq)]
pub struct Payload {
    /// `{"event_name":…,"custom_data":…}`: no personal data.
    pub public_json: String,
    /// `{"user_data":…,"event_source_url":…}`: personal data. `None` once the person is gone;
    /// such an event cannot be sent.
    pub personal_json: Option<String>,
    /// Names of the event's match keys.
    pub keys: KeySet,
    /// Where the action took place.
    pub action_source: ActionSource,
    /// Whether the event names the page on which it happened.
    pub has_page: bool,
}

impl core::fmt::Debug for Payload {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Payload").field("public_json", &self.public_json).finish_non_exhaustive()
    }
}

impl Payload {
    /// Writes an event's payload.
    pub fn of(event: &Event) -> Self {
        Self {
            public_json: public_json(event),
            personal_json: Some(personal_json(event)),
            keys: event.user_data.key_set(),
            action_source: event.action_source,
            has_page: event.page.event_source_url.is_some(),
        }
    }

    /// Whether Meta would refuse it for naming no page (Meta, server event parameters: website
    /// events need an `event_source_url`).
    pub fn lacks_page(&self) -> bool {
        self.action_source == ActionSource::Website && !self.has_page
    }

    /// The same event on this page, for one that names none.
    pub fn on_page(&self, url: &PageUrl) -> Self {
        let with_page = |json: &String| {
            let mut out = Object(json.strip_suffix('}').unwrap_or(json).to_owned());
            out.text("event_source_url", url.as_str());
            out.finish()
        };
        Self { personal_json: self.personal_json.as_ref().map(with_page), has_page: true, ..self.clone() }
    }

    /// The same event without its click ID (`fbc`). `None` if it has none, or if what is left would
    /// not be enough for Meta. `fbp` stays: it is the browser's and not the click's.
    pub fn without_click_id(&self) -> Option<Self> {
        let keys = self.keys.without_click_id()?;
        let mut personal = fields(self.personal_json.as_deref()?)?;
        let mut user_data = fields(personal.get(USER_DATA)?.get())?;
        user_data.remove(FBC)?;
        let user_data = serde_json::value::to_raw_value(&user_data).ok()?;
        personal.insert(USER_DATA.into(), user_data);
        let personal_json = Some(serde_json::to_string(&personal).ok()?);
        keys.is_enough().then(|| Self { personal_json, keys, ..self.clone() })
    }

    /// Number of bytes that the event adds to a batch, without commas.
    pub fn bytes(&self) -> usize {
        self.public_json.len() + self.personal_json.as_ref().map_or(0, String::len)
    }

    /// What Meta is known to refuse the event for, whatever else is in its batch; one such
    /// event fails the batch. `time_s` is the event's, `oldest_s` that of the oldest event that
    /// Meta takes, both Unix seconds; `None`: the time is not trusted, and Meta may say what is
    /// too old. Returns a code of [`crate::code`] (Meta, server event parameters and best
    /// practices).
    pub fn known_refusal(&self, time_s: i64, oldest_s: Option<i64>) -> Option<&'static str> {
        if oldest_s.is_some_and(|oldest_s| time_s < oldest_s) {
            Some(code::TOO_OLD)
        } else if !self.keys.is_enough() {
            Some(code::MATCH_KEYS_INSUFFICIENT)
        } else if self.lacks_page() {
            Some(code::PAGE_MISSING)
        } else {
            None
        }
    }
}

fn public_json(event: &Event) -> String {
    let mut out = Object::with_capacity(256);
    out.text("event_name", event.name.as_str());
    out.raw("event_time", &event.time_s.to_string());
    out.text("event_id", event.id.as_str());
    out.text("action_source", event.action_source.as_str());
    if let Some(ldu) = event.limited_data_use {
        out.raw("data_processing_options", "[\"LDU\"]");
        out.raw("data_processing_options_country", &ldu.country.to_string());
        out.raw("data_processing_options_state", &ldu.state.to_string());
    }
    if event.opt_out {
        out.raw(OPT_OUT, "true");
    }
    if !event.custom_data.is_empty() {
        out.raw("custom_data", &custom_data(&event.custom_data));
    }
    out.finish()
}

fn personal_json(event: &Event) -> String {
    let mut out = Object::with_capacity(768);
    let mut user_data = Object::with_capacity(640);
    for (key, hash) in event.user_data.hashed() {
        let mut list = String::with_capacity(68);
        list.push_str("[\"");
        hash.write_hex(&mut list);
        list.push_str("\"]");
        user_data.raw(key.meta_name(), &list);
    }
    user_data.optional("fbp", event.user_data.fbp.as_deref());
    user_data.optional(FBC, event.user_data.fbc.as_deref());
    if let Some(address) = event.user_data.client_ip_address {
        user_data.text("client_ip_address", &address.to_string());
    }
    user_data.optional("client_user_agent", event.user_data.client_user_agent.as_deref());
    out.raw(USER_DATA, &user_data.finish());
    out.optional("event_source_url", event.page.event_source_url.as_ref().map(PageUrl::as_str));
    out.optional("referrer_url", event.page.referrer_url.as_ref().map(PageUrl::as_str));
    out.finish()
}

/// Writes `custom_data` as Meta reads it: money as JSON numbers, currency in capitals,
/// custom properties and the experiment flat beside the standard fields.
pub fn custom_data(data: &CustomData) -> String {
    let mut out = Object::with_capacity(192);
    let currency = data.value.or(data.predicted_ltv).map(|money| money.currency);
    if let Some(value) = &data.value {
        out.raw("value", &value.json_number());
    }
    if let Some(currency) = currency {
        out.text("currency", currency.as_str());
    }
    if !data.content_ids.is_empty() {
        out.raw("content_ids", &list(data.content_ids.iter().map(|id| quoted(id))));
    }
    if !data.contents.is_empty() {
        out.raw("contents", &list(data.contents.iter().map(content)));
    }
    for (name, text) in data.texts() {
        out.optional(name, text.as_deref());
    }
    if let Some(n) = data.num_items {
        out.raw("num_items", &n.to_string());
    }
    if let Some(ltv) = &data.predicted_ltv {
        out.raw("predicted_ltv", &ltv.json_number());
    }
    out.optional("order_id", data.order_id.as_ref().map(OrderId::as_str));
    for (name, value) in data.experiment.fields() {
        out.optional(name, (!value.is_empty()).then_some(value));
    }
    for (key, value) in &data.properties {
        out.text(key, value);
    }
    out.finish()
}

fn content(line: &Content) -> String {
    let mut out = Object::with_capacity(64);
    out.text("id", &line.id);
    out.raw("quantity", &line.quantity.to_string());
    if let Some(price) = &line.item_price {
        out.raw("item_price", &price.json_number());
    }
    out.finish()
}

/// Writes the body of a request to Meta. `partner_agent`, `test_event_code` and
/// `appsecret_proof` are Meta's top-level fields of the same names.
pub fn batch_body<'a>(
    events: impl Iterator<Item = &'a Payload>,
    partner_agent: &str,
    test_event_code: Option<&str>,
    appsecret_proof: Option<&str>,
) -> String {
    let mut body = String::with_capacity(64 * 1024);
    body.push_str("{\"data\":[");
    for (i, Payload { public_json, personal_json, .. }) in events.enumerate() {
        if i > 0 {
            body.push(',');
        }
        match personal_json {
            // `{…public…}` and `{…personal…}` become one object.
            Some(personal_json) => {
                body.push_str(public_json.strip_suffix('}').unwrap_or(public_json));
                body.push(',');
                body.push_str(personal_json.strip_prefix('{').unwrap_or(personal_json));
            }
            None => body.push_str(public_json),
        }
    }
    body.push_str("],\"partner_agent\":");
    body.push_str(&quoted(partner_agent));
    for (name, value) in [("test_event_code", test_event_code), ("appsecret_proof", appsecret_proof)] {
        if let Some(value) = value {
            body.push(',');
            push_quoted(&mut body, name);
            body.push(':');
            push_quoted(&mut body, value);
        }
    }
    body.push('}');
    body
}

/// Writes one JSON object, field by field.
struct Object(String);

impl Object {
    fn with_capacity(bytes: usize) -> Self {
        let mut out = String::with_capacity(bytes);
        out.push('{');
        Self(out)
    }

    fn name(&mut self, name: &str) {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        push_quoted(&mut self.0, name);
        self.0.push(':');
    }

    fn raw(&mut self, name: &str, json: &str) {
        self.name(name);
        self.0.push_str(json);
    }

    fn text(&mut self, name: &str, value: &str) {
        self.name(name);
        push_quoted(&mut self.0, value);
    }

    fn optional(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.text(name, value);
        }
    }

    fn finish(mut self) -> String {
        self.0.push('}');
        self.0
    }
}

fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    push_quoted(&mut out, text);
    out
}

/// Appends a JSON string. Control characters, quotes and backslashes are escaped (RFC 8259,
/// section 7); all other characters stay as they are.
fn push_quoted(out: &mut String, text: &str) {
    out.push('"');
    let mut plain_from = 0;
    for (i, byte) in text.bytes().enumerate() {
        let escape: Option<&str> = match byte {
            b'"' => Some("\\\""),
            b'\\' => Some("\\\\"),
            b'\n' => Some("\\n"),
            b'\r' => Some("\\r"),
            b'\t' => Some("\\t"),
            0..0x20 => None,
            _ => continue,
        };
        out.push_str(&text[plain_from..i]);
        match escape {
            Some(escape) => out.push_str(escape),
            None => {
                out.push_str("\\u00");
                out.push(char::from(b"0123456789abcdef"[usize::from(byte >> 4)]));
                out.push(char::from(b"0123456789abcdef"[usize::from(byte & 15)]));
            }
        }
        plain_from = i + 1;
    }
    out.push_str(&text[plain_from..]);
    out.push('"');
}

fn list(items: impl Iterator<Item = String>) -> String {
    let mut out = String::from("[");
    for (i, item) in items.enumerate() {
        if i > 0 {
            out.push(',');
        }
        out.push_str(&item);
    }
    out.push(']');
    out
}

#[cfg(test)]
mod tests;
