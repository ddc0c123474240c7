//! Who said what about an order's consent to advertising use.

use serde::{Deserialize, Serialize};

use super::contact::{Contact, ContactProof};
use crate::event::AdsConsent;

/// What was said about an order's consent, beside what its owner says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct ConsentVoices {
    /// The shop's own services, the latest word.
    pub(super) internal: AdsConsent,
    /// Pages with the shop's key, the latest word.
    pub(super) keyed: AdsConsent,
    /// Another browser than the owner that claims the order after it was paid.
    pub(super) after_payment: AdsConsent,
    /// The owner, whose signals are forgotten.
    pub(super) former_owner: AdsConsent,
    /// Another browser allowed it.
    pub(super) others_granted: bool,
    /// Another browser refused it.
    pub(super) others_denied: bool,
}

impl ConsentVoices {
    /// Whether there is nothing to store.
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Takes a contact's word: of a proven voice, or of a browser that does not own the order.
    /// `is_paid`: the order is known to be paid.
    pub(super) fn hear(&mut self, contact: &Contact, is_paid: bool) {
        match contact.proof {
            ContactProof::Internal => self.internal.revise(contact.consent.ads),
            ContactProof::PaymentSession | ContactProof::ClaimKey => self.keyed.revise(contact.consent.ads),
            ContactProof::Nothing => {
                if contact.is_claim && is_paid {
                    self.after_payment.revise(contact.consent.ads);
                }
                self.others_granted |= contact.consent.ads == AdsConsent::Granted;
                self.others_denied |= contact.consent.ads == AdsConsent::Denied;
            }
        }
    }

    /// Another browser took the order over. What the former owner said is another browser's word now,
    /// and the new owner speaks for itself.
    pub(super) fn change_owner(&mut self, was: &Contact) {
        self.after_payment = AdsConsent::Unspecified;
        self.hear(was, false);
    }

    /// Keeps the word of an owner whose signals are forgotten.
    pub(super) fn remember_owner(&mut self, owner: &Contact) {
        self.former_owner = owner.consent.ads;
    }

    /// The word of the proven voices. A refusal of one of them counts more than what another
    /// allows.
    pub(super) fn proven(self) -> AdsConsent {
        let voices = [self.internal, self.keyed];
        let said = |word| voices.contains(&word);
        [AdsConsent::Denied, AdsConsent::Granted, AdsConsent::Missing]
            .into_iter()
            .find(|word| said(*word))
            .unwrap_or_default()
    }
}
