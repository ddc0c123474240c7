//! What browsers and internal callers say about an order without proof of payment.

use serde::{Deserialize, Serialize};

use crate::custom_data::CustomData;
use crate::event::{Consent, Page};
use crate::user_data::UserData;

/// Somebody named an order: a claim, a checkout event, or an internal caller.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Contact {
    /// When, Unix seconds.
    pub at_s: i64,
    /// Whether it claims that the order was paid.
    pub is_claim: bool,
    /// Whether the caller is one of the shop's own services.
    pub is_internal: bool,
    /// Permission.
    pub consent: Consent,
    /// Match keys and browser identifiers.
    pub user_data: UserData,
    /// The page.
    pub page: Page,
    /// Contents and experiment.
    pub custom_data: CustomData,
}

/// Who brought the browser signals of a Purchase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SignalSource {
    /// The page that claimed the order.
    Claim,
    /// An earlier event that named the order, such as its checkout.
    EarlierEvent,
    /// A service of the shop.
    Internal,
    /// Nobody: the Purchase goes without.
    Nobody,
}

impl SignalSource {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Claim, Self::EarlierEvent, Self::Internal, Self::Nobody];

    /// Name for programs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Claim => "claim",
            Self::EarlierEvent => "earlier_event",
            Self::Internal => "internal",
            Self::Nobody => "none",
        }
    }
}
