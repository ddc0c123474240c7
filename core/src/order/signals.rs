//! Whose browser signals an order has.
//!
//! The earliest contact with browser signals owns them. A later one fills blanks only when it
//! comes from the same browser, so that nobody can put their own click on somebody else's order.
//!
//! Strangers can name any order. So a contact with a proof takes the order over from a browser
//! that has none. Without any proof, a browser that refused loses the order to one that claims it
//! after it was paid: the buyer's page claims it then.

use super::contact::{Contact, ContactProof, SignalSource};
use super::state::Order;
use crate::user_data::UserData;

impl Order {
    /// Where the browser signals of the Purchase come from.
    pub fn signals_from(&self) -> SignalSource {
        match (&self.owner, &self.paid) {
            (Some(owner), _) if owner.proof == ContactProof::Internal => SignalSource::Internal,
            (Some(owner), _) if owner.is_claim => SignalSource::Claim,
            (Some(_), _) => SignalSource::EarlierEvent,
            (None, Some(paid)) if paid.user_data.has_browser_signals() => SignalSource::Internal,
            (None, _) => SignalSource::Nobody,
        }
    }

    /// Takes a contact. Returns whether the order had been claimed before.
    pub fn add_contact(&mut self, contact: &Contact) -> bool {
        let known = self.claimed_at_s.is_some();
        if contact.is_claim {
            self.claimed_at_s.get_or_insert(contact.at_s);
        }
        self.asking.attested |= contact.is_proven();
        if contact.is_proven() && self.proven_pixel.is_none() {
            self.has_new_signals |= contact.pixel.is_some();
            self.proven_pixel.clone_from(&contact.pixel);
        }
        let is_owners = self.owner.as_ref().map(|owner| owner.user_data.same_browser(&contact.user_data));
        let takes_over = is_owners == Some(false) && self.takes_over(contact);
        if contact.is_proven() || (is_owners == Some(false) && !takes_over) {
            self.consents.hear(contact, self.paid.is_some());
        }
        match is_owners {
            None if contact.user_data.has_browser_signals() => self.owner = Some(contact.clone()),
            None => {}
            Some(true) => self.learn_from_owner(contact),
            Some(false) if takes_over => self.replace_owner(contact),
            Some(false) => {}
        }
        known
    }

    /// Adds what the owner's browser says later.
    fn learn_from_owner(&mut self, contact: &Contact) {
        let Some(owner) = &mut self.owner else { return };
        self.has_new_signals |= contact.proof > owner.proof;
        owner.proof = owner.proof.max(contact.proof);
        owner.user_data.fill_blanks(&contact.user_data);
        owner.custom_data.fill_blanks(&contact.custom_data);
        owner.consent.ads.revise(contact.consent.ads);
        owner.consent.limited_data_use = owner.consent.limited_data_use.or(contact.consent.limited_data_use);
        crate::user_data::fill(&mut owner.pixel, contact.pixel.as_ref());
        // The page of the sale says more than the page of the first visit.
        if contact.is_claim && contact.page.event_source_url.is_some() {
            owner.page.clone_from(&contact.page);
        }
    }

    /// Whether another browser takes the order over from its owner.
    fn takes_over(&self, contact: &Contact) -> bool {
        let Some(owner) = &self.owner else { return false };
        // Only a browser can take over from a browser: an address alone says too little.
        if contact.user_data.fbp.is_none() || owner.is_proven() {
            return false;
        }
        let is_denied = |contact: &Contact| contact.consent.ads.is_denied();
        let follows_payment = contact.is_claim && self.paid.is_some();
        contact.is_proven() || (follows_payment && is_denied(owner) && !is_denied(contact))
    }

    fn replace_owner(&mut self, contact: &Contact) {
        if let Some(was) = self.owner.replace(contact.clone()) {
            // What the former owner said is now the word of another browser.
            self.consents.change_owner(&was);
        }
        self.has_new_signals = true;
    }

    /// The owner, unless advertising use is allowed and an owner without a proof refused it: then
    /// only that browser's signals are dropped.
    pub(super) fn heard_owner(&self) -> Option<&Contact> {
        self.owner.as_ref().filter(|owner| owner.is_proven() || !owner.consent.ads.is_denied())
    }

    /// Whether a caller is the browser that owns the order, or nobody owns it.
    pub fn is_owned_by(&self, caller: &UserData) -> bool {
        self.owner.as_ref().is_none_or(|owner| owner.user_data.same_browser(caller))
    }

    /// Deletes the personal data and keeps the facts that prevent a second Purchase: that the order was
    /// paid, sent or refunded.
    pub fn strip_signals(&mut self) {
        if let Some(owner) = self.owner.take() {
            self.consents.remember_owner(&owner);
        }
        self.sessions.forget_contacts();
        if let Some(paid) = &mut self.paid {
            paid.user_data = Default::default();
            paid.page = Default::default();
        }
    }
}
