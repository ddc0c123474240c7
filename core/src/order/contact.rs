//! Contacts: calls of browsers and internal callers that name an order and prove no payment.

use serde::{Deserialize, Serialize};

use crate::custom_data::CustomData;
use crate::event::{Consent, Page};
use crate::user_data::UserData;

/// A call that named an order: a page's claim, a checkout event, or a call of an internal caller.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Contact {
    /// When the caller named the order, Unix seconds.
    pub at_s: i64,
    /// Whether the call is a page's claim that the order was placed.
    pub is_claim: bool,
    /// Whether the caller is one of the shop's own services.
    pub is_internal: bool,
    /// What the person allowed.
    pub consent: Consent,
    /// Hashed match keys and browser identifiers.
    pub user_data: UserData,
    /// The page on which the caller named the order.
    pub page: Page,
    /// Contents of the order and A/B test.
    pub custom_data: CustomData,
}

/// Where the browser signals of a Purchase come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SignalSource {
    /// The page that claimed the order.
    Claim,
    /// An earlier event that named the order, such as its checkout.
    EarlierEvent,
    /// One of the shop's own services.
    Internal,
    /// Nobody. The Purchase has no browser signals.
    Nobody,
}

impl SignalSource {
    /// All sources.
    pub const ALL: [Self; 4] = [Self::Claim, Self::EarlierEvent, Self::Internal, Self::Nobody];

    /// Stable name for metric labels, stored rows and JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Claim => "claim",
            Self::EarlierEvent => "earlier_event",
            Self::Internal => "internal",
            Self::Nobody => "none",
        }
    }
}
