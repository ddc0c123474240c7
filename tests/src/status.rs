//! Reads gRPC errors.

use tonic::{Code, Status};
use tonic_types::StatusExt as _;

/// The fields that `google.rpc.BadRequest` names, in its order.
#[must_use]
pub fn named_fields(status: &Status) -> Vec<String> {
    let details = status.get_details_bad_request();
    details.into_iter().flat_map(|bad| bad.field_violations).map(|violation| violation.field).collect()
}

/// All text in an error that a caller can read: the message and each field's description.
#[must_use]
pub fn readable_text(status: &Status) -> String {
    let mut text = status.message().to_owned();
    for violation in status.get_details_bad_request().into_iter().flat_map(|bad| bad.field_violations) {
        text.push_str(&format!("\n{}: {}", violation.field, violation.description));
    }
    text.push_str(&String::from_utf8_lossy(status.details()));
    text
}

/// Expects `INVALID_ARGUMENT` that names exactly these fields.
///
/// # Panics
/// When the outcome is a different one. The message names the case.
#[track_caller]
pub fn expect_fields<T>(case: &str, outcome: Result<T, Status>, fields: &[&str]) -> Status {
    let Err(status) = outcome else { panic!("{case}: taken, instead of refused for {fields:?}") };
    assert_eq!(status.code(), Code::InvalidArgument, "{case}: {status}");
    assert_eq!(named_fields(&status), fields, "{case}: {status}");
    status
}

/// Expects an error with this code.
///
/// # Panics
/// When the outcome is a different one. The message names the case.
#[track_caller]
pub fn expect_code<T>(case: &str, outcome: Result<T, Status>, code: Code) -> Status {
    let Err(status) = outcome else { panic!("{case}: taken, instead of {code:?}") };
    assert_eq!(status.code(), code, "{case}: {status}");
    status
}
