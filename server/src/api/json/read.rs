//! Reads a JSON body as a message (proto3 JSON), by its descriptor. A fault is told by the field's name in the `.proto`,
//! and no text of a fault repeats a value.
//!
//! The body is read twice. The first pass looks at names alone: an unknown or repeated name would be lost silently.
//! The second reads the values.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use prost_reflect::{DeserializeOptions, DynamicMessage, FieldDescriptor, Kind, MessageDescriptor};
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_path_to_error::{Path, Segment, Track};
use tandem_core::field_code::FieldCode;

use crate::api::status::Violations;

/// Longest unknown name that is told back, bytes.
const NAME_BYTES_MAX: usize = 64;

pub(super) fn read(kind: &MessageDescriptor, json: &[u8]) -> Result<DynamicMessage, Violations> {
    let mut violations = Violations::default();
    let names = Names { place: Place::of_message(kind), path: "", violations: &mut violations };
    // Where the body is no JSON, the second pass says so.
    let _ = names.deserialize(&mut serde_json::Deserializer::from_slice(json));
    if !violations.is_empty() {
        return Err(violations);
    }
    let mut track = Track::new();
    let mut body = serde_json::Deserializer::from_slice(json);
    let tracked = serde_path_to_error::Deserializer::new(&mut body, &mut track);
    let message = DynamicMessage::deserialize_with_options(kind.clone(), tracked, &DeserializeOptions::new());
    message.and_then(|message| body.end().map(|()| message)).map_err(|error| {
        let (path, field) = locate(kind, &track.path());
        match field {
            _ if !error.is_data() => {
                let text =
                    format!("This is not valid JSON at line {}, column {}.", error.line(), error.column());
                violations.add_with(path, FieldCode::JsonMalformed, text);
            }
            None => violations.add_with(path, FieldCode::WrongType, "This must be a JSON object."),
            Some((field, is_element)) => {
                let (code, text) = expected(&field, is_element);
                violations.add_with(path, code, text);
            }
        }
        violations
    })
}

/// The name of a place in the message, and its field. `true`: the place is an element of the field's list or map.
fn locate(kind: &MessageDescriptor, path: &Path) -> (String, Option<(FieldDescriptor, bool)>) {
    let (mut name, mut found) = (String::new(), None);
    let mut place = Place::of_message(kind);
    for segment in path {
        match (segment, &place) {
            (Segment::Map { key }, Place::Message(message)) => {
                let Some(field) = field_of(message, key) else { break };
                name = join(&name, field.name());
                place = Place::of_field(&field);
                found = Some((field, false));
            }
            (Segment::Map { .. }, Place::Map(value)) => {
                place = Place::of_kind(value);
                found = found.map(|(field, _)| (field, true));
            }
            (Segment::Seq { index }, Place::List(element)) => {
                name = format!("{name}[{index}]");
                place = Place::of_kind(element);
                found = found.map(|(field, _)| (field, true));
            }
            _ => break,
        }
    }
    (name, found)
}

/// A field by either of its names: as the `.proto` has it, or in JSON's own spelling.
fn field_of(message: &MessageDescriptor, name: &str) -> Option<FieldDescriptor> {
    message.get_field_by_json_name(name).or_else(|| message.get_field_by_name(name))
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// What a field takes.
fn expected(field: &FieldDescriptor, is_element: bool) -> (FieldCode, Cow<'static, str>) {
    let kind = match field.kind() {
        Kind::Message(entry) if field.is_map() && is_element => entry.map_entry_value_field().kind(),
        kind => kind,
    };
    let text = match &kind {
        _ if field.is_list() && !is_element => "This must be a list.",
        _ if field.is_map() && !is_element => "This must be an object.",
        Kind::Enum(values) => {
            let names: Vec<String> = values.values().map(|value| value.name().to_owned()).collect();
            return (FieldCode::ValueUnknown, format!("This must be one of {}.", names.join(", ")).into());
        }
        Kind::String => "This must be a text in quotes.",
        Kind::Bytes => "This must be a text in base64.",
        Kind::Bool => "This must be true or false.",
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => "This must be a whole number of 32 bits.",
        Kind::Uint32 | Kind::Fixed32 => "This must be a whole number from 0 to 4294967295.",
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => "This must be a whole number of 64 bits.",
        Kind::Uint64 | Kind::Fixed64 => "This must be a whole number of 64 bits that is not negative.",
        Kind::Double | Kind::Float => "This must be a number.",
        Kind::Message(message) => match message.full_name() {
            "google.protobuf.Timestamp" => "This must be a time such as 2026-11-27T10:00:00Z.",
            "google.protobuf.Duration" => "This must be a time span such as 1.5s.",
            _ => "This must be an object.",
        },
    };
    (FieldCode::WrongType, text.into())
}

/// What the names of a place mean.
#[derive(Debug, Clone)]
enum Place {
    Message(MessageDescriptor),
    List(Kind),
    Map(Kind),
    /// It has no names.
    Value,
}

impl Place {
    fn of_message(message: &MessageDescriptor) -> Self {
        // Timestamps and the like are written as texts.
        if message.full_name().starts_with("google.protobuf.") {
            Self::Value
        } else {
            Self::Message(message.clone())
        }
    }

    fn of_kind(kind: &Kind) -> Self {
        if let Kind::Message(message) = kind { Self::of_message(message) } else { Self::Value }
    }

    fn of_field(field: &FieldDescriptor) -> Self {
        match field.kind() {
            Kind::Message(entry) if field.is_map() => Self::Map(entry.map_entry_value_field().kind()),
            kind if field.is_list() => Self::List(kind),
            kind => Self::of_kind(&kind),
        }
    }
}

/// Checks the names of a place.
struct Names<'a> {
    place: Place,
    path: &'a str,
    violations: &'a mut Violations,
}

