//! Names of fields. They are in camel case, as in the page's argument. The server's and Meta's names are the same in
//! snake case. A list has the fields of one message of `proto/tandem/v1/common.proto`, in the order of their numbers,
//! from 1, separated by spaces. Tests compare the lists with the `.proto`.

use alloc::vec::Vec;

/// `User`, without `default_country` (12).
pub(crate) const USER: &[u8] =
    b"email phone firstName lastName city state postalCode country gender dateOfBirth externalId";
/// `Browser`, without the fields for internal callers.
pub(crate) const BROWSER: &[u8] = b"fbp fbc fbclid eventSourceUrl referrerUrl";
/// `CustomData`. Pages do not set the last field, because a request has its own field for the order.
pub(crate) const CUSTOM_DATA: &[u8] =
    b"value contentIds contents contentType contentName contentCategory numItems \
searchString status predictedLtv properties orderId";
pub(crate) const CONTENT: &[u8] = b"id quantity itemPrice";
/// `Experiment`. The page's names do not repeat the message's name.
pub(crate) const EXPERIMENT: &[u8] = b"id variant testGroup";
#[cfg(test)]
pub(crate) const CONSENT: &[u8] = b"ads limitedDataUse country state";

/// The names of a list with their numbers.
pub(crate) fn numbered(list: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    (1..).zip(list.split(|byte| *byte == b' '))
}

/// Appends a name in snake case, as the server and Meta write it.
pub(crate) fn push_snake(out: &mut Vec<u8>, name: &[u8]) {
    for byte in name {
        if byte.is_ascii_uppercase() {
            out.push(b'_');
        }
        out.push(byte.to_ascii_lowercase());
    }
}
