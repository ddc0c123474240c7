//! Whose browser signals an order has.
//!
//! The earliest contact with browser signals owns them. A later one fills blanks only when it
//! comes from the same browser, so that nobody can put their own click on somebody else's order.
//!
//! Strangers can name any order. So a contact with a proof takes the order over from a browser
//! that has none. Without any proof, a browser that refused loses the order to one that claims it
//! after it was paid: the buyer's page claims it then.
//!
//! A payment can name its browser: the shop's server put `fbp` into the order when it made it. That
//! is the shop's own word. An owner without that `fbp` and without a proof is a stranger then, and
//! the browser that the payment names takes the order over.

use super::browser::BrowserSalt;
use super::contact::{Contact, ContactProof, SignalSource};
use super::state::Order;
use crate::event::{AdsConsent, AdsUse};

impl Order {
    /// Where the browser signals of the Purchase come from.
    pub fn signals_from(&self) -> SignalSource {
        let owner = self.owner.as_ref().filter(|owner| !self.is_foreign(owner));
        match (owner, &self.paid) {
            (Some(owner), _) if owner.proof == ContactProof::Internal => SignalSource::Internal,
            (Some(owner), _) if owner.is_claim => SignalSource::Claim,
            (Some(_), _) => SignalSource::EarlierEvent,
            (None, Some(paid)) if paid.user_data.has_browser_signals() => SignalSource::Internal,
            (None, _) => SignalSource::Nobody,
        }
    }

    /// Takes a contact. Returns whether the order had been claimed before. `salt`: for what is kept of a browser
    /// whose person refuses.
    pub fn add_contact(&mut self, contact: &Contact, salt: &BrowserSalt) -> bool {
        let contact = contact.kept(&self.id, salt);
        self.take_contact(&contact)
    }

    /// Takes a contact as it is kept.
    pub(super) fn take_contact(&mut self, contact: &Contact) -> bool {
        let known = self.claimed_at_s.is_some();
        if contact.is_claim {
            self.claimed_at_s.get_or_insert(contact.at_s);
        }
        self.asking.attested |= contact.is_proven();
        if contact.is_proven() && self.proven_pixel.is_none() {
            self.has_new_signals |= contact.pixel.is_some();
            self.proven_pixel.clone_from(&contact.pixel);
        }
        self.sessions.hear(contact);
        let opted_out = self.ads_use() == AdsUse::Measurement;
        let gave = self.owner_gives();
        // Where the payment names the browser, what may be the same is not enough.
        let may_guess = self.named_browser().is_none();
        let is_same =
            |owner: &Contact| owner.is_same_browser(contact) || (may_guess && owner.may_be_of(contact));
        let is_owners = self.owner.as_ref().map(is_same);
        let takes_over = is_owners == Some(false) && self.takes_over(contact);
        let voice = self.voice_of(contact);
        if voice != ContactProof::Nothing || (is_owners == Some(false) && !takes_over) {
            let is_buyers = self.paid.is_some() && !self.is_foreign(contact);
            self.consents.hear(contact, voice, is_buyers);
        }
        match is_owners {
            None if contact.has_browser() => {
                self.owner = Some(contact.clone());
                // Without a proof and a name, only a Purchase that waits for signals takes them.
                let is_known = contact.is_proven() || self.named_browser().is_some();
                self.has_new_signals |= is_known && !self.is_foreign(contact);
            }
            None => {}
            Some(true) => self.learn_from_owner(contact),
            Some(false) if takes_over => self.replace_owner(contact),
            Some(false) => {}
        }
        self.has_new_signals |= opted_out != (self.ads_use() == AdsUse::Measurement);
        // A refusal that withholds nothing takes the signals off the Purchase.
        self.has_new_signals |= gave.is_some() && gave != self.owner_gives();
        known
    }

    /// What speaks for a contact's word about consent: its own proof, or that of the owner if it comes
    /// from the owner's browser beyond doubt. Only that browser, the shop and Meta know its `fbp`.
    fn voice_of(&self, contact: &Contact) -> ContactProof {
        let is_page = |owner: &&Contact| owner.is_proven() && owner.proof < ContactProof::Internal;
        let of_owner = self.owner.as_ref().filter(is_page).filter(|owner| owner.has_fbp_of(contact));
        of_owner.map_or(contact.proof, |owner| owner.proof.max(contact.proof))
    }

