//! Whose browser signals an order has: the earliest contact with signals owns them.

use super::contact::{Contact, SignalSource};
use super::state::Order;
use crate::user_data::UserData;

impl Order {
    /// Who brought its browser signals.
    pub fn signals_from(&self) -> SignalSource {
        match (&self.owner, &self.paid) {
            (Some(owner), _) if owner.is_internal => SignalSource::Internal,
            (Some(owner), _) if owner.is_claim => SignalSource::Claim,
            (Some(_), _) => SignalSource::EarlierEvent,
            (None, Some(paid)) if paid.user_data.has_browser_signals() => SignalSource::Internal,
            (None, _) => SignalSource::Nobody,
        }
    }

    /// Takes a contact. Returns whether the order had been contacted this way before.
    ///
    /// The earliest contact with browser signals owns them. A later one fills blanks only
    /// when it comes from the same browser, so that nobody can put their own click on
    /// somebody else's order; a refusal of consent counts from the owner's browser or
    /// from an internal caller.
    ///
    /// Strangers can name any order. So one with a proof takes the order over from a
    /// browser that has none: an internal caller, or ([`Order::proven_contact`]) a page
    /// that holds the shop's key.
    pub fn contact(&mut self, contact: &Contact) -> bool {
        let is_proven = contact.is_internal;
        self.take_contact(contact, is_proven)
    }

    /// Takes the contact of a page that has proved that the order is its own.
    pub fn proven_contact(&mut self, contact: &Contact) -> bool {
        self.take_contact(contact, true)
    }

    fn take_contact(&mut self, contact: &Contact, is_proven: bool) -> bool {
        let known = self.claimed_at_s.is_some();
        if contact.is_claim {
            self.claimed_at_s.get_or_insert(contact.at_s);
        }
        if contact.is_internal && contact.consent.denied {
            self.denied_internally = true;
        }
        self.asking.attested |= is_proven;
        let owner = self.owner.as_ref().map(|owner| owner.user_data.same_browser(&contact.user_data));
        // Only a browser can take over from a browser: an address alone says too little.
        let takes_over = is_proven && !self.owner_is_proven && contact.user_data.fbp.is_some();
        if owner == Some(false) && takes_over {
            self.owner = None;
        }
        match &mut self.owner {
            None => {
                if contact.user_data.has_browser_signals() {
                    self.owner_is_proven = is_proven;
                    self.owner = Some(contact.clone());
                }
            }
            Some(owner) if owner.user_data.same_browser(&contact.user_data) => {
                self.owner_is_proven |= is_proven;
                owner.user_data.fill_blanks(&contact.user_data);
                owner.custom_data.fill_blanks(&contact.custom_data);
                owner.consent.denied |= contact.consent.denied;
                owner.consent.limited_data_use =
                    owner.consent.limited_data_use.or(contact.consent.limited_data_use);
                // The page of the sale says more than the page of the first visit.
                if contact.is_claim && contact.page.event_source_url.is_some() {
                    owner.page.clone_from(&contact.page);
                }
            }
            Some(_) => {}
        }
        known
    }

    /// Whether a caller is the browser that owns the order, or nobody owns it.
    pub fn is_owned_by(&self, caller: &UserData) -> bool {
        self.owner.as_ref().is_none_or(|owner| owner.user_data.same_browser(caller))
    }

    /// Forgets the signals of people and keeps what must never be forgotten: that the
    /// order was paid, sent, refunded.
    pub fn strip_signals(&mut self) {
        self.owner = None;
        self.sessions.forget_contacts();
        if let Some(paid) = &mut self.paid {
            paid.user_data = Default::default();
            paid.page = Default::default();
        }
    }
}
