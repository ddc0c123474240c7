//! The messages of `proto/tandem/v1/` that pages send and read, as tables. `build.rs` makes them from the descriptors, so
//! that no name and no number of a field is written twice.

use alloc::vec::Vec;

/// An RPC.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Method {
    pub(crate) path: &'static str,
    pub(crate) request: Message,
    pub(crate) answer: Message,
}

/// A message, by its index in the tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Message(u8);

/// What a field's value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Number,
    Flag,
    /// An enum, by its index in the tables.
    Enum(u8),
    Message(Message),
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Field {
    pub(crate) number: u64,
    pub(crate) kind: Kind,
    pub(crate) is_list: bool,
    /// 0 is a value, and not the same as absence.
    pub(crate) has_presence: bool,
    /// The name in the `.proto`, in the server's errors and in Meta's parameters.
    pub(crate) name: &'static [u8],
    /// What the field is for, if the client knows it (`role`).
    pub(crate) role: u8,
    /// Where the page's name begins in `name`.
    page_from: usize,
}

const LIST: u8 = 0x10;
const HAS_PRESENCE: u8 = 0x20;
const KIND: u8 = 0x0f;

impl Message {
    /// The fields, in the order of their numbers.
    pub(crate) fn fields(self) -> Fields {
        Fields(MESSAGES.get(usize::from(self.0)).copied().unwrap_or_default())
    }

    /// The field with this number.
    pub(crate) fn field(self, number: u64) -> Option<Field> {
        self.fields().find(|field| field.number == number)
    }
}

impl Field {
    /// The page's name of the field: in camel case, and without its message's own name.
    pub(crate) fn page_letters(&self) -> impl Iterator<Item = u8> {
        let mut is_new = false;
        self.name.iter().skip(self.page_from).filter_map(move |byte| {
            let letter = if is_new { byte.to_ascii_uppercase() } else { *byte };
            is_new = *byte == b'_';
            (!is_new).then_some(letter)
        })
    }

    /// Whether the page calls the field so.
    pub(crate) fn is_called(&self, name: &[u8]) -> bool {
        self.page_letters().eq(name.iter().copied())
    }
}

/// The number of a word of an enum.
pub(crate) fn number_of(index: u8, word: &[u8]) -> Option<u64> {
    (0..).zip(words(index)).find(|(_, known)| *known == word).map(|(number, _)| number)
}

/// The words of an enum for an error: all but the first, which says that nothing was said.
pub(crate) fn choices(index: u8) -> Vec<u8> {
    let mut out = Vec::new();
    for word in words(index).skip(1) {
        if !out.is_empty() {
            out.extend_from_slice(b", ");
        }
        out.extend_from_slice(word);
    }
    out
}

/// Whether a number of an enum is this word.
pub(crate) fn is_word(index: u8, number: u64, word: &[u8]) -> bool {
    number_of(index, word) == Some(number)
}

fn words(index: u8) -> impl Iterator<Item = &'static [u8]> {
    ENUMS.get(usize::from(index)).copied().unwrap_or_default().split(|byte| *byte == b' ')
}

/// The fields of a table. `build.rs` writes the tables.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fields(&'static [u8]);

impl Iterator for Fields {
    type Item = Field;

    fn next(&mut self) -> Option<Field> {
        let [number, kind, of, page_from, role, length, rest @ ..] = self.0 else { return None };
        let (name, rest) = rest.split_at_checked((*length).into())?;
        self.0 = rest;
        Some(Field {
            number: (*number).into(),
            kind: match kind & KIND {
                0 => Kind::Text,
                1 => Kind::Number,
                2 => Kind::Flag,
                3 => Kind::Enum(*of),
                _ => Kind::Message(Message(*of)),
            },
            is_list: kind & LIST != 0,
            has_presence: kind & HAS_PRESENCE != 0,
            name,
            page_from: (*page_from).into(),
            role: *role,
        })
    }
}

include!(concat!(env!("OUT_DIR"), "/schema.rs"));

#[cfg(test)]
mod tests {
    use super::*;

    fn named(message: Message, name: &str) -> Field {
        message.fields().find(|field| field.name == name.as_bytes()).unwrap()
    }

    #[test]
    fn the_tables_are_those_of_the_protocol() {
        assert_eq!(CAPTURE_LEAD.path, tandem_proto::v1::tracking_service_paths::CAPTURE_LEAD);
        assert_eq!((named(index::USER, "first_name").number, number::USER_FIRST_NAME), (3, 3));
        assert!(named(index::USER, "first_name").is_called(b"firstName"));
        assert!(named(index::EXPERIMENT, "experiment_id").is_called(b"id"));
        assert!(
            named(index::CUSTOM_DATA, "contents").is_list
                && named(index::CUSTOM_DATA, "num_items").has_presence
        );
        assert_eq!(named(index::CUSTOM_DATA, "value").kind, Kind::Message(index::MONEY));
        assert_eq!(CAPTURE_LEAD.request.field(1).unwrap().name, b"user");
        assert!(CAPTURE_LEAD.request.field(99).is_none());
    }

    #[test]
    fn enums_are_words() {
        let ads = index::ADS_CONSENT;
        assert_eq!(named(index::CONSENT, "ads").kind, Kind::Enum(ads));
        assert_eq!((number_of(ads, b"granted"), number_of(ads, b"measure_only")), (Some(1), Some(3)));
        assert_eq!(number_of(ads, b"yes"), None);
        assert_eq!(choices(ads), b"granted, denied, measure_only");
        assert!(is_word(ads, tandem_proto::v1::AdsConsent::ConsentDenied as u64, b"denied"));
    }
}
