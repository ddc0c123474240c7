//! Whether an order's Purchase may be used for advertising, as those say who may say it.
//!
//! The shop's own services and pages with the shop's key are proven voices. Where one of them
//! chose, nobody else is heard. Otherwise the browser decides that claims the order after it was
//! paid, and then the one that owns it. What other browsers say decides nothing; that it
//! contradicts is shown to the operator.

use super::state::{Order, WithholdReason};
use super::voices::ConsentVoices;
use crate::event::AdsConsent;

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
