//! Turns the page's arguments into messages of `proto/tandem/v1/common.proto`.

use alloc::vec::Vec;

use crate::flat::{Flat, Value};
use crate::grpc::status::{INVALID_ARGUMENT, Status};
use crate::names::{BROWSER, CONTENT, CUSTOM_DATA, EXPERIMENT, USER, numbered, push_snake};
use crate::text::number;
use crate::wire::{put_bytes, put_number, put_text, put_unless_zero};

/// `CONSENT_DENIED`: the visitor refused advertising use.
const DENIED: u64 = 2;
/// `CONSENT_MEASURE_ONLY`: the visitor allowed measurement alone.
const MEASURE_ONLY: u64 = 3;

/// Reads arguments and collects errors, by the server's names of fields.
#[derive(Debug, Default)]
pub(crate) struct Input {
    errors: Status,
}

/// An encoded `Consent`.
#[derive(Debug)]
pub(crate) struct Permission {
    pub(crate) message: Vec<u8>,
    ads: u64,
}

impl Permission {
    /// Whether the visitor refused advertising use.
    pub(crate) fn is_denied(&self) -> bool {
        self.ads == DENIED
    }

    /// Whether the page's pixel must not fire. It has no word for measurement alone, so the server sends
    /// such an event.
    pub(crate) fn forbids_pixel(&self) -> bool {
        matches!(self.ads, DENIED | MEASURE_ONLY)
    }
}

impl Input {
    /// Adds an error of a field. `group` is its message, `key` the page's name of the field.
    pub(crate) fn add_error(&mut self, group: &[u8], key: &[u8], what: &[u8]) {
        let mut name = group.to_vec();
        if !group.is_empty() && !key.is_empty() {
            name.push(b'.');
        }
        push_snake(&mut name, key);
        self.errors.add_field(&name, what);
    }

    /// The collected errors as a status, if there are any.
    pub(crate) fn done(mut self) -> Result<(), Status> {
        if self.errors.fields.0.is_empty() {
            return Ok(());
        }
        self.errors.code = INVALID_ARGUMENT;
        self.errors.message = b"some fields are missing or malformed".to_vec();
        Err(self.errors)
    }

