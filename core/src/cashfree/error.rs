//! Why a message whose signature holds cannot be used. Errors carry codes only and repeat no
//! value of the message.

/// What is wrong with a message whose signature holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// Not JSON, or not UTF-8.
    #[error("is not JSON")]
    NotJson,
    /// JSON, but not an object (or, for a payment list, not an array).
    #[error("has another JSON type at its root")]
    WrongRoot,
    /// An object names a key twice: parsers disagree on what that means.
    #[error("names a key twice")]
    DuplicateKey,
    /// Nested deeper than anything Cashfree sends.
    #[error("is nested too deeply")]
    TooDeep,
    /// Longer, or made of more values, than anything Cashfree sends.
    #[error("is too large")]
    TooComplex,
    /// Not a legacy form, or one with missing or repeated fields.
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
    /// Cashfree's payment ID is not an ID.
    #[error("has an unusable payment ID")]
    BadPaymentId,
    /// The ID of the refund, dispute, link or settlement is missing or is not an ID.
    #[error("has no usable ID of its own")]
    BadSubjectId,
    /// The status is missing.
    #[error("has no status")]
    MissingStatus,
    /// The status is not a word.
    #[error("has an unusable status")]
    BadStatus,
    /// The type and the status contradict each other.
    #[error("has a status that contradicts its type")]
    StatusTypeMismatch,
    /// The amount is missing, negative, no number, or finer than its currency.
    #[error("has no usable amount")]
    BadAmount,
    /// Cash, and nothing says whether it was taken.
    #[error("is about cash, and does not say whether it was taken")]
    CashUnclear,
    /// The currency is not a currency.
    #[error("has an unusable currency")]
    BadCurrency,
}

impl MessageError {
    /// Stable code, safe to log and to show.
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
