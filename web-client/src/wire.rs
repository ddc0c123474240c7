//! Reads and writes the part of protobuf that the package needs (protobuf.dev, "Encoding"). The generated code of these
//! messages would be two thirds of the package. Tests compare this code with it. Unknown fields are skipped.

use alloc::vec::Vec;

fn put_varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Appends a field that is a number.
pub(crate) fn put_number(out: &mut Vec<u8>, field: u64, number: u64) {
    put_varint(out, field << 3);
    put_varint(out, number);
}

/// Appends a field that is a text, bytes or a message.
pub(crate) fn put_bytes(out: &mut Vec<u8>, field: u64, bytes: &[u8]) {
    put_varint(out, field << 3 | 2);
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Appends a field that is a text, unless the text is empty.
pub(crate) fn put_text(out: &mut Vec<u8>, field: u64, text: &[u8]) {
    if !text.is_empty() {
        put_bytes(out, field, text);
    }
}

/// Appends a field that is a number, unless the number is 0.
pub(crate) fn put_unless_zero(out: &mut Vec<u8>, field: u64, number: u64) {
    if number != 0 {
        put_number(out, field, number);
    }
}

pub(crate) enum Value<'a> {
    /// A varint: numbers, booleans, enums.
    Number(u64),
    /// Texts, bytes, messages.
    Bytes(&'a [u8]),
}

impl<'a> Value<'a> {
    /// The bytes. Empty for a number.
    pub(crate) fn bytes(&self) -> &'a [u8] {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Number(_) => &[],
        }
    }

    /// The number. 0 for bytes.
    pub(crate) fn number(&self) -> u64 {
        match self {
            Self::Number(number) => *number,
            Self::Bytes(_) => 0,
        }
    }
}

/// The fields of a message with their numbers, in the order of the bytes. The iterator ends where the message is
/// malformed.
pub(crate) struct Fields<'a>(pub(crate) &'a [u8]);

impl<'a> Iterator for Fields<'a> {
    type Item = (u64, Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let tag = self.varint()?;
        let value = match tag & 7 {
            0 => Value::Number(self.varint()?),
            1 => Value::Bytes(self.take(8)?),
            2 => {
                let length = self.varint()?;
                Value::Bytes(self.take(length)?)
            }
            5 => Value::Bytes(self.take(4)?),
            _ => return None,
        };
        Some((tag >> 3, value))
    }
}

impl<'a> Fields<'a> {
    fn varint(&mut self) -> Option<u64> {
        let mut number = 0;
        let mut shift = 0;
        while shift < 64 {
            let (&byte, rest) = self.0.split_first()?;
            self.0 = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(number);
            }
            shift += 7;
        }
        None
    }

    fn take(&mut self, length: u64) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(usize::try_from(length).ok()?)?;
        self.0 = rest;
        Some(taken)
    }
}

#[cfg(test)]
mod tests {
    use prost::Message as _;
    use prost_types::Timestamp;
    use tandem_proto::v1::RecordPurchaseResponse;

    use super::*;

    #[test]
    fn fields_are_found_whatever_their_kind() {
        // Field 1 fixed64, field 2 fixed32, field 3 text, field 4 number 300.
        let message = [9, 1, 2, 3, 4, 5, 6, 7, 8, 21, 1, 2, 3, 4, 26, 2, b'h', b'i', 32, 0xac, 2];
        let found: Vec<_> = Fields(&message).map(|(n, v)| (n, v.bytes().len(), v.number())).collect();
        assert_eq!(found, [(1, 8, 0), (2, 4, 0), (3, 2, 0), (4, 0, 300)]);
    }

    #[test]
    fn negative_numbers_take_ten_bytes() {
        let message = Timestamp { seconds: -1, nanos: 0 }.encode_to_vec();
        assert_eq!(Fields(&message).next().unwrap().1.number() as i64, -1);
    }

    #[test]
    fn broken_messages_end_early_and_never_panic() {
        let whole = RecordPurchaseResponse {
            event_id: "purchase_1".to_owned(),
            state: 2,
            duplicate: true,
            ..RecordPurchaseResponse::default()
        };
        let whole = whole.encode_to_vec();
        assert_eq!(Fields(&whole).count(), 3);
        for cut in 0..whole.len() {
            assert!(Fields(&whole[..cut]).count() < 3);
        }
        assert_eq!(Fields(&[0xff; 11]).count(), 0);
        assert_eq!(Fields(&[0x0b]).count(), 0, "groups are not read");
        assert_eq!(Fields(&[0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f]).count(), 0);
    }
}