    /// A text. Empty if absent.
    pub(crate) fn text<'a>(&mut self, of: Flat<'a>, group: &[u8], key: &[u8]) -> &'a [u8] {
        self.text_of(of.get(key), group, key)
    }

    fn text_of<'a>(&mut self, value: Option<Value<'a>>, group: &[u8], key: &[u8]) -> &'a [u8] {
        match value {
            Some(Value::Text(text)) => return text,
            Some(Value::Object(_)) => self.add_error(group, key, b"must be text"),
            None => {}
        }
        &[]
    }

    /// Encodes text fields in the order of their numbers.
    fn texts(&mut self, of: Flat<'_>, group: &[u8], names: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        for (field, key) in numbered(names) {
            put_text(&mut out, field, self.text(of, group, key));
        }
        out
    }

    fn count(&mut self, of: Flat<'_>, group: &[u8], key: &[u8]) -> Option<u64> {
        let text = self.text(of, group, key);
        if text.is_empty() {
            return None;
        }
        let count = number(text).filter(|count| *count <= u32::MAX.into());
        if count.is_none() {
            self.add_error(group, key, b"must be a whole number");
        }
        count
    }

    /// `User`. `default_country` is the shop's.
    pub(crate) fn user(&mut self, of: Flat<'_>, default_country: &[u8]) -> Vec<u8> {
        let mut out = self.texts(of, b"user", USER);
        put_text(&mut out, 12, default_country);
        out
    }

    pub(crate) fn browser(&mut self, visit: Flat<'_>) -> Vec<u8> {
        self.texts(visit, b"browser", BROWSER)
    }

    /// `Experiment`, if the argument has one.
    pub(crate) fn experiment(&mut self, of: Flat<'_>) -> Option<Vec<u8>> {
        let Value::Object(of) = of.get(b"experiment")? else { return None };
        Some(self.texts(of, b"experiment", EXPERIMENT))
    }

    /// `CustomData`. `currency` is the page's default.
    pub(crate) fn custom_data(&mut self, of: Flat<'_>, currency: &[u8]) -> Vec<u8> {
        const GROUP: &[u8] = b"custom_data";
        let own = self.text(of, GROUP, b"currency");
        let currency = if own.is_empty() { currency } else { own };
        let mut out = Vec::new();
        for (field, key) in numbered(CUSTOM_DATA) {
            match field {
                1 | 10 => self.money(&mut out, field, of, GROUP, key, currency),
                2 => {
                    for (_, id) in of.object(key) {
                        put_text(&mut out, field, self.text_of(Some(id), b"custom_data.content_ids", b""));
                    }
                }
                3 => {
                    for (_, line) in of.object(key) {
                        let line = self.content(line, currency);
                        put_bytes(&mut out, field, &line);
                    }
                }
                7 => {
                    if let Some(count) = self.count(of, GROUP, key) {
                        put_number(&mut out, field, count);
                    }
                }
                11 => {
                    for (name, value) in of.object(key) {
                        let text = self.text_of(Some(value), b"custom_data.properties", name);
                        let mut property = Vec::new();
                        put_text(&mut property, 1, name);
                        put_text(&mut property, 2, text);
                        put_bytes(&mut out, field, &property);
                    }
                }
                12 => {}
                _ => put_text(&mut out, field, self.text(of, GROUP, key)),
            }
        }
        out
    }

    fn content(&mut self, line: Value<'_>, currency: &[u8]) -> Vec<u8> {
        const GROUP: &[u8] = b"custom_data.contents";
        let mut out = Vec::new();
        let Value::Object(line) = line else {
            self.add_error(GROUP, b"", b"must be objects");
            return out;
        };
        for (field, key) in numbered(CONTENT) {
            match field {
                1 => put_text(&mut out, field, self.text(line, GROUP, key)),
                2 => put_unless_zero(&mut out, field, self.count(line, GROUP, key).unwrap_or(1)),
                _ => self.money(&mut out, field, line, GROUP, key, currency),
            }
        }
        out
    }

    fn money(
        &mut self,
        out: &mut Vec<u8>,
        field: u8,
        of: Flat<'_>,
        group: &[u8],
        key: &[u8],
        currency: &[u8],
    ) {
        let amount = self.text(of, group, key);
        if !amount.is_empty() {
            let mut money = Vec::new();
            put_text(&mut money, 1, amount);
            put_text(&mut money, 2, currency);
            put_bytes(out, field, &money);
        }
    }

    /// `Consent`, if the argument has one.
    pub(crate) fn consent(&mut self, of: Flat<'_>) -> Option<Permission> {
        const GROUP: &[u8] = b"consent";
        let Value::Object(of) = of.get(GROUP)? else { return None };
        let ads = match self.text(of, GROUP, b"ads") {
            b"" => 0,
            b"granted" => 1,
            b"denied" => DENIED,
            b"measure_only" => MEASURE_ONLY,
            _ => {
                self.add_error(GROUP, b"ads", b"must be granted, measure_only or denied");
                DENIED
            }
        };
        let mut message = Vec::new();
        put_unless_zero(&mut message, 1, ads);
        put_unless_zero(&mut message, 2, is_true(of.text(b"limitedDataUse")).into());
        put_unless_zero(&mut message, 3, self.count(of, GROUP, b"country").unwrap_or(0));
        put_unless_zero(&mut message, 4, self.count(of, GROUP, b"state").unwrap_or(0));
        Some(Permission { message, ads })
    }

    /// The time of the event, in milliseconds since 1970. 0 if the argument has no time.
    pub(crate) fn occurred_at(&mut self, of: Flat<'_>) -> u64 {
        let text = self.text(of, b"", b"occurredAt");
        if text.is_empty() {
            return 0;
        }
        number(text).unwrap_or_else(|| {
            self.add_error(b"", b"occurredAt", b"must be a Date, a date's text or milliseconds since 1970");
            0
        })
    }
}

/// Whether `text`, a JavaScript value as text, means true.
fn is_true(text: &[u8]) -> bool {
    !matches!(text, b"" | b"false" | b"0")
}

/// `Timestamp` from milliseconds since 1970.
pub(crate) fn timestamp(ms: u64) -> Vec<u8> {
    let mut out = Vec::new();
    put_unless_zero(&mut out, 1, ms / 1000);
    out
}
