//! SHA-256 digests in the form that Meta requires: 64 lower-case hex digits.

use alloc::string::String;
use core::fmt;

use sha2::{Digest, Sha256};

use crate::personal::Normalised;

/// Digest of the empty text. It matches nobody, so it is never sent.
const OF_NOTHING: [u8; 32] = [
    0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24, 0x27,
    0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
];

/// A SHA-256 digest. The digest of a match key is still personal data: somebody can find a phone
/// number by trying all numbers. So `Debug` hides it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sha256Hex([u8; 32]);

impl Sha256Hex {
    /// Digest of bytes that are not personal data, such as a webhook's body. Personal
    /// data goes through [`crate::normalise::hash_key`].
    pub fn of_bytes(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// Reads 64 hex digits in any case; `None` for other texts. The appendix that Meta's param
    /// builder adds to a hash (a dot and 2 or 8 base64url characters) is dropped.
    pub fn parse(text: &str) -> Option<Self> {
        let (digits, rest) = text.split_at_checked(64)?;
        let appendix_fits = rest.is_empty() || rest.strip_prefix('.').is_some_and(is_appendix);
        let mut bytes = [0; 32];
        let mut is_hex = true;
        for (place, digit) in digits.bytes().enumerate() {
            let value = char::from(digit).to_digit(16);
            is_hex &= value.is_some();
            if let Some(byte) = bytes.get_mut(place / 2) {
                *byte = *byte << 4 | value.unwrap_or_default() as u8;
            }
        }
        (appendix_fits && is_hex).then_some(Self(bytes))
    }

    /// The 32 bytes of the digest.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The digest as 64 lower-case hex digits.
    pub fn to_hex(self) -> String {
        let mut out = String::with_capacity(64);
        self.write_hex(&mut out);
        out
    }

    /// Appends the digest to `out` as 64 lower-case hex digits.
    pub fn write_hex(&self, out: &mut String) {
        for byte in self.0 {
            for nibble in [byte >> 4, byte & 15] {
                out.push(char::from_digit(nibble.into(), 16).unwrap_or_default());
            }
        }
    }

    /// Whether this is the digest of an empty text.
    pub(crate) fn is_of_nothing(&self) -> bool {
        self.0 == OF_NOTHING
    }
}

impl fmt::Debug for Sha256Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sha256Hex(..)")
    }
}

/// Hashes a normal form (Meta, customer information parameters: SHA-256 over UTF-8). The argument
/// is a [`Normalised`], so neither raw nor empty text can be hashed.
pub(crate) fn hash_match_key(normal: &Normalised) -> Sha256Hex {
    Sha256Hex::of_bytes(normal.expose().as_bytes())
}

/// Whether a field is the appendix of Meta's param builder: the number of a language as one byte, or 6
/// bytes that begin with 1 and the language, in base64url (Meta, capi-param-builder).
pub(crate) fn is_appendix(field: &str) -> bool {
    match field.as_bytes() {
        [b'A' | b'B', b'A' | b'Q' | b'g' | b'w'] => field != "AA",
        [b'A', b'Q', rest @ ..] => {
            rest.len() == 6 && rest.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
        }
        _ => false,
    }
}

#[cfg(feature = "full")]
impl serde::Serialize for Sha256Hex {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut digits = [0; 64];
        hex::encode_to_slice(self.0, &mut digits).map_err(serde::ser::Error::custom)?;
        serializer.serialize_str(core::str::from_utf8(&digits).map_err(serde::ser::Error::custom)?)
    }
}

#[cfg(feature = "full")]
impl<'de> serde::Deserialize<'de> for Sha256Hex {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Digits;
        impl serde::de::Visitor<'_> for Digits {
            type Value = Sha256Hex;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("64 hex digits")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Sha256Hex, E> {
                // The error does not repeat the text, which can be personal data.
                Sha256Hex::parse(text).ok_or_else(|| E::custom("expected 64 hex digits"))
            }
        }
        deserializer.deserialize_str(Digits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn the_digest_is_fips_180s() {
        let digest = Sha256Hex::of_bytes(b"abc");
        assert_eq!(digest.to_hex(), ABC);
        assert_eq!(format!("{digest:?}"), "Sha256Hex(..)");
        assert!(Sha256Hex::of_bytes(b"").is_of_nothing());
    }

    #[test]
    fn any_case_is_read_and_an_appendix_is_dropped() {
        let digest = Sha256Hex::of_bytes(b"abc");
        for text in [ABC.to_owned(), ABC.to_uppercase(), format!("{ABC}.AQQCAQMC"), format!("{ABC}.Ag")] {
            assert_eq!(Sha256Hex::parse(&text), Some(digest), "{text}");
        }
        let cut = &ABC[..63];
        for text in [
            "",
            cut,
            &format!("{cut}g"),
            &format!("{ABC}0"),
            &format!("{ABC}."),
            &format!("{ABC}.com"),
            &format!("{cut}é"),
        ] {
            assert_eq!(Sha256Hex::parse(text), None, "{text}");
        }
    }

    #[cfg(feature = "full")]
    #[test]
    fn json_holds_lower_case_hex_and_errors_do_not_repeat_the_text() {
        let digest = Sha256Hex::of_bytes(b"abc");
        let json = serde_json::to_string(&digest).unwrap();
        assert_eq!(json, format!("\"{ABC}\""));
        assert_eq!(serde_json::from_str::<Sha256Hex>(&json).unwrap(), digest);
        let error = serde_json::from_str::<Sha256Hex>("\"asha@example.com\"").unwrap_err();
        assert!(!error.to_string().contains("asha"), "{error}");
    }
}
