//! The client's own event IDs: UUIDs of version 7 (RFC 9562). They sort by the time at which they were made, which is
//! good for the server's index.

use alloc::vec::Vec;

use uuid::Builder;
use uuid::fmt::Hyphenated;

/// Makes an ID from the time, in milliseconds since 1970, and ten random bytes.
pub(crate) fn uuid_v7(now_ms: u64, random: &[u8]) -> Vec<u8> {
    let mut bytes = [0; 10];
    for (byte, random) in bytes.iter_mut().zip(random) {
        *byte = *random;
    }
    let uuid = Builder::from_unix_timestamp_millis(now_ms, &bytes).into_uuid().hyphenated();
    let mut text = [0; Hyphenated::LENGTH];
    uuid.encode_lower(&mut text);
    text.into()
}

#[cfg(test)]
mod tests {
    use super::uuid_v7;

    #[test]
    fn the_form_is_that_of_rfc_9562() {
        // The RFC's own example, appendix A.6.
        let random = [0x0c, 0xc3, 0x18, 0xc4, 0xdc, 0x0c, 0x0c, 0x07, 0x39, 0x8f].as_slice();
        assert_eq!(uuid_v7(0x017F_22E2_79B0, random), b"017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
        assert_eq!(uuid_v7(0, &[0; 10]), b"00000000-0000-7000-8000-000000000000");
        assert_eq!(uuid_v7(u64::MAX, &[0xff; 10]), b"ffffffff-ffff-7fff-bfff-ffffffffffff");
    }

    #[test]
    fn later_ids_sort_after_earlier_ones() {
        assert!(uuid_v7(1_700_000_000_000, &[0xff; 10]) < uuid_v7(1_700_000_000_001, &[0; 10]));
    }
}
