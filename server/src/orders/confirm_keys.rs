//! The keys that prove whose page fired a Purchase.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

use tandem_core::custom_data::CustomData;
use tandem_core::order::{BrowserSalt, Order};

/// Makes the keys that pages get with a Purchase to fire (`confirm_key`), and tells them again. All servers of one
/// store have the same.
#[derive(Clone)]
pub struct ConfirmKeys([u8; 32]);

impl std::fmt::Debug for ConfirmKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ConfirmKeys(..)")
    }
}

impl ConfirmKeys {
    pub fn new(secret: [u8; 32]) -> Self {
        Self(secret)
    }

    /// What an order keeps the browsers of people who refuse with.
    pub(super) fn browser_salt(&self) -> BrowserSalt {
        let mut secret = Sha256::new_with_prefix(b"browsers of people who refuse");
        secret.update(self.0);
        BrowserSalt::new(secret.finalize().into())
    }

    /// The key that goes with what a page is told to fire of this order's Purchase; empty if it is told to
    /// fire nothing.
    pub(super) fn key_with(&self, page_copy: Option<&CustomData>, order: &Order) -> String {
        page_copy.map(|_| self.key(order)).unwrap_or_default()
    }

    fn key(&self, order: &Order) -> String {
        self.mac(order).map(|mac| hex::encode(mac.finalize().into_bytes())).unwrap_or_default()
    }

    pub(super) fn is_key(&self, order: &Order, key: &str) -> bool {
        let given = hex::decode(key).unwrap_or_default();
        self.mac(order).is_some_and(|mac| mac.verify_slice(&given).is_ok())
    }

    /// The owner is part of it: who was told to fire and then lost the order to somebody with a better word cannot
    /// speak for it any more.
    fn mac(&self, order: &Order) -> Option<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).ok()?;
        mac.update(&order.owner_since_s().unwrap_or(i64::MIN).to_be_bytes());
        mac.update(order.id().as_str().as_bytes());
        Some(mac)
    }
}

#[cfg(test)]
mod tests {
    use tandem_core::event::{Consent, Page};
    use tandem_core::id::OrderId;
    use tandem_core::order::{Contact, ContactProof, Environment};
    use tandem_core::user_data::UserData;

    use super::*;
    use crate::orders::testing::pixel;

    fn order(id: &str) -> Order {
        Order::new(OrderId::parse(id).unwrap(), Environment::Production, pixel())
    }

    #[test]
    fn a_key_is_of_one_order_one_owner_and_one_store() {
        let keys = ConfirmKeys::new([7; 32]);
        let mut own = order("KB-1");
        let key = keys.key(&own);
        assert!(keys.is_key(&own, &key) && keys.is_key(&own, &key.to_uppercase()));
        assert!(!keys.is_key(&order("KB-2"), &key));
        assert!(!ConfirmKeys::new([8; 32]).is_key(&own, &key));
        for wrong in ["", "00", "no hex", &key[2..], &format!("{key}00")] {
            assert!(!keys.is_key(&own, wrong), "{wrong:?}");
        }
        let mut user_data = UserData::default();
        user_data.fbp = Some("fb.1.1763942400000.1".into());
        own.add_contact(
            &Contact {
                at_s: 1_763_942_400,
                is_claim: true,
                proof: ContactProof::Nothing,
                pixel: None,
                consent: Consent::default(),
                browser: None,
                user_data,
                page: Page::default(),
                custom_data: Default::default(),
            },
            &keys.browser_salt(),
        );
        assert!(!keys.is_key(&own, &key), "somebody else owns it now");
        assert!(keys.is_key(&own, &keys.key(&own)));
        assert_eq!(format!("{keys:?}"), "ConfirmKeys(..)");
    }
}
