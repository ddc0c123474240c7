//! Browser signals of an order: the earliest contact with signals owns the order.

use super::contact::{Contact, SignalSource};
use super::state::Order;
use crate::user_data::UserData;

impl Order {
    /// Where the browser signals of the Purchase come from.
    pub fn signals_from(&self) -> SignalSource {
        match (&self.owner, &self.paid) {
            (Some(owner), _) if owner.is_internal => SignalSource::Internal,
            (Some(owner), _) if owner.is_claim => SignalSource::Claim,
            (Some(_), _) => SignalSource::EarlierEvent,
            (None, Some(paid)) if paid.user_data.has_browser_signals() => SignalSource::Internal,
            (None, _) => SignalSource::Nobody,
        }
    }

    /// Adds a contact. Returns whether the order had been claimed before.
    ///
    /// The earliest contact with browser signals becomes the owner. A later contact fills blanks only
    /// if it comes from the same browser. So nobody can add their own click to another person's
    /// order. A refusal of consent counts only from the owner's browser or an internal caller.
    ///
    /// Strangers can name any order. So a contact with a proof replaces an owner without one. An
    /// internal caller has a proof, and so has a page with the shop's key
    /// ([`Order::proven_contact`]).
    pub fn contact(&mut self, contact: &Contact) -> bool {
        let is_proven = contact.is_internal;
        self.take_contact(contact, is_proven)
    }

    /// Adds the contact of a page that holds the shop's key for the order. Otherwise like
    /// [`Order::contact`].
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
        // Only a contact with an `fbp` can replace the owner. An IP address alone does not identify a
        // browser.
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
                // The page of the sale replaces the page of the first visit, because it says more.
                if contact.is_claim && contact.page.event_source_url.is_some() {
                    owner.page.clone_from(&contact.page);
                }
            }
            Some(_) => {}
        }
        known
    }

    /// Whether the caller's browser owns the order, or nobody owns it.
    pub fn is_owned_by(&self, caller: &UserData) -> bool {
        self.owner.as_ref().is_none_or(|owner| owner.user_data.same_browser(caller))
    }

    /// Deletes the personal data and keeps the facts that prevent a second Purchase: that the order was
    /// paid, sent or refunded.
    pub fn strip_signals(&mut self) {
        self.owner = None;
        if let Some(paid) = &mut self.paid {
            paid.user_data = Default::default();
            paid.page = Default::default();
        }
    }
}
