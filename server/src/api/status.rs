//! Why a call is refused. Each variant has a gRPC status, a stable code, and a text that says what the caller can
//! do. No text repeats a value from the request.

use std::time::Duration;

use tandem_core::money::Money;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use crate::orders::OrderError;
use crate::outbox::StoreError;

/// A wrong field, and what it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Path in the request, such as `custom_data.value.amount`.
    pub field: String,
    /// What the field must be.
    pub what: String,
}

impl Violation {
    pub fn new(field: impl Into<String>, what: impl Into<String>) -> Self {
        Self { field: field.into(), what: what.into() }
    }
}

/// What is wrong with a request. At most [`VIOLATIONS_MAX`] are kept and told; the rest is counted, so that a message
/// full of errors costs no more than a small one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Violations {
    kept: Vec<Violation>,
    more: usize,
}

/// Most wrong fields that one answer names.
const VIOLATIONS_MAX: usize = 20;

impl Violations {
    pub(in crate::api) fn add(&mut self, field: impl Into<String>, what: impl Into<String>) {
        if self.kept.len() < VIOLATIONS_MAX {
            self.kept.push(Violation::new(field, what));
        } else {
            self.more += 1;
        }
    }

    /// Whether something is wrong with a field or with a part of it. Of what is only counted nothing is known.
    pub(in crate::api) fn has(&self, field: &str) -> bool {
        self.kept.iter().any(|violation| violation.field.starts_with(field))
    }

    /// Returns a value, or records what is wrong with it.
    pub(in crate::api) fn take<T, E: std::fmt::Display>(
        &mut self,
        field: &str,
        result: Result<T, E>,
    ) -> Option<T> {
        result.map_err(|error| self.add(field, error.to_string())).ok()
    }

    /// # Errors
    /// [`Reject::Invalid`], if there are any.
    pub(in crate::api) fn check(self) -> Result<(), Reject> {
        if self.kept.is_empty() { Ok(()) } else { Err(Reject::Invalid(self)) }
    }

