//! Whether an order's Purchase may be used for advertising, as those say who may say it.
//!
//! The shop's own services and pages with the shop's key are proven voices. Where one of them
//! chose, nobody else is heard. Otherwise the browser decides that claims the order after it was
//! paid, and then the one that owns it. What other browsers say decides nothing; that it
//! contradicts is shown to the operator. If nobody says anything, the shop's rule decides.

use super::state::{Order, WithholdReason};
use crate::event::{AdsConsent, AdsUse, ConsentRule};

impl Order {
    /// Takes the shop's rule for silence. The server calls this before every change, so that an order
    /// that no request about consent ever named obeys it too.
    pub fn obey(&mut self, rule: ConsentRule) {
        self.consent_rule = rule;
    }

    /// What those who may say it say about advertising use.
    pub fn consent(&self) -> AdsConsent {
        let words = [self.consents.proven(), self.consents.after_payment, self.owners_consent()];
        words.into_iter().find(|word| word.is_explicit()).unwrap_or_default()
    }

    /// What may be done with the Purchase.
    pub fn ads_use(&self) -> AdsUse {
        self.consent_rule.allows(self.consent())
    }

    /// The owner's word. One that is another browser than the payment names is not the buyer's.
    pub(super) fn owners_consent(&self) -> AdsConsent {
        match &self.owner {
            Some(owner) if self.is_foreign(owner) => AdsConsent::Unspecified,
            Some(owner) => owner.consent.ads,
            None => self.consents.former_owner,
        }
    }

    /// Whether somebody contradicted what counts. Where a proven voice chose, only another proven voice or
    /// the owner can.
    pub fn has_consent_conflict(&self) -> bool {
        let counts = self.ads_use();
        let differs = |word: AdsConsent| word.is_explicit() && self.consent_rule.allows(word) != counts;
        let is_unproven = !self.consents.proven().is_explicit();
        let foreign = self.owner.as_ref().filter(|owner| self.is_foreign(owner));
        let others = self.consents.of_others().chain(foreign.map(|owner| owner.consent.ads));
        [self.consents.internal, self.consents.keyed, self.owners_consent()].into_iter().any(differs)
            || (is_unproven && others.into_iter().any(differs))
    }

    /// Why consent keeps the Purchase back, if it does.
    pub(super) fn consent_refused(&self) -> Option<WithholdReason> {
        let why = if self.has_consent_conflict() {
            WithholdReason::ConsentConflict
        } else {
            WithholdReason::ConsentDenied
        };
        (self.ads_use() == AdsUse::Nothing).then_some(why)
    }
}
