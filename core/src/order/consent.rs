//! Whether an order's Purchase may be used for advertising, as those say who may say it.
//!
//! The shop's own services and pages with the shop's key are proven voices. Where one of them
//! chose, nobody else is heard. Otherwise the browser decides that claims the order after it was
//! paid, and then the one that owns it. What other browsers say decides nothing; that it
//! contradicts is shown to the operator.

use serde::{Deserialize, Serialize};

use super::contact::{Contact, ContactProof};
use super::state::{Order, WithholdReason};
use crate::event::AdsConsent;

/// What was said about an order's consent, beside what its owner says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct ConsentVoices {
    /// The shop's own services, the latest word.
    internal: AdsConsent,
    /// Pages with the shop's key, the latest word.
    keyed: AdsConsent,
    /// Another browser than the owner that claims the order after it was paid.
    after_payment: AdsConsent,
    /// The owner, whose signals are forgotten.
    former_owner: AdsConsent,
    /// Another browser allowed it.
    others_granted: bool,
    /// Another browser refused it.
    others_denied: bool,
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
            ContactProof::ClaimKey => self.keyed.revise(contact.consent.ads),
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
    fn proven(self) -> AdsConsent {
        let voices = [self.internal, self.keyed];
        let said = |word| voices.contains(&word);
        [AdsConsent::Denied, AdsConsent::Granted, AdsConsent::Missing]
            .into_iter()
            .find(|word| said(*word))
            .unwrap_or_default()
    }
}

impl Order {
    /// What those who may say it say about advertising use.
    fn consent(&self) -> AdsConsent {
        let proven = self.consents.proven();
        let words = [proven, self.consents.after_payment, self.owners_consent()];
        let chosen = words.into_iter().find(|word| word.is_explicit());
        let missing = || words.into_iter().find(|word| word.is_denied());
        chosen.or_else(missing).unwrap_or_default()
    }

    fn owners_consent(&self) -> AdsConsent {
        self.owner.as_ref().map_or(self.consents.former_owner, |owner| owner.consent.ads)
    }

    /// Whether somebody contradicted the word that counts. Where a proven voice chose, only another
    /// proven voice or the owner can.
    pub fn has_consent_conflict(&self) -> bool {
        let ConsentVoices { internal, keyed, others_granted, others_denied, .. } = self.consents;
        let said = |word| [internal, keyed, self.owners_consent()].contains(&word);
        let is_unproven = !self.consents.proven().is_explicit();
        match self.consent() {
            AdsConsent::Granted => said(AdsConsent::Denied) || (is_unproven && others_denied),
            AdsConsent::Denied => said(AdsConsent::Granted) || (is_unproven && others_granted),
            AdsConsent::Unspecified => others_denied,
            AdsConsent::Missing => others_granted,
        }
    }

    /// Why consent keeps the Purchase back, if it does.
    pub(super) fn consent_refused(&self) -> Option<WithholdReason> {
        let why = if self.has_consent_conflict() {
            WithholdReason::ConsentConflict
        } else {
            WithholdReason::ConsentDenied
        };
        self.consent().is_denied().then_some(why)
    }
}
