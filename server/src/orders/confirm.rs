//! Which page may speak for an order, and say that it fired the Purchase: order IDs, and with them the event IDs of
//! Purchases, can be guessed, so such a word needs a key.

use tandem_core::id::OrderId;

use super::claim_rules::{self, PageWord};
use super::service::{OrderError, Orders};
use crate::config::SecretSource;

impl Orders {
    /// What a page's word about an order is worth.
    pub(super) fn page_word(&self, order: &OrderId, claim_key: &str) -> PageWord {
        let secrets = self.settings.claim_secret.as_ref().map(SecretSource::list);
        claim_rules::page_word(order, claim_key, secrets.as_deref())
    }

    /// Whether a page may say what its pixel did with an order's Purchase: with the key that it got, or with the
    /// shop's.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn may_confirm(
        &self,
        id: OrderId,
        confirm_key: &str,
        claim_key: &str,
    ) -> Result<bool, OrderError> {
        if self.page_word(&id, claim_key) == PageWord::Proven {
            return Ok(true);
        }
        if confirm_key.is_empty() {
            return Ok(false);
        }
        let order = self.store.order(self.key(id)).await?;
        Ok(order.is_some_and(|order| self.settings.confirm_keys.is_key(&order, confirm_key)))
    }
}