    /// Adds what the owner's browser says later.
    fn learn_from_owner(&mut self, contact: &Contact) {
        let Some(owner) = &mut self.owner else { return };
        self.has_new_signals |= contact.proof > owner.proof;
        owner.learn(contact);
        owner.bound();
    }

    /// Whether another browser takes the order over from its owner.
    fn takes_over(&self, contact: &Contact) -> bool {
        let Some(owner) = &self.owner else { return false };
        // Only a browser can take over from a browser: an address alone says too little.
        if !contact.has_fbp() || owner.is_proven() {
            return false;
        }
        if let Some(named) = self.named_browser() {
            let is_named = |contact: &Contact| contact.names_fbp(named) == Some(true);
            return contact.is_proven() || (is_named(contact) && !is_named(owner));
        }
        let is_denied = |contact: &Contact| self.consent_rule.allows(contact.consent.ads) == AdsUse::Nothing;
        let follows_payment = contact.is_claim && self.paid.is_some();
        contact.is_proven() || (follows_payment && is_denied(owner) && !is_denied(contact))
    }

    /// The `fbp` of the browser that the payment names.
    fn named_browser(&self) -> Option<&String> {
        self.paid.as_ref()?.user_data.fbp.as_ref()
    }

    /// Whether the payment names a browser and nothing says that the contact comes from it. With a proof it does;
    /// without an `fbp`, if it is the browser of an owner that has the named one or a proof.
    pub(super) fn is_foreign(&self, contact: &Contact) -> bool {
        let Some(named) = self.named_browser().filter(|_| !contact.is_proven()) else { return false };
        let is_named = |contact: &Contact| contact.names_fbp(named);
        let is_buyers = |owner: &&Contact| owner.is_proven() || is_named(owner) == Some(true);
        let buyer = || self.owner.as_ref().filter(is_buyers);
        !is_named(contact).unwrap_or_else(|| buyer().is_some_and(|owner| owner.is_same_browser(contact)))
    }

    fn replace_owner(&mut self, contact: &Contact) {
        if let Some(was) = self.owner.replace(contact.clone()) {
            // What the former owner said is now the word of another browser.
            self.consents.change_owner(&was);
        }
        self.has_new_signals = true;
    }

    /// The owner, unless it has no proof and the payment names another browser, or advertising use is
    /// allowed and it refused it: then only that browser's signals are dropped. One that said nothing is
    /// heard when somebody else allowed it who may.
    pub(super) fn heard_owner(&self) -> Option<&Contact> {
        let is_denied = |owner: &Contact| owner.consent.ads == AdsConsent::Denied;
        let is_heard = |owner: &&Contact| owner.is_proven() || !(self.is_foreign(owner) || is_denied(owner));
        self.owner.as_ref().filter(is_heard)
    }

    /// Whether the owner gives the Purchase its signals; `None` without an owner.
    fn owner_gives(&self) -> Option<bool> {
        let gives = |owner: &Contact| owner.consent.ads != AdsConsent::Denied;
        self.owner.as_ref().map(|_| self.heard_owner().is_some_and(gives))
    }

    /// Whether a caller is the browser that owns the order, or nobody owns it. Where the payment names a
    /// browser, no other one does.
    pub fn is_owned_by(&self, caller: &Contact) -> bool {
        !self.is_foreign(caller) && self.owner.as_ref().is_none_or(|owner| owner.is_same_browser(caller))
    }

    /// Deletes the personal data and keeps the facts that prevent a second Purchase: that the order was
    /// paid, sent or refunded.
    pub fn strip_signals(&mut self) {
        self.consents.former_owner = self.owners_consent();
        self.owner = None;
        self.sessions.forget_contacts();
        if let Some(paid) = &mut self.paid {
            paid.user_data = Default::default();
            paid.page = Default::default();
        }
    }
}
