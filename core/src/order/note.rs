//! One entry in the history of an order, for operators: IDs, amounts, statuses and times. It has no
//! personal data.

use serde::{Deserialize, Serialize};

use super::payment::{Payment, PaymentSource};
use crate::money::Money;

/// What a note is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoteKind {
    /// An attempt to pay.
    Payment,
    /// A refund: money goes back to the buyer.
    Refund,
    /// A dispute: the buyer contests a payment.
    Dispute,
}

impl NoteKind {
    /// Stable name: `payment`, `refund` or `dispute`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Payment => "payment",
            Self::Refund => "refund",
            Self::Dispute => "dispute",
        }
    }
}

/// One entry in the history of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// What the note is about.
    pub kind: NoteKind,
    /// The provider's ID of the payment, refund or dispute; empty for a report of the shop.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub id: String,
    /// The provider's ID of the payment that a refund or dispute belongs to, where it is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_id: Option<String>,
    /// The provider's status in upper case, e.g. `SUCCESS`.
    pub status: String,
    /// Amount of the payment, refund or dispute, where it is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub money: Option<Money>,
    /// When it happened, Unix seconds, where it is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_s: Option<i64>,
    /// When the server learnt of it, Unix seconds.
    pub seen_at_s: i64,
    /// Where the note comes from.
    pub source: PaymentSource,
    /// Whether the money of a dispute is lost.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub is_lost: bool,
}

impl Note {
    /// The note about a successful payment.
    pub(super) fn of(paid: &Payment) -> Self {
        Self {
            kind: NoteKind::Payment,
            id: paid.payment_id.clone().unwrap_or_default(),
            payment_id: None,
            status: "SUCCESS".to_owned(),
            money: Some(paid.money),
            at_s: Some(paid.at_s),
            seen_at_s: paid.seen_at_s,
            source: paid.source,
            is_lost: false,
        }
    }

    /// Whether both are about the same payment, refund or dispute.
    pub(super) fn is_about(&self, other: &Self) -> bool {
        self.kind == other.kind && self.id == other.id
    }
}
