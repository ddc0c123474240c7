//! What becomes of attempts to pay, of unpaid orders and of refunds.

use serde::{Deserialize, Serialize};

use super::amount::Amount;
use crate::clock::Millis;

/// How a payment attempt ended.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Success,
    /// The bank refused the payment.
    Failed,
    /// The buyer left the checkout page.
    Dropped,
}

impl Outcome {
    #[must_use]
    pub fn payment_status(self) -> &'static str {
        match self {
            Self::Success => "SUCCESS",
            Self::Failed => "FAILED",
            Self::Dropped => "USER_DROPPED",
        }
    }

    #[must_use]
    pub fn webhook_type(self) -> &'static str {
        match self {
            Self::Success => "PAYMENT_SUCCESS_WEBHOOK",
            Self::Failed => "PAYMENT_FAILED_WEBHOOK",
            Self::Dropped => "PAYMENT_USER_DROPPED_WEBHOOK",
        }
    }
}

/// Cashfree's `order_status` of an order without a successful payment.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum UnpaidStatus {
    /// It can still be paid.
    #[default]
    Active,
    /// It was not paid in time.
    Expired,
    /// The shop ended it.
    Terminated,
    /// The shop asked for its end.
    TerminationRequested,
    /// A part was paid.
    PartiallyPaid,
}

/// Cashfree's `refund_status`.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RefundStatus {
    #[default]
    Success,
    Pending,
    Onhold,
    Cancelled,
    Failed,
}

/// One refund of an order's successful payment.
#[derive(Clone, Debug)]
pub struct Refund {
    /// Cashfree's ID.
    pub cf_refund_id: String,
    /// The shop's ID.
    pub refund_id: String,
    pub amount: Amount,
    pub status: RefundStatus,
    pub at_ms: Millis,
}
