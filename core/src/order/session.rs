//! The payment session as a proof: the page that pays knows it, and so does the payment provider. Nobody else
//! does. A digest of it is kept until the provider is asked.

use super::browser::BrowserSalt;
use super::contact::{Contact, ContactProof};
use super::state::{Order, WAITING_BYTES_MAX};
use crate::hash::Sha256Hex;

/// Most contacts that wait for the provider's word.
const WAITING_MAX: usize = 8;

impl Order {
    /// Takes the digest of the payment session that came with a contact. The contact counts as one with the shop's
    /// key as soon as the provider tells the same session. `salt`: as for [`Order::add_contact`].
    pub fn offer_session(&mut self, session: Sha256Hex, contact: &Contact, salt: &BrowserSalt) {
        let contact = contact.kept(&self.id, salt);
        match self.sessions.known {
            Some(known) if known == session => {
                self.take_contact(&Contact { proof: ContactProof::PaymentSession, ..contact });
            }
            Some(_) => {}
            None => {
                let waiting = &mut self.sessions.waiting;
                let is_same =
                    |(known, by): &(Sha256Hex, Contact)| *known == session && by.is_same_browser(&contact);
                // Who spoke last is heard last.
                let mut offered = match waiting.iter().position(is_same).map(|place| waiting.remove(place)) {
                    Some((_, mut known)) => {
                        known.learn(&contact);
                        known
                    }
                    None => contact,
                };
                offered.custom_data.keep_within(WAITING_BYTES_MAX);
                if waiting.len() < WAITING_MAX {
                    waiting.push((session, offered));
                }
            }
        }
    }

    /// Takes the digest of the payment session that the provider tells.
    pub fn confirm_session(&mut self, session: Sha256Hex) {
        self.sessions.known = Some(session);
        for (offered, contact) in core::mem::take(&mut self.sessions.waiting) {
            if offered == session {
                self.take_contact(&Contact { proof: ContactProof::PaymentSession, ..contact });
            }
        }
    }

    /// Whether a contact waits for the provider's word.
    pub fn awaits_session(&self) -> bool {
        !self.sessions.waiting.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{SALT, contact, order};
    use super::*;

    fn owner(order: &Order) -> Option<&str> {
        order.owner().and_then(|owner| owner.user_data.fbp.as_deref())
    }

    #[test]
    fn who_knows_the_payment_session_owns_the_order() {
        let [right, wrong] = [b"right", b"wrong"].map(|text| Sha256Hex::of_bytes(text));
        let mut order = order();
        let (stranger, buyer) = (contact("fb.1.1.1", false), contact("fb.1.2.2", false));
        for (session, by) in [(wrong, &stranger), (right, &buyer)] {
            order.add_contact(by, &SALT);
            order.offer_session(session, by, &SALT);
        }
        assert!(order.awaits_session() && owner(&order) == Some("fb.1.1.1"), "the first, so far");
        order.confirm_session(right);
        assert!(!order.awaits_session() && owner(&order) == Some("fb.1.2.2"));
        order.offer_session(wrong, &stranger, &SALT);
        assert_eq!(owner(&order), Some("fb.1.2.2"));
    }

    #[test]
    fn a_session_that_comes_after_the_providers_word_counts_at_once() {
        let right = Sha256Hex::of_bytes(b"right");
        let mut order = order();
        order.add_contact(&contact("fb.1.1.1", false), &SALT);
        order.confirm_session(right);
        order.offer_session(right, &contact("fb.1.2.2", false), &SALT);
        assert_eq!(owner(&order), Some("fb.1.2.2"));
    }

    #[test]
    fn what_one_browser_crams_into_an_order_stays_small() {
        let mut order = order();
        let mut crammed = contact("fb.1.1700000000000.1", false);
        for call in 0..100_usize {
            let text = |n: usize| (format!("p{call}-{n}"), "x".repeat(1000));
            crammed.custom_data.properties = (0..14).map(text).collect();
            let session = Sha256Hex::of_bytes(&call.to_le_bytes());
            order.add_contact(&crammed, &SALT);
            order.offer_session(session, &crammed, &SALT);
        }
        let bytes = serde_json::to_string(&order).unwrap().len();
        assert!(bytes < 64 * 1024, "{bytes} bytes");
        let kept = order.owner().map(|owner| owner.custom_data.stored_bytes());
        assert!(kept.is_some_and(|bytes| bytes <= crate::custom_data::KEPT_BYTES_MAX), "{kept:?}");
    }
}
