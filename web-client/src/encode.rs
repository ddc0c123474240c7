//! Turns the page's arguments into messages, by the tables of `schema`.

use alloc::vec::Vec;

use crate::grpc::status::{INVALID_ARGUMENT, Status};
use crate::node::Node;
use crate::schema::index::{CONTENT, CUSTOM_DATA, MONEY, PROPERTY, TIMESTAMP};
use crate::schema::{self, Field, Kind, Message, choices, number_of, role};
use crate::text::number;
use crate::wire::{put_bytes, put_number, put_text, put_unless_zero};

/// Codes of the errors of fields, which are core's: a value of another type, and one that is none of a list.
const WRONG_TYPE: &[u8] = b"WRONG_TYPE";
const VALUE_UNKNOWN: &[u8] = b"VALUE_UNKNOWN";

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
    pub(crate) fn text(&mut self, value: Node<'_>, path: &[u8]) -> Vec<u8> {
        if value.is_object() {
            self.add_error(path, WRONG_TYPE, b"This must be text.");
        }
        value.text()
    }

    /// Encodes a message: the values of an object by the page's names of the message's fields. `path` is the server's
    /// name of the message.
    pub(crate) fn message(&mut self, message: Message, of: Node<'_>, path: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        for field in message.fields().filter(|field| is_given(message, field)) {
            let mut value = of.find(|key| field.is_called(key));
            if message == CONTENT && field.number == schema::number::CONTENT_QUANTITY && value.is_absent() {
                value = Node::Text(b"1");
            }
            self.field(&mut out, &field, value, path);
        }
        out
    }

    /// Appends a field of the message with this path. Absent values have no bytes.
    #[inline(never)]
    pub(crate) fn field(&mut self, out: &mut Vec<u8>, field: &Field, value: Node<'_>, path: &[u8]) {
        let mut name = path.to_vec();
        if !path.is_empty() {
            name.push(b'.');
        }
        name.extend_from_slice(field.name);
        // A single value in place of a list is a list of one.
        if !field.is_list || !matches!(value, Node::List(_)) {
            return self.value(out, field, value, &name);
        }
        for item in value.items() {
            self.value(out, field, item, &name);
        }
    }

    fn value(&mut self, out: &mut Vec<u8>, field: &Field, value: Node<'_>, path: &[u8]) {
        if value.is_absent() {
            return;
        }
        match field.kind {
            Kind::Message(message) if message != MONEY && message != TIMESTAMP => {
                if !value.is_object() {
                    self.add_error(path, WRONG_TYPE, b"This must be an object.");
                } else if message == PROPERTY {
                    self.properties(out, field, value, path);
                } else {
                    let message = self.message(message, value, path);
                    put_bytes(out, field.number, &message);
                }
                return;
            }
            _ => {}
        }
        let text = self.text(value, path);
        if text.is_empty() {
            return;
        }
        let whole = number(&text);
        match field.kind {
            Kind::Text => put_bytes(out, field.number, &text),
            Kind::Number => match whole.filter(|number| *number <= u32::MAX.into()) {
                Some(number) if field.has_presence => put_number(out, field.number, number),
                Some(number) => put_unless_zero(out, field.number, number),
                None => self.add_error(path, WRONG_TYPE, b"This must be a whole number."),
            },
            Kind::Flag => put_unless_zero(out, field.number, (text != b"false" && text != b"0").into()),
            Kind::Enum(index) => match number_of(index, &text) {
                Some(number) => put_unless_zero(out, field.number, number),
                None => {
                    let mut what = b"This must be one of ".to_vec();
                    what.append(&mut choices(index));
                    what.push(b'.');
                    self.add_error(path, VALUE_UNKNOWN, &what);
                }
            },
            Kind::Message(TIMESTAMP) => match whole {
                Some(ms) => put_bytes(out, field.number, &timestamp(ms)),
                None => {
                    self.add_error(
                        path,
                        WRONG_TYPE,
                        b"This must be a Date, a date's text or milliseconds since 1970.",
                    );
                }
            },
            // An amount. All amounts of a call have its currency.
            Kind::Message(_) => {
                let mut money = Vec::new();
                put_text(&mut money, schema::number::MONEY_AMOUNT, &text);
                put_text(&mut money, schema::number::MONEY_CURRENCY_CODE, &self.currency);
                put_bytes(out, field.number, &money);
            }
        }
    }

    /// Appends the pairs of an object. A map would cost the browser more.
    fn properties(&mut self, out: &mut Vec<u8>, field: &Field, of: Node<'_>, path: &[u8]) {
        for (key, value) in of.members() {
            let text = self.text(value, path);
            if !text.is_empty() {
                let mut property = Vec::new();
                put_text(&mut property, schema::number::PROPERTY_KEY, &key.text());
                put_text(&mut property, schema::number::PROPERTY_VALUE, &text);
                put_bytes(out, field.number, &property);
            }
        }
    }
}

/// Whether a page gives this field of a message. Others are the package's, the server's or internal callers'. A request
/// names its order in a field of its own.
pub(crate) fn is_given(message: Message, field: &Field) -> bool {
    let is_of_data = message == CUSTOM_DATA && field.role == role::ORDER_ID;
    (field.role == 0 || field.role > role::DEFAULT_COUNTRY) && !is_of_data
}

/// `Timestamp` from milliseconds since 1970.
pub(crate) fn timestamp(ms: u64) -> Vec<u8> {
    let mut out = Vec::new();
    put_unless_zero(&mut out, schema::number::TIMESTAMP_SECONDS, ms / 1000);
    out
}
