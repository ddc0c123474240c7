//! A text with its percent-encoding decoded. Each character has its place in the original text.

use alloc::vec::Vec;

/// Replaces each value that was removed. Its brackets cannot be part of an e-mail address or a number,
/// so no new address or number can form around it. They are allowed in a URL.
pub const PLACEHOLDER: &str = "(removed)";

/// One character and the bytes of the original text that stand for it.
#[derive(Clone, Copy)]
pub(super) struct Unit {
    pub(super) c: char,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// A piece of the decoded text, as indices of units; the end is exclusive.
pub(super) type Piece = core::ops::Range<usize>;

/// Decodes percent-encoding in one pass, nested encodings (`%2540`) included: whenever the last three
/// bytes are `%XX`, they become the encoded byte. That byte can be the percent sign of the next
/// encoding. Each byte that is not UTF-8 becomes U+FFFD.
pub(super) fn decode(text: &str) -> Vec<Unit> {
    let mut bytes: Vec<(u8, usize, usize)> = Vec::with_capacity(text.len());
    for (at, byte) in text.bytes().enumerate() {
        bytes.push((byte, at, at + 1));
        while let [.., (b'%', start, _), (high, ..), (low, _, end)] = bytes[..] {
            let (Some(high), Some(low)) = (hex_digit(high), hex_digit(low)) else { break };
            bytes.truncate(bytes.len() - 3);
            bytes.push((high << 4 | low, start, end));
        }
    }

    let plain: Vec<u8> = bytes.iter().map(|(byte, ..)| *byte).collect();
    let mut units = Vec::with_capacity(bytes.len());
    let mut at = 0;
    let span = |from: usize, to: usize| (bytes[from].1, bytes[to - 1].2);
    for chunk in plain.utf8_chunks() {
        for c in chunk.valid().chars() {
            let (start, end) = span(at, at + c.len_utf8());
            units.push(Unit { c, start, end });
            at += c.len_utf8();
        }
        for _ in chunk.invalid() {
            let (start, end) = span(at, at + 1);
            units.push(Unit { c: char::REPLACEMENT_CHARACTER, start, end });
            at += 1;
        }
    }
    units
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> String {
        decode(text).iter().map(|unit| unit.c).collect()
    }

    #[test]
    fn nested_encodings_are_undone_at_once() {
        for text in ["a@b", "a%40b", "a%2540b", "a%252540b", "a%25%34%30b"] {
            assert_eq!(plain(text), "a@b", "{text}");
        }
        for text in ["100%", "%", "%4", "%zz", "% 40"] {
            assert_eq!(plain(text), text);
        }
        assert_eq!(plain("%E0%A4%B0%ff"), "र\u{fffd}");
    }

    #[test]
    fn units_cover_the_text_without_gaps() {
        let text = "x%2540%E0%A4%B0é%80";
        let units = decode(text);
        assert_eq!((units[0].start, units[units.len() - 1].end), (0, text.len()));
        assert!(units.windows(2).all(|pair| pair[0].end == pair[1].start));
        assert!(
            units.iter().all(|unit| text.is_char_boundary(unit.start) && text.is_char_boundary(unit.end))
        );
    }
}
