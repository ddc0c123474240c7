//! Reads the page's arguments, which `js/wasm.js` writes as JSON.
//!
//! A node is a part of the text and owns nothing. Damaged JSON ends early: what is not there is absent.

use alloc::vec::Vec;

/// A value of JSON.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) enum Node<'a> {
    /// Nothing, or `null`.
    #[default]
    Absent,
    /// The members of an object.
    Object(&'a [u8]),
    /// The elements of a list.
    List(&'a [u8]),
    /// A text without its quotation marks, or a number or a flag as written. Escapes are as in JSON.
    Text(&'a [u8]),
}

/// The values of a text, one after the other. An object's are keys and values in turn.
#[derive(Debug, Clone, Copy)]
struct Values<'a>(&'a [u8]);

impl<'a> Iterator for Values<'a> {
    type Item = Node<'a>;

    fn next(&mut self) -> Option<Node<'a>> {
        while let [b',' | b':', rest @ ..] = self.0 {
            self.0 = rest;
        }
        let text = self.0;
        let first = *text.first()?;
        let end = end_of(text);
        self.0 = text.get(end..)?;
        let inside = text.get(1..end.wrapping_sub(1)).unwrap_or_default();
        Some(match first {
            b'{' => Node::Object(inside),
            b'[' => Node::List(inside),
            b'"' => Node::Text(inside),
            b'n' => Node::Absent,
            _ => Node::Text(text.get(..end)?),
        })
    }
}

/// Where the first value of a text ends.
fn end_of(text: &[u8]) -> usize {
    let (mut depth, mut is_quoted, mut is_escaped) = (0_u32, false, false);
    for (at, byte) in text.iter().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => {
                is_quoted = !is_quoted;
                if depth == 0 && !is_quoted {
                    return at + 1;
                }
            }
            _ if is_quoted => {}
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return at + 1;
                }
            }
            b',' | b':' if depth == 0 => return at,
            _ => {}
        }
    }
    text.len()
}

impl<'a> Node<'a> {
    /// Reads the first value of a text.
    pub(crate) fn read(json: &'a [u8]) -> Self {
        Values(json).next().unwrap_or_default()
    }

    /// The value of a key, which has no escapes.
    #[inline(never)]
    pub(crate) fn get(self, key: &[u8]) -> Self {
        self.find(|known| known == key)
    }

    /// The value of the first key that is wanted.
    #[inline(never)]
    pub(crate) fn find(self, is_wanted: impl Fn(&[u8]) -> bool) -> Self {
        let mut members = self.members();
        members.find(|(known, _)| is_wanted(known.raw())).map(|(_, value)| value).unwrap_or_default()
    }

    /// The members of an object, with their keys.
    pub(crate) fn members(self) -> impl Iterator<Item = (Node<'a>, Node<'a>)> {
        let mut values = Values(match self {
            Self::Object(members) => members,
            _ => &[],
        });
        core::iter::from_fn(move || values.next().zip(values.next()))
    }

    /// The elements of a list. Another value has none.
    pub(crate) fn items(self) -> impl Iterator<Item = Node<'a>> {
        Values(match self {
            Self::List(items) => items,
            _ => &[],
        })
    }

    /// Whether there is no value, or an empty text.
    pub(crate) fn is_absent(self) -> bool {
        matches!(self, Self::Absent | Self::Text([]))
    }

    /// Whether the value is an object or a list.
    pub(crate) fn is_object(self) -> bool {
        matches!(self, Self::Object(_) | Self::List(_))
    }

    /// The text as it is written. Empty for other values.
    pub(crate) fn raw(self) -> &'a [u8] {
        match self {
            Self::Text(text) => text,
            _ => &[],
        }
    }

    /// The text. Empty for other values.
    #[inline(never)]
    pub(crate) fn text(self) -> Vec<u8> {
        let mut rest = self.raw();
        let mut out = Vec::new();
        while let [byte, after @ ..] = rest {
            rest = after;
            let escaped = match (byte, rest) {
                (b'\\', [escape, after @ ..]) => {
                    rest = after;
                    *escape
                }
                _ => {
                    out.push(*byte);
                    continue;
                }
            };
            match escaped {
                b'b' => out.push(8),
                b't' => out.push(b'\t'),
                b'n' => out.push(b'\n'),
                b'f' => out.push(12),
                b'r' => out.push(b'\r'),
                // `JSON.stringify` writes control characters so, and halves of a surrogate pair.
                b'u' => {
                    let (digits, after) = rest.split_at_checked(4).unwrap_or_default();
                    rest = after;
                    match digits {
                        [b'0', b'0', high, low] => out.push((digit(*high) & 7) << 4 | digit(*low)),
                        _ => out.extend_from_slice("\u{fffd}".as_bytes()),
                    }
                }
                other => out.push(other),
            }
        }
        out
    }
}

/// The value of a hexadecimal digit.
fn digit(byte: u8) -> u8 {
    char::from(byte).to_digit(16).unwrap_or_default() as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_and_elements_are_found() {
        let node = Node::read(br#"{"a":"x","b":["y",{"c":"z"},7],"d":null,"e":true,"f":""}"#);
        assert_eq!((node.get(b"a").raw(), node.get(b"e").raw()), (b"x".as_slice(), b"true".as_slice()));
        let list: Vec<Node<'_>> = node.get(b"b").items().collect();
        assert_eq!(
            (list.len(), list[1].get(b"c").raw(), list[2].raw()),
            (3, b"z".as_slice(), b"7".as_slice())
        );
        assert!(node.get(b"d").is_absent() && node.get(b"f").is_absent() && node.get(b"g").is_absent());
        assert_eq!(node.get(b"a").items().count(), 0);
        assert!(node.is_object() && node.get(b"b").is_object() && !node.get(b"a").is_object());
        assert_eq!(node.members().count(), 5);
    }

    #[test]
    fn texts_lose_their_escapes() {
        for text in ["a\"b\\c\n\t\r\u{8}\u{c}\u{1}\u{1f}\u{7f}é€😀", "", "{[,:]}"] {
            let json = serde_json::to_string(&serde_json::json!({ "k": text, "l": 1 })).unwrap();
            let node = Node::read(json.as_bytes());
            assert_eq!(node.get(b"k").text(), text.as_bytes(), "{json}");
            assert_eq!(node.get(b"l").raw(), b"1");
        }
        assert_eq!(Node::read(br#""\ud800 alone""#).text(), "\u{fffd} alone".as_bytes());
    }

    #[test]
    fn damaged_json_ends_early() {
        for broken in ["", "{", "\"", "[", "{\"a\"", "{\"a\":", "}", "]", ",", "\\", "\"\\u00", "{\"a\":[}"] {
            let node = Node::read(broken.as_bytes());
            assert!(node.get(b"a").text().is_empty() || node.members().count() < 2, "{broken}");
            assert!(node.items().count() < 3, "{broken}");
        }
    }
}
