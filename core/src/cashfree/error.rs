//! Why a message with a valid signature cannot be used. Errors carry codes only and repeat no
//! value of the message.

/// What is wrong with a message that has a valid signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// The body is not JSON or not UTF-8.
    #[error("is not JSON")]
    NotJson,
    /// The body is JSON but not an object (or, for a payment list, not an array).
    #[error("has another JSON type at its root")]
    WrongRoot,
    /// An object names a key twice. Parsers disagree on what that means.
    #[error("names a key twice")]
    DuplicateKey,
    /// The body is nested deeper than [`super::DEPTH_MAX`].
    #[error("is nested too deeply")]
    TooDeep,
    /// The body is longer than [`super::BODY_BYTES_MAX`] or has more values than
    /// [`super::VALUES_MAX`].
    #[error("is too large")]
    TooComplex,
    /// The body is not a legacy form, or a field is missing or repeated.
    #[error("is not a legacy notification")]
    NotAForm,
    /// The order ID is missing.
    #[error("has no order ID")]
    MissingOrderId,
    /// The order ID is too long or holds control characters.
    #[error("has an unusable order ID")]
    BadOrderId,
    /// Cashfree's payment ID is missing.
    #[error("has no payment ID")]
    MissingPaymentId,
    /// Cashfree's payment ID does not have the form of one ([`super::CashfreeId::parse`]).
    #[error("has an unusable payment ID")]
    BadPaymentId,
    /// The ID of the refund, dispute, link or settlement is missing or does not have the form of
    /// one.
    #[error("has no usable ID of its own")]
    BadSubjectId,
    /// The status is missing.
    #[error("has no status")]
    MissingStatus,
    /// The status is not a word of 1 to 64 ASCII characters.
    #[error("has an unusable status")]
    BadStatus,
    /// The type and the status contradict each other.
    #[error("has a status that contradicts its type")]
    StatusTypeMismatch,
    /// The amount is missing, negative, not a number, or has more decimals than its currency.
    #[error("has no usable amount")]
    BadAmount,
    /// The payment is cash, and nothing says whether it was taken.
    #[error("is about cash, and does not say whether it was taken")]
    CashUnclear,
    /// The currency is not a code of ISO 4217.
    #[error("has an unusable currency")]
    BadCurrency,
}

impl MessageError {
    /// Stable code of the error, e.g. `bad_amount`. It can be logged and shown.
    pub fn code(self) -> &'static str {
        match self {
            Self::NotJson => "not_json",
            Self::WrongRoot => "wrong_json_root",
            Self::DuplicateKey => "duplicate_json_key",
            Self::TooDeep => "too_deep",
            Self::TooComplex => "too_complex",
            Self::NotAForm => "not_a_form",
            Self::MissingOrderId => "missing_order_id",
            Self::BadOrderId => "bad_order_id",
            Self::MissingPaymentId => "missing_payment_id",
            Self::BadPaymentId => "bad_payment_id",
            Self::BadSubjectId => "bad_subject_id",
            Self::MissingStatus => "missing_status",
            Self::BadStatus => "bad_status",
            Self::StatusTypeMismatch => "status_type_mismatch",
            Self::BadAmount => "bad_amount",
            Self::CashUnclear => "cash_unclear",
            Self::BadCurrency => "bad_currency",
        }
    }
}
