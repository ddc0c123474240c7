//! Writes JSON for the page.

use alloc::vec::Vec;

/// A writer of JSON. It adds the commas.
#[derive(Debug, Default)]
pub(crate) struct Json(pub(crate) Vec<u8>);

impl Json {
    /// Begins a list (`[`) or an object (`{`).
    pub(crate) fn open(&mut self, bracket: u8) {
        self.raw(&[bracket]);
    }

    /// Ends a list (`]`) or an object (`}`).
    pub(crate) fn close(&mut self, bracket: u8) {
        self.0.push(bracket);
    }

    /// Appends a value that is JSON already.
    pub(crate) fn raw(&mut self, json: &[u8]) {
        // There is no comma after an opening bracket, a key, or the mark of an error (lib.rs).
        if !matches!(self.0.last(), None | Some(b'[' | b'{' | b':' | b'!')) {
            self.0.push(b',');
        }
        self.0.extend_from_slice(json);
    }

    /// Appends a key. Its value must follow.
    pub(crate) fn key(&mut self, key: &[u8]) {
        self.text(key);
        self.0.push(b':');
    }

    /// Appends a text. The page's decoder replaces bytes that are not UTF-8.
    pub(crate) fn text(&mut self, text: &[u8]) {
        self.raw(b"\"");
        for byte in text {
            match byte {
                b'"' | b'\\' => self.0.extend_from_slice(&[b'\\', *byte]),
                0..0x20 => {
                    self.0.extend_from_slice(b"\\u00");
                    self.0.extend_from_slice(&hex(*byte));
                }
                _ => self.0.push(*byte),
            }
        }
        self.0.push(b'"');
    }

    /// Appends a decimal text as a number, and any other text as `null`.
    pub(crate) fn decimal(&mut self, text: &[u8]) {
        let (mut whole, mut decimals) = (0, None);
        let is_number = text.iter().all(|byte| match (byte, &mut decimals) {
            (b'.', None) => {
                decimals = Some(0);
                true
            }
            (byte, decimals) => {
                *decimals.as_mut().unwrap_or(&mut whole) += 1;
                byte.is_ascii_digit()
            }
        });
        // JSON allows no leading zeros.
        let is_json =
            is_number && whole > 0 && decimals != Some(0) && (whole == 1 || !text.starts_with(b"0"));
        self.raw(if is_json { text } else { b"null" });
    }

    pub(crate) fn number(&mut self, number: u64) {
        self.raw(b"");
        self.digits(number);
    }

    fn digits(&mut self, number: u64) {
        if number > 9 {
            self.digits(number / 10);
        }
        self.0.push(b'0' + (number % 10) as u8);
    }

    pub(crate) fn flag(&mut self, flag: bool) {
        self.raw(if flag { b"true" } else { b"false" });
    }
}

/// A byte's two hexadecimal digits.
pub(crate) fn hex(byte: u8) -> [u8; 2] {
    [byte >> 4, byte & 15].map(|digit| if digit < 10 { b'0' + digit } else { b'a' - 10 + digit })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_objects_and_escapes() {
        let mut json = Json::default();
        json.open(b'[');
        json.text(b"a\"b\\c\n\x1f\xe2\x82\xac");
        json.open(b'{');
        json.key(b"k");
        json.number(1200);
        json.key(b"l");
        json.flag(true);
        json.close(b'}');
        json.number(0);
        json.close(b']');
        assert_eq!(json.0, "[\"a\\\"b\\\\c\\u000a\\u001f\u{20ac}\",{\"k\":1200,\"l\":true},0]".as_bytes());
    }

    #[test]
    fn only_plain_decimals_are_numbers() {
        let written = |text: &str| {
            let mut json = Json::default();
            json.decimal(text.as_bytes());
            json.0
        };
        for text in ["0", "1499", "1499.00", "0.5", "10.25"] {
            assert_eq!(written(text), text.as_bytes());
        }
        for text in ["", ".", "1.", ".5", "-1", "1e3", "1.2.3", "007", "NaN", "1,000"] {
            assert_eq!(written(text), b"null", "{text}");
        }
    }
}
