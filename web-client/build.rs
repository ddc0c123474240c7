//! Makes the tables of the page's messages (`src/schema.rs`) from the descriptors of `proto/`.
//!
//! The tables have every message that a page's calls and their answers contain. A message is bytes, because gzip makes
//! the least of them: for each field its number, its kind, the index of its message or enum, the place where the page's
//! name begins, its role, the length of the name, and the name.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use prost::Message as _;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorSet};

/// The service and its RPCs that pages call.
const SERVICE: &str = "TrackingService";
const OF_PAGES: [&str; 4] = ["CaptureLead", "TrackEvent", "RecordPurchase", "ConfirmBrowserEvents"];

/// Kinds of fields, as `src/schema.rs` reads them.
const TEXT: u8 = 0;
const NUMBER: u8 = 1;
const FLAG: u8 = 2;
const ENUM: u8 = 3;
const MESSAGE: u8 = 4;
/// What the client knows of fields by their names. `src/schema.rs` has a constant for each; 0 is the rest. Pages give no
/// field of the roles up to `DEFAULT_COUNTRY`.
const ROLES: [&str; 17] = [
    "user",
    "browser",
    "custom_data",
    "client_event_id",
    "event_name",
    "pixel_id",
    "action_source",
    "default_country",
    "experiment",
    "consent",
    "occurred_at",
    "order_id",
    "event_id",
    "duplicate",
    "browser_event",
    "state",
    "confirm_key",
];
/// Added to the kind of a repeated field, and of a field that tells 0 and absence apart.
const LIST: u8 = 0x10;
const HAS_PRESENCE: u8 = 0x20;

type Failure = Box<dyn std::error::Error>;

/// Messages and enums by their full names, in the order in which they were met.
#[derive(Default)]
struct Schema {
    messages: Vec<(String, Vec<u8>)>,
    enums: Vec<(String, String)>,
    all_messages: BTreeMap<String, DescriptorProto>,
    all_enums: BTreeMap<String, EnumDescriptorProto>,
}

impl Schema {
    /// The index of a message, which is added with everything that it contains.
    fn message(&mut self, name: &str) -> Result<u8, Failure> {
        if let Some(at) = self.messages.iter().position(|(known, _)| known == name) {
            return Ok(at.try_into()?);
        }
        let message = self.all_messages.get(name).ok_or_else(|| format!("no message {name}"))?.clone();
        let index = self.messages.len();
        self.messages.push((name.to_owned(), Vec::new()));
        let mut fields: Vec<&FieldDescriptorProto> = message.field.iter().collect();
        fields.sort_by_key(|field| field.number());
        let mut table = Vec::new();
        for field in fields {
            let (mut kind, of) = match field.r#type() {
                Type::String | Type::Bytes => (TEXT, 0),
                Type::Uint32 | Type::Int32 | Type::Uint64 | Type::Int64 => (NUMBER, 0),
                Type::Bool => (FLAG, 0),
                Type::Enum => (ENUM, self.words(field.type_name())?),
                Type::Message => (MESSAGE, self.message(field.type_name())?),
                other => return Err(format!("{name}: the page's encoder has no {other:?}").into()),
            };
            if field.label() == Label::Repeated {
                kind |= LIST;
            }
            if field.proto3_optional() {
                kind |= HAS_PRESENCE;
            }
            // The page's names do not repeat the message's name: the `id` of an experiment is its `experiment_id`.
            let prefix = format!("{}_", message.name().to_lowercase());
            let page_from = if field.name().starts_with(&prefix) { prefix.len() } else { 0 };
            let role = ROLES.iter().position(|role| *role == field.name()).map_or(0, |at| at + 1);
            table.extend([u8::try_from(field.number())?, kind, of, page_from.try_into()?, role.try_into()?]);
            table.push(field.name().len().try_into()?);
            table.extend(field.name().bytes());
        }
        self.messages[index].1 = table;
        Ok(index.try_into()?)
    }

    /// The index of an enum: its values as the page writes them, in lower case and without the words that all share.
    fn words(&mut self, name: &str) -> Result<u8, Failure> {
        if let Some(at) = self.enums.iter().position(|(known, _)| known == name) {
            return Ok(at.try_into()?);
        }
        let of = self.all_enums.get(name).ok_or_else(|| format!("no enum {name}"))?;
        let zero = of.value.first().map(prost_types::EnumValueDescriptorProto::name).unwrap_or_default();
        let prefix = zero.strip_suffix("UNSPECIFIED").ok_or_else(|| format!("{name}: 0 is {zero}"))?;
        let mut words = Vec::new();
        for (at, value) in of.value.iter().enumerate() {
            let word = value.name().strip_prefix(prefix).filter(|_| value.number() == at as i32);
            words.push(
                word.ok_or_else(|| format!("{name}: {} is out of order", value.name()))?.to_lowercase(),
            );
        }
        self.enums.push((name.to_owned(), words.join(" ")));
        Ok((self.enums.len() - 1).try_into()?)
    }
}

