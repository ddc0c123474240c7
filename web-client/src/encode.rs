//! Turns the page's arguments into messages, by the tables of `schema`.

use alloc::vec::Vec;

use crate::argument::Argument;
use crate::grpc::status::{INVALID_ARGUMENT, Status};
use crate::schema::index::{CONTENT, MONEY, PROPERTY, TIMESTAMP};
use crate::schema::{self, Field, Kind, Message, choices, number_of};
use crate::text::number;
use crate::wire::{put_bytes, put_number, put_text, put_unless_zero};

/// Codes of the errors of fields. They are the server's.
pub(crate) const REQUIRED: &[u8] = b"required";
pub(crate) const MALFORMED: &[u8] = b"malformed";
pub(crate) const NOT_ALLOWED: &[u8] = b"not_allowed";

/// Reads arguments and collects errors, by the server's names of fields.
#[derive(Debug, Default)]
pub(crate) struct Encoder {
    errors: Status,
    /// The currency of all amounts.
    pub(crate) currency: Vec<u8>,
}

impl Encoder {
    pub(crate) fn add_error(&mut self, path: &[u8], code: &[u8], what: &[u8]) {
        self.errors.add_field(path, code, what);
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
    pub(crate) fn text(&mut self, value: &impl Argument, path: &[u8]) -> Vec<u8> {
        if value.is_object() {
            self.add_error(path, MALFORMED, b"must be text");
        }
        value.text().into_bytes()
    }

    /// Encodes a message: the values of an object by the page's names of the message's fields. `path` is the server's
    /// name of the message.
    pub(crate) fn message(&mut self, message: Message, of: &impl Argument, path: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        for field in message.fields().filter(is_of_page) {
            self.field(&mut out, &field, of.get(&field.page_name()), path);
            if message == CONTENT && field.name == b"quantity" && of.get("quantity").is_absent() {
                put_number(&mut out, field.number, 1);
            }
        }
        out
    }

    /// Appends a field of the message with this path. Absent values have no bytes.
    pub(crate) fn field<A: Argument>(&mut self, out: &mut Vec<u8>, field: &Field, value: A, path: &[u8]) {
        if value.is_absent() {
            return;
        }
        let mut name = path.to_vec();
        if !path.is_empty() {
            name.push(b'.');
        }
        name.extend_from_slice(field.name);
        if field.kind == Kind::Message(PROPERTY) {
            return self.properties(out, field, &value, &name);
        }
        let items = if field.is_list { value.items() } else { [value].into() };
        for item in items.iter().filter(|item| !item.is_absent()) {
            self.value(out, field, item, &name);
        }
    }

    fn value(&mut self, out: &mut Vec<u8>, field: &Field, value: &impl Argument, path: &[u8]) {
        let text = match field.kind {
            Kind::Message(message) if message != MONEY && message != TIMESTAMP => {
                if value.is_object() {
                    let message = self.message(message, value, path);
                    put_bytes(out, field.number, &message);
                } else {
                    self.add_error(path, MALFORMED, b"must be an object");
                }
                return;
            }
            Kind::Message(TIMESTAMP) => {
                let ms = value.time_ms();
                if !value.is_object() && value.text().is_empty() {
                } else if ms >= 0.0 {
                    put_bytes(out, field.number, &timestamp(ms as u64));
                } else {
                    self.add_error(
                        path,
                        MALFORMED,
                        b"must be a Date, a date's text or milliseconds since 1970",
                    );
                }
                return;
            }
            _ => self.text(value, path),
        };
        if text.is_empty() {
            return;
        }
        match field.kind {
            Kind::Number => match number(&text).filter(|number| *number <= u32::MAX.into()) {
                Some(number) if field.has_presence => put_number(out, field.number, number),
                Some(number) => put_unless_zero(out, field.number, number),
                None => self.add_error(path, MALFORMED, b"must be a whole number"),
            },
            Kind::Flag => put_unless_zero(out, field.number, (text != b"false" && text != b"0").into()),
            Kind::Enum(index) => match number_of(index, &text) {
                Some(number) => put_unless_zero(out, field.number, number),
                None => {
                    let mut what = b"must be one of ".to_vec();
                    what.append(&mut choices(index));
                    self.add_error(path, MALFORMED, &what);
                }
            },
            // An amount. All amounts of a call have its currency.
            Kind::Message(_) => {
                let mut money = Vec::new();
                put_text(&mut money, schema::number::MONEY_AMOUNT, &text);
                put_text(&mut money, schema::number::MONEY_CURRENCY_CODE, &self.currency);
                put_bytes(out, field.number, &money);
            }
            Kind::Text => put_bytes(out, field.number, &text),
        }
    }

    /// Appends the pairs of an object. A map would cost the browser more.
    fn properties(&mut self, out: &mut Vec<u8>, field: &Field, of: &impl Argument, path: &[u8]) {
        if !of.is_object() {
            return self.add_error(path, MALFORMED, b"must be an object");
        }
        for key in of.keys() {
            let value = of.get(&key);
            let mut name = path.to_vec();
            name.push(b'.');
            name.extend_from_slice(key.as_bytes());
            let text = self.text(&value, &name);
            if !text.is_empty() {
                let mut property = Vec::new();
                put_text(&mut property, schema::number::PROPERTY_KEY, key.as_bytes());
                put_text(&mut property, schema::number::PROPERTY_VALUE, &text);
                put_bytes(out, field.number, &property);
            }
        }
    }
}

/// Whether a page gives the field. Others are the package's, the server's or internal callers'.
pub(crate) fn is_of_page(field: &Field) -> bool {
    !matches!(
        field.name,
        b"user"
            | b"browser"
            | b"custom_data"
            | b"client_event_id"
            | b"event_name"
            | b"pixel_id"
            | b"action_source"
            | b"default_country"
    )
}

/// `Timestamp` from milliseconds since 1970.
pub(crate) fn timestamp(ms: u64) -> Vec<u8> {
    let mut out = Vec::new();
    put_unless_zero(&mut out, schema::number::TIMESTAMP_SECONDS, ms / 1000);
    out
}
