//! The page's argument as one text, which `js/wasm.js` writes. It is not an object, because each access to a JavaScript
//! object needs code on both sides.
//!
//! An entry is a sign, a key, a separator, a value and a separator. The sign `=` marks a text. The sign `{` marks an
//! object, whose value contains entries with the next separator. The separators are U+0000, U+0001 and so on. No value
//! contains them. An array's keys are its indices. A single value in place of a list is a list of one. Absent values
//! have no entry.

/// Entries of an object.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Flat<'a> {
    entries: &'a [u8],
    separator: u8,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Value<'a> {
    /// A text. It is never empty.
    Text(&'a [u8]),
    /// An object or an array.
    Object(Flat<'a>),
}

impl<'a> Value<'a> {
    /// The object. An empty one for a text.
    pub(crate) fn into_object(self) -> Flat<'a> {
        match self {
            Self::Object(object) => object,
            Self::Text(_) => Flat::default(),
        }
    }
}

impl<'a> Flat<'a> {
    pub(crate) fn new(entries: &'a [u8]) -> Self {
        Self { entries, separator: 0 }
    }

    #[inline(never)]
    pub(crate) fn get(self, key: &[u8]) -> Option<Value<'a>> {
        let mut entries = self;
        entries.find_map(|(found, value)| (found == key).then_some(value))
    }

    /// The object of a key. An empty one if the value is absent or a text.
    #[inline(never)]
    pub(crate) fn object(self, key: &[u8]) -> Self {
        self.get(key).map(Value::into_object).unwrap_or_default()
    }

    /// The bytes after the entries that were read.
    pub(crate) fn rest(self) -> &'a [u8] {
        self.entries
    }

    /// The text of a key. Empty if the value is absent or an object.
    #[inline(never)]
    pub(crate) fn text(self, key: &[u8]) -> &'a [u8] {
        match self.get(key) {
            Some(Value::Text(text)) => text,
            _ => &[],
        }
    }

    fn part(&mut self) -> Option<&'a [u8]> {
        let end = self.entries.iter().position(|byte| *byte == self.separator)?;
        let (part, rest) = self.entries.split_at_checked(end)?;
        self.entries = rest.get(1..)?;
        Some(part)
    }
}

impl<'a> Iterator for Flat<'a> {
    type Item = (&'a [u8], Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let (sign, key) = self.part()?.split_first()?;
        let value = self.part()?;
        let value = match sign {
            b'=' => Value::Text(value),
            _ => Value::Object(Self { entries: value, separator: self.separator + 1 }),
        };
        Some((key, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_objects_are_found_by_their_keys() {
        let flat = Flat::new(b"=a\x00x\x00{b\x00=0\x01y\x01{1\x01=c\x02z\x02\x01\x00=d\x00w\x00");
        assert_eq!((flat.text(b"a"), flat.text(b"d")), (b"x".as_slice(), b"w".as_slice()));
        let list = flat.object(b"b");
        assert_eq!(list.text(b"0"), b"y");
        assert_eq!(list.object(b"1").text(b"c"), b"z");
        assert_eq!(list.count(), 2);
        assert!(flat.get(b"e").is_none());
        assert_eq!(flat.text(b"b"), b"");
        assert_eq!(flat.object(b"a").count(), 0);
    }

    #[test]
    fn what_is_cut_short_ends() {
        for broken in [b"".as_slice(), b"=a", b"=a\x00b", b"\x00\x00", b"\x00"] {
            assert_eq!(Flat::new(broken).count(), 0, "{broken:?}");
        }
    }
}