impl<'de> DeserializeSeed<'de> for Names<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        match self.place {
            Place::Value => deserializer.deserialize_ignored_any(IgnoredAny).map(drop),
            _ => deserializer.deserialize_any(self),
        }
    }
}

impl<'de> Visitor<'de> for Names<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let (mut fields, mut keys) = (HashSet::new(), HashSet::new());
        while let Some(key) = map.next_key::<String>()? {
            let (place, path) = match &self.place {
                Place::Message(message) => match field_of(message, &key) {
                    Some(field) => {
                        let path = join(self.path, field.name());
                        if !fields.insert(field.number()) {
                            self.violations.add(path.as_str(), FieldCode::Duplicate);
                        }
                        (Place::of_field(&field), path)
                    }
                    None => {
                        self.violations.add(unknown(self.path, &key), FieldCode::UnknownField);
                        (Place::Value, String::new())
                    }
                },
                Place::Map(value) => {
                    let place = Place::of_kind(value);
                    if !keys.insert(key) {
                        self.violations.add(self.path, FieldCode::Duplicate);
                    }
                    (place, self.path.to_owned())
                }
                Place::List(_) | Place::Value => (Place::Value, String::new()),
            };
            map.next_value_seed(Names { place, path: &path, violations: self.violations })?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let place =
            if let Place::List(element) = &self.place { Place::of_kind(element) } else { Place::Value };
        for i in 0_usize.. {
            let path = format!("{}[{i}]", self.path);
            let names = Names { place: place.clone(), path: &path, violations: self.violations };
            if list.next_element_seed(names)?.is_none() {
                break;
            }
        }
        Ok(())
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }
}

/// The name of an unknown field. A name that looks like no field's may be a person's address, and is not told back.
fn unknown(path: &str, name: &str) -> String {
    let is_name = name.len() <= NAME_BYTES_MAX
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if is_name { join(path, name) } else { path.to_owned() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use prost::Message as _;
    use tandem_proto::v1;

    use super::*;
    use crate::api::json::schema::Schema;

    fn lead() -> MessageDescriptor {
        let schema = Schema::load().unwrap();
        schema.method("/tandem.v1.TrackingService/CaptureLead").unwrap().input()
    }

    fn any_json() -> impl Strategy<Value = serde_json::Value> {
        let name = prop_oneof![
            Just("user"),
            Just("customData"),
            Just("custom_data"),
            Just("email"),
            Just("contents"),
            Just("value"),
            Just("occurredAt"),
            Just("properties"),
            Just("consent"),
            Just("ads"),
            Just("numItems"),
            Just("nobody"),
        ];
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            any::<f64>().prop_map(Into::into),
            ".{0,12}".prop_map(Into::into),
        ];
        leaf.prop_recursive(5, 40, 6, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Into::into),
                prop::collection::vec((name.clone(), inner), 0..5).prop_map(|pairs| pairs
                    .into_iter()
                    .map(|(name, value)| (name.to_owned(), value))
                    .collect()),
            ]
        })
    }

    proptest! {
        #[test]
        fn no_body_is_too_much(body in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&lead(), &body);
        }

        #[test]
        fn what_is_read_has_no_unknown_name(json in any_json()) {
            let text = json.to_string();
            if read(&lead(), text.as_bytes()).is_ok() {
                prop_assert!(!text.contains("\"nobody\":"), "{text}");
            }
        }

        #[test]
        fn a_message_survives_its_json(email in any::<Option<String>>(), ids in prop::collection::vec(".*", 0..4), n in any::<Option<u32>>(), seconds in 0..253_402_300_799_i64) {
            let message = v1::CaptureLeadRequest {
                user: Some(v1::User { email, ..v1::User::default() }),
                custom_data: Some(v1::CustomData { content_ids: ids, num_items: n, ..v1::CustomData::default() }),
                occurred_at: Some(prost_types::Timestamp { seconds, nanos: 0 }),
                ..v1::CaptureLeadRequest::default()
            };
            let dynamic = DynamicMessage::decode(lead(), message.encode_to_vec().as_slice()).unwrap();
            let read = read(&lead(), &serde_json::to_vec(&dynamic).unwrap()).unwrap();
            prop_assert_eq!(v1::CaptureLeadRequest::decode(read.encode_to_vec().as_slice()).unwrap(), message);
        }
    }
}