    fn text(&self) -> String {
        let fields: Vec<_> = self.kept.iter().map(|v| format!("{} {}", v.field, v.what)).collect();
        let more = if self.more > 0 { format!("; and {} more", self.more) } else { String::new() };
        format!("{}{more}", fields.join("; "))
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reject {
    Invalid(Violations),
    /// The internal token is missing where it is needed, or wrong.
    Unauthenticated,
    /// The page's origin is not one of the shop's.
    OriginNotAllowed,
    /// Too many calls from one address.
    TooFast(Duration),
    /// Too many requests are open, or wait for the disk.
    Overloaded,
    /// The store cannot write now.
    StoreUnavailable,
    /// A merchant report names another amount than the order was paid with.
    ReportConflict {
        /// What the order was paid with, e.g. `1499.00 INR`.
        known: String,
        /// What the report says.
        given: String,
    },
    /// No payment secret is configured, so no webhook can be believed.
    NoSecret,
    NotFound,
    NoSuchOrder,
}

impl Reject {
    /// A refusal because of one wrong field.
    pub fn field(field: impl Into<String>, what: impl Into<String>) -> Self {
        let mut violations = Violations::default();
        violations.add(field, what);
        Self::Invalid(violations)
    }

    pub fn code(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "invalid_field",
            Self::Unauthenticated => "unauthenticated",
            Self::OriginNotAllowed => "origin_not_allowed",
            Self::TooFast(_) => "too_fast",
            Self::Overloaded => "overloaded",
            Self::StoreUnavailable => "store_unavailable",
            Self::ReportConflict { .. } => "fact_conflict",
            Self::NoSecret => "no_secret",
            Self::NotFound | Self::NoSuchOrder => "not_found",
        }
    }

    pub fn grpc(&self) -> Code {
        match self {
            Self::Invalid(_) => Code::InvalidArgument,
            Self::Unauthenticated => Code::Unauthenticated,
            Self::OriginNotAllowed => Code::PermissionDenied,
            Self::TooFast(_) | Self::Overloaded => Code::ResourceExhausted,
            Self::StoreUnavailable | Self::NoSecret => Code::Unavailable,
            Self::ReportConflict { .. } => Code::FailedPrecondition,
            Self::NotFound | Self::NoSuchOrder => Code::NotFound,
        }
    }

    /// Whether the server failed the caller, so that the answer counts into the error rate. Overload does, one
    /// address's limit does not.
    pub(super) fn is_failure(&self) -> bool {
        matches!(self, Self::Overloaded) || is_failure(self.grpc())
    }

    fn text(&self) -> String {
        match self {
            Self::Invalid(violations) => violations.text(),
            Self::Unauthenticated => {
                "send the internal token: authorization: Bearer <token> (TANDEM_INTERNAL_TOKEN)".into()
            }
            Self::OriginNotAllowed => "this origin is not in TANDEM_ALLOWED_ORIGINS".into(),
            Self::TooFast(_) => "too many calls from this address; wait and try again".into(),
            Self::Overloaded => "the server has too many open requests; wait and try again".into(),
            Self::StoreUnavailable => "the store cannot write now; nothing was stored; try again".into(),
            Self::ReportConflict { known, given } => {
                format!("the order is paid with {known}, and this report says {given}; nothing was changed")
            }
            Self::NoSecret => {
                "no_secret: no Cashfree client secret is configured for this environment (CASHFREE_CLIENT_SECRET)".into()
            }
            Self::NotFound => "there is no such event".into(),
            Self::NoSuchOrder => "there is no such order".into(),
        }
    }
}

/// Whether a status is a failure of the server.
pub(super) fn is_failure(code: Code) -> bool {
    matches!(code, Code::Internal | Code::Unknown | Code::Unavailable)
}

/// A status's name in lower case, for metric labels.
pub(super) fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "ok",
        Code::Cancelled => "cancelled",
        Code::Unknown => "unknown",
        Code::InvalidArgument => "invalid_argument",
        Code::DeadlineExceeded => "deadline_exceeded",
        Code::NotFound => "not_found",
        Code::AlreadyExists => "already_exists",
        Code::PermissionDenied => "permission_denied",
        Code::ResourceExhausted => "resource_exhausted",
        Code::FailedPrecondition => "failed_precondition",
        Code::Aborted => "aborted",
        Code::OutOfRange => "out_of_range",
        Code::Unimplemented => "unimplemented",
        Code::Internal => "internal",
        Code::Unavailable => "unavailable",
        Code::DataLoss => "data_loss",
        Code::Unauthenticated => "unauthenticated",
    }
}

impl From<OrderError> for Reject {
    fn from(error: OrderError) -> Self {
        match error {
            OrderError::Store(error) => error.into(),
            OrderError::AmountConflict { known, given } => {
                Self::ReportConflict { known: spelt(known), given: spelt(given) }
            }
            OrderError::NoSecret => Self::NoSecret,
            OrderError::UnknownProvider => {
                Self::field("provider", "must be a provider that this server knows")
            }
        }
    }
}

fn spelt(money: Money) -> String {
    format!("{} {}", money.decimal(), money.currency.as_str())
}

impl From<StoreError> for Reject {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Busy => Self::Overloaded,
            StoreError::Unavailable(_) | StoreError::Stopped => Self::StoreUnavailable,
        }
    }
}

impl From<Reject> for Status {
    fn from(reject: Reject) -> Self {
        let mut details = ErrorDetails::new();
        match &reject {
            Reject::Invalid(violations) => {
                for violation in &violations.kept {
                    details.add_bad_request_violation(&violation.field, &violation.what);
                }
            }
            Reject::TooFast(wait) => drop(details.set_retry_info(Some(*wait))),
            Reject::Overloaded => drop(details.set_retry_info(Some(Duration::from_millis(250)))),
            Reject::StoreUnavailable => drop(details.set_retry_info(Some(Duration::from_secs(5)))),
            _ => return Self::new(reject.grpc(), reject.text()),
        }
        Self::with_error_details(reject.grpc(), reject.text(), details)
    }
}