/// The last part of a full name, as a constant.
fn constant(name: &str) -> String {
    let mut out = String::new();
    for c in name.rsplit('.').next().unwrap_or(name).chars() {
        if c.is_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.extend(c.to_uppercase());
    }
    out
}

fn bytes(of: &[u8]) -> String {
    format!("b\"{}\"", of.escape_ascii())
}

fn main() -> Result<(), Failure> {
    println!("cargo::rerun-if-changed=build.rs");
    let descriptors = FileDescriptorSet::decode(tandem_proto::DESCRIPTORS)?;
    let mut schema = Schema::default();
    let mut methods = Vec::new();
    for file in &descriptors.file {
        for message in &file.message_type {
            schema.all_messages.insert(format!(".{}.{}", file.package(), message.name()), message.clone());
        }
        for of in &file.enum_type {
            schema.all_enums.insert(format!(".{}.{}", file.package(), of.name()), of.clone());
        }
        for service in file.service.iter().filter(|service| service.name() == SERVICE) {
            for method in service.method.iter().filter(|method| OF_PAGES.contains(&method.name())) {
                let path = format!("/{}.{SERVICE}/{}", file.package(), method.name());
                methods.push((method.clone(), path));
            }
        }
    }
    if methods.len() != OF_PAGES.len() {
        return Err(format!("{SERVICE} has not all of {OF_PAGES:?}").into());
    }
    let mut out = String::new();
    for (method, path) in methods {
        let (request, answer) = (schema.message(method.input_type())?, schema.message(method.output_type())?);
        writeln!(
            out,
            "/// `{name}`.\npub(crate) const {constant}: Method = \
             Method {{ path: {path:?}, request: Message({request}), answer: Message({answer}) }};",
            name = method.name(),
            constant = constant(method.name()),
        )?;
    }
    out.push_str("/// Indices of messages and enums.\n#[allow(dead_code)]\npub(crate) mod index {\n");
    for (index, (name, _)) in schema.messages.iter().enumerate() {
        writeln!(out, "pub(crate) const {}: super::Message = super::Message({index});", constant(name))?;
    }
    for (index, (name, _)) in schema.enums.iter().enumerate() {
        writeln!(out, "pub(crate) const {}: u8 = {index};", constant(name))?;
    }
    out.push_str("}\n/// What a field is for.\n#[allow(dead_code)]\npub(crate) mod role {\n");
    for (at, role) in ROLES.iter().enumerate() {
        writeln!(out, "pub(crate) const {}: u8 = {};", role.to_uppercase(), at + 1)?;
    }
    out.push_str("}\n/// Numbers of fields.\n#[allow(dead_code)]\npub(crate) mod number {\n");
    for name in schema.messages.iter().map(|(name, _)| name) {
        for field in &schema.all_messages[name].field {
            let field_name = field.name().to_uppercase();
            writeln!(out, "pub(crate) const {}_{field_name}: u64 = {};", constant(name), field.number())?;
        }
    }
    out.push_str("}\n");
    let tables: Vec<String> = schema.messages.iter().map(|(_, table)| bytes(table)).collect();
    writeln!(out, "static MESSAGES: [&[u8]; {}] = [{}];", tables.len(), tables.join(", "))?;
    let words: Vec<String> = schema.enums.iter().map(|(_, words)| bytes(words.as_bytes())).collect();
    writeln!(out, "static ENUMS: [&[u8]; {}] = [{}];", words.len(), words.join(", "))?;
    std::fs::write(std::path::Path::new(&std::env::var("OUT_DIR")?).join("schema.rs"), out)?;
    Ok(())
}
