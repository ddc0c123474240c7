//! Why a call is refused. Each variant has a gRPC status, a stable code, and a text that says what the caller can
//! do. No text repeats a value from the request.

use std::borrow::Cow;
use std::time::Duration;

use prost::Message;
use prost_types::Any;
use tandem_core::field_code::FieldCode;
use tandem_core::money::Money;
use tonic::{Code, Status};
use tonic_types::pb::bad_request::FieldViolation;
use tonic_types::pb::{self, BadRequest};

use crate::config::Origin;
use crate::orders::OrderError;
use crate::outbox::StoreError;

/// A wrong field, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Path in the request, such as `custom_data.value.amount`.
    pub field: String,
    pub code: FieldCode,
    /// A sentence about the fault, without the field's name and its value.
    pub text: Cow<'static, str>,
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
    pub(in crate::api) fn add(&mut self, field: impl Into<String>, code: FieldCode) {
        self.add_with(field, code, code.text());
    }

    /// Records a fault whose sentence says more than the code's own.
    pub(in crate::api) fn add_with(
        &mut self,
        field: impl Into<String>,
        code: FieldCode,
        text: impl Into<Cow<'static, str>>,
    ) {
        if self.kept.len() < VIOLATIONS_MAX {
            self.kept.push(Violation { field: field.into(), code, text: text.into() });
        } else {
            self.more += 1;
        }
    }

    pub(in crate::api) fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// Whether something is wrong with a field or with a part of it. Of what is only counted nothing is known.
    pub(in crate::api) fn has(&self, field: &str) -> bool {
        self.kept.iter().any(|violation| violation.field.starts_with(field))
    }

    /// Returns a value, or records what is wrong with it.
    pub(in crate::api) fn take<T, E: Into<FieldCode>>(
        &mut self,
        field: &str,
        result: Result<T, E>,
    ) -> Option<T> {
        result.map_err(|error| self.add(field, error.into())).ok()
    }

    /// # Errors
    /// [`Reject::Invalid`], if there are any.
    pub(in crate::api) fn check(self) -> Result<(), Reject> {
        if self.kept.is_empty() { Ok(()) } else { Err(Reject::Invalid(self)) }
    }

    fn bad_request(&self) -> BadRequest {
        let wire = |violation: &Violation| FieldViolation {
            field: violation.field.clone(),
            description: violation.text.clone().into_owned(),
            reason: violation.code.as_str().to_owned(),
            localized_message: None,
        };
        BadRequest { field_violations: self.kept.iter().map(wire).collect() }
    }

    fn text(&self) -> String {
        let fields: Vec<_> = self
            .kept
            .iter()
            .map(|v| if v.field.is_empty() { v.text.to_string() } else { format!("{}: {}", v.field, v.text) })
            .collect();
        let more =
            if self.more > 0 { format!(" {} more fields are wrong.", self.more) } else { String::new() };
        format!("{}{more}", fields.join(" "))
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reject {
    Invalid(Violations),
    /// The internal token is missing where it is needed, or wrong.
    Unauthenticated,
    /// The page's origin is not one of the shop's. `None`: the header names no origin.
    OriginNotAllowed(Option<Origin>),
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
    pub fn field(field: impl Into<String>, code: FieldCode) -> Self {
        Self::field_with(field, code, code.text())
    }

    /// A refusal because of one wrong field, with a sentence that says more than the code's own.
    pub fn field_with(field: impl Into<String>, code: FieldCode, text: impl Into<Cow<'static, str>>) -> Self {
        let mut violations = Violations::default();
        violations.add_with(field, code, text);
        Self::Invalid(violations)
    }

    pub fn code(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "invalid_field",
            Self::Unauthenticated => "unauthenticated",
            Self::OriginNotAllowed(_) => "origin_not_allowed",
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
            Self::OriginNotAllowed(_) => Code::PermissionDenied,
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
            Self::OriginNotAllowed(Some(origin)) => format!(
                "{origin} is not one of the shop's origins; if it is a page of the shop, add it to TANDEM_ALLOWED_ORIGINS"
            ),
            Self::OriginNotAllowed(None) => {
                "this page has no origin that TANDEM_ALLOWED_ORIGINS (the shop's origins) could name".into()
            }
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
            OrderError::UnknownProvider => Self::field("provider", FieldCode::ValueUnknown),
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
        let (code, text) = (reject.grpc(), reject.text());
        let detail = match &reject {
            Reject::Invalid(violations) => any("BadRequest", &violations.bad_request()),
            Reject::TooFast(wait) => retry_info(*wait),
            Reject::Overloaded => retry_info(Duration::from_millis(250)),
            Reject::StoreUnavailable => retry_info(Duration::from_secs(5)),
            _ => return Self::new(code, text),
        };
        let status = pb::Status { code: code.into(), message: text.clone(), details: vec![detail] };
        Self::with_details(code, text, status.encode_to_vec().into())
    }
}

fn retry_info(wait: Duration) -> Any {
    let retry_delay = prost_types::Duration::try_from(wait).ok();
    any("RetryInfo", &pb::RetryInfo { retry_delay })
}

/// A message of `google.rpc`. tonic's own builder leaves out the `reason` of a field.
fn any(name: &str, message: &impl Message) -> Any {
    Any { type_url: format!("type.googleapis.com/google.rpc.{name}"), value: message.encode_to_vec() }
}
