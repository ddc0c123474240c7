//! Strict reading of JSON into a tree that keeps what other JSON readers lose.
//!
//! - A number keeps its text, so that amounts and IDs never pass through a float.
//! - A key that is named twice is an error, because parsers disagree on which one counts.
//! - Depth, length and number of values are bounded.
//! - A string with half of a surrogate pair becomes [`Node::Broken`], and the rest of the body
//!   is still read. Cashfree sends such strings when it cuts a name in the middle of an emoji.
//!
//! serde_json parses the grammar. Its `Value` is not used: it loses the text of numbers, lets
//! the last of two equal keys win, and rejects a whole body for one broken string.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::error::MessageError;

/// Longest body that is read, bytes. Cashfree's bodies have 1 to 3 KiB.
pub const BODY_BYTES_MAX: usize = 1024 * 1024;
/// Deepest nesting that is read. Cashfree's bodies reach 6.
pub const DEPTH_MAX: usize = 24;
/// Most values that are read, on all levels together.
pub const VALUES_MAX: usize = 10_000;

/// A byte order mark. It can precede the JSON and is covered by the signature.
const BYTE_ORDER_MARK: &[u8] = &[0xef, 0xbb, 0xbf];

pub(super) enum Node<'a> {
    Null,
    Bool(bool),
    /// The text of the number.
    Number(&'a str),
    Text(String),
    /// A string that does not decode to text.
    Broken,
    List(Vec<Node<'a>>),
    Object(BTreeMap<String, Node<'a>>),
}

/// What [`Node::get`] returns for an absent member.
static ABSENT: Node<'static> = Node::Null;

/// What is wrong with a body, and at which byte offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct JsonError {
    pub(super) reason: MessageError,
    pub(super) offset: Option<usize>,
}

impl Node<'_> {
    /// A member of an object; null when it is absent or when this is not an object.
    pub(super) fn get(&self, key: &str) -> &Self {
        match self {
            Self::Object(members) => members.get(key).unwrap_or(&ABSENT),
            _ => &ABSENT,
        }
    }

    /// The text of a string; `None` for other values.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The text of a string or a number; `None` for other values.
    pub(super) fn text_or_number(&self) -> Option<&str> {
        match self {
            Self::Number(text) => Some(text),
            other => other.text(),
        }
    }

    pub(super) fn bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            _ => None,
        }
    }

    pub(super) fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    pub(super) fn is_object(&self) -> bool {
        matches!(self, Self::Object(_))
    }
}

pub(super) fn read(body: &[u8]) -> Result<Node<'_>, JsonError> {
    if body.len() > BODY_BYTES_MAX {
        return Err(JsonError { reason: MessageError::TooComplex, offset: Some(BODY_BYTES_MAX) });
    }
    let skipped = if body.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 };
    let body = &body[skipped..];
    let not_json = |at: usize| JsonError { reason: MessageError::NotJson, offset: Some(skipped + at) };
    let text = core::str::from_utf8(body).map_err(|error| not_json(error.valid_up_to()))?;
    let raw: &RawValue = serde_json::from_str(text)
        .map_err(|error| not_json(offset_of(text, error.line(), error.column())))?;
    let mut reader = Reader { text, skipped, values_left: VALUES_MAX };
    reader.node(raw, 0)
}

/// Byte offset of a position that serde_json reports as line and column, both from 1.
fn offset_of(text: &str, line: usize, column: usize) -> usize {
    let before: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    (before + column.saturating_sub(1)).min(text.len())
}

struct Reader<'a> {
    text: &'a str,
    skipped: usize,
    values_left: usize,
}

impl<'a> Reader<'a> {
    fn node(&mut self, raw: &'a RawValue, depth: usize) -> Result<Node<'a>, JsonError> {
        let Some(left) = self.values_left.checked_sub(1) else {
            return Err(self.error(MessageError::TooComplex, raw));
        };
        self.values_left = left;
        if depth > DEPTH_MAX {
            return Err(self.error(MessageError::TooDeep, raw));
        }
        let text = raw.get();
        let broken = |_| self.error(MessageError::NotJson, raw);
        match text.as_bytes().first() {
            Some(b'n') => Ok(Node::Null),
            Some(b't') => Ok(Node::Bool(true)),
            Some(b'f') => Ok(Node::Bool(false)),
            Some(b'"') => Ok(serde_json::from_str(text).map_or(Node::Broken, Node::Text)),
            Some(b'[') => {
                let Items { items, rest } = serde_json::from_str(text).map_err(broken)?;
                if rest {
                    return Err(self.error(MessageError::TooComplex, raw));
                }
                items
                    .into_iter()
                    .map(|item| self.node(item, depth + 1))
                    .collect::<Result<_, _>>()
                    .map(Node::List)
            }
            Some(b'{') => {
                let Members { members, rest } = serde_json::from_str(text).map_err(broken)?;
                if rest {
                    return Err(self.error(MessageError::TooComplex, raw));
                }
                let mut object = BTreeMap::new();
                for (Key(key), value) in members {
                    let node = self.node(value, depth + 1)?;
                    if object.insert(key, node).is_some() {
                        return Err(self.error(MessageError::DuplicateKey, value));
                    }
                }
                Ok(Node::Object(object))
            }
            _ => Ok(Node::Number(text)),
        }
    }

    fn error(&self, reason: MessageError, at: &RawValue) -> JsonError {
        let offset = at.get().as_ptr().addr().saturating_sub(self.text.as_ptr().addr());
        JsonError { reason, offset: Some(self.skipped + offset) }
    }
}

/// The unparsed items of a list. `rest`: whether there were more items than are ever read.
struct Items<'a> {
    items: Vec<&'a RawValue>,
    rest: bool,
}

