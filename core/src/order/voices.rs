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
    /// Another browser allowed it for measurement alone.
    pub(super) others_measure_only: bool,
    /// Another browser refused it.
    pub(super) others_denied: bool,
}

impl ConsentVoices {
    /// Whether there is nothing to store.
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Takes a contact's word as one that `proof` speaks for: of a proven voice, or of a browser that
    /// does not own the order. `is_buyers`: the order is known to be paid, and nothing says that another
    /// browser paid it.
    pub(super) fn hear(&mut self, contact: &Contact, proof: ContactProof, is_buyers: bool) {
        let said = contact.consent.ads;
        match proof {
            ContactProof::Internal => self.internal.revise(said),
            ContactProof::PaymentSession | ContactProof::ClaimKey => self.keyed.revise(said),
            ContactProof::Nothing => {
                if contact.is_claim && is_buyers {
                    self.after_payment.revise(said);
                }
                self.others_granted |= said == AdsConsent::Granted;
                self.others_measure_only |= said == AdsConsent::MeasureOnly;
                self.others_denied |= said == AdsConsent::Denied;
            }
        }
    }

    /// Another browser took the order over. What the former owner said is another browser's word now,
    /// and the new owner speaks for itself.
    pub(super) fn change_owner(&mut self, was: &Contact) {
        self.after_payment = AdsConsent::Unspecified;
        self.hear(was, was.proof, false);
    }

    /// The word of the proven voices. The stricter word of two counts.
    pub(super) fn proven(self) -> AdsConsent {
        let voices = [self.internal, self.keyed];
        AdsConsent::WORDS.into_iter().find(|word| voices.contains(word)).unwrap_or_default()
    }

    /// What other browsers said.
    pub(super) fn of_others(self) -> impl Iterator<Item = AdsConsent> {
        [
            (self.others_denied, AdsConsent::Denied),
            (self.others_measure_only, AdsConsent::MeasureOnly),
            (self.others_granted, AdsConsent::Granted),
        ]
        .into_iter()
        .filter_map(|(was_said, word)| was_said.then_some(word))
    }
}