impl<'de> Deserialize<'de> for Items<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ItemsVisitor;
        impl<'de> Visitor<'de> for ItemsVisitor {
            type Value = Items<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut items = Vec::new();
                while items.len() <= VALUES_MAX {
                    let Some(item) = seq.next_element()? else { return Ok(Items { items, rest: false }) };
                    items.push(item);
                }
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Items { items, rest: true })
            }
        }
        deserializer.deserialize_seq(ItemsVisitor)
    }
}

/// The unparsed members of an object, in their order. `rest`: as in [`Items`].
struct Members<'a> {
    members: Vec<(Key, &'a RawValue)>,
    rest: bool,
}

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor;
        impl<'de> Visitor<'de> for MembersVisitor {
            type Value = Members<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while members.len() <= VALUES_MAX {
                    let Some(member) = map.next_entry()? else { return Ok(Members { members, rest: false }) };
                    members.push(member);
                }
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Members { members, rest: true })
            }
        }
        deserializer.deserialize_map(MembersVisitor)
    }
}

/// A key of an object. A broken key becomes text with replacement characters, so that the rest
/// of its object is still read.
struct Key(String);

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeyVisitor;
        impl Visitor<'_> for KeyVisitor {
            type Value = Key;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }
            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Key, E> {
                Ok(Key(String::from_utf8_lossy(bytes).into_owned()))
            }
        }
        // serde_json accepts half of a surrogate pair only when it reads bytes.
        deserializer.deserialize_bytes(KeyVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(body: &[u8]) -> Option<(MessageError, usize)> {
        read(body).err().map(|error| (error.reason, error.offset.unwrap()))
    }

    #[test]
    fn numbers_keep_their_text() {
        let body = br#"{"a":170.00,"b":700100200300,"c":1e400,"d":-0}"#;
        let tree = read(body).unwrap();
        for (key, text) in [("a", "170.00"), ("b", "700100200300"), ("c", "1e400"), ("d", "-0")] {
            assert_eq!(tree.get(key).text_or_number(), Some(text));
            assert_eq!(tree.get(key).text(), None);
        }
        assert!(tree.get("absent").get("deeper").is_null());
    }

    #[test]
    fn errors_carry_their_place() {
        assert_eq!(failure(b""), Some((MessageError::NotJson, 0)));
        assert_eq!(failure(b"{\"a\":1}\n{"), Some((MessageError::NotJson, 8)));
        assert_eq!(failure(b"{\"a\":\n  01}"), Some((MessageError::NotJson, 9)));
        assert_eq!(failure(b"{\"a\":\"\xff\"}"), Some((MessageError::NotJson, 6)));
        assert_eq!(failure(b"\xef\xbb\xbf{\"a\":1,}"), Some((MessageError::NotJson, 10)));
        assert_eq!(failure(b"NaN"), Some((MessageError::NotJson, 0)));
    }

    #[test]
    fn a_byte_order_mark_is_skipped() {
        assert_eq!(read(b"\xef\xbb\xbf{\"type\":\"X\"}").unwrap().get("type").text(), Some("X"));
    }

    #[test]
    fn trap_35_a_key_named_twice_is_an_error_at_any_depth() {
        assert_eq!(failure(br#"{"a":1,"a":2}"#), Some((MessageError::DuplicateKey, 11)));
        assert_eq!(failure(br#"{"x":[{"a":1,"\u0061":2}]}"#), Some((MessageError::DuplicateKey, 22)));
    }

    #[test]
    fn trap_36_depth_length_and_number_of_values_are_bounded() {
        let nested = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
        assert_eq!(failure(nested(DEPTH_MAX).as_bytes()), None);
        assert_eq!(failure(nested(DEPTH_MAX + 1).as_bytes()).unwrap().0, MessageError::TooDeep);
        assert_eq!(failure(nested(BODY_BYTES_MAX / 2 - 1).as_bytes()).unwrap().0, MessageError::TooDeep);
        let list = |items: usize| format!("[1{}]", ",1".repeat(items - 1));
        assert_eq!(failure(list(VALUES_MAX - 1).as_bytes()), None);
        assert_eq!(failure(list(VALUES_MAX).as_bytes()).unwrap().0, MessageError::TooComplex);
        assert_eq!(failure(list(BODY_BYTES_MAX / 2 - 1).as_bytes()).unwrap().0, MessageError::TooComplex);
        let members: Vec<String> = (0..40_000).map(|i| format!("\"{i}\":0")).collect();
        assert_eq!(
            failure(format!("{{{}}}", members.join(",")).as_bytes()).unwrap().0,
            MessageError::TooComplex
        );
        assert_eq!(failure(&vec![b' '; BODY_BYTES_MAX + 1]).unwrap().0, MessageError::TooComplex);
    }

    #[test]
    fn half_an_emoji_spoils_nothing_else() {
        let body = br#"{"name":"Asha \ud83d","\udc00":1,"id":"7"}"#;
        let tree = read(body).unwrap();
        assert!(matches!(tree.get("name"), Node::Broken));
        assert_eq!(tree.get("id").text(), Some("7"));
    }
}
