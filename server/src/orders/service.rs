//! The orders of a shop, and what all ways of changing them share.

use std::sync::Arc;

use tandem_core::cashfree::OrderTags;
use tandem_core::country::Country;
use tandem_core::currency::Currency;
use tandem_core::custom_data::CustomData;
use tandem_core::id::OrderId;
use tandem_core::money::Money;
use tandem_core::normalise::MatchKey;
use tandem_core::order::Environment;
use tandem_core::personal::Raw;
use tandem_core::user_data::UserData;
use tokio::sync::Notify;

use super::confirm_keys::ConfirmKeys;
use super::quotas::Quotas;
use super::rules::PurchaseRules;
use super::watch::OrderWatch;
use crate::catalogue::CatalogueFile;
use crate::clock::Clock;
use crate::config::{BrowserPolicy, Cashfree, SecretSource};
use crate::delivery::Delivery;
use crate::ingest::{Ingest, MatchKeyReader};
use crate::outbox::{OrderKey, OrderStore, StoreError};
use crate::telemetry::metrics::Metrics;

#[derive(Debug)]
pub struct OrderSettings {
    /// What decides about Purchases.
    pub rules: PurchaseRules,
    pub cashfree: Cashfree,
    pub catalogue: Option<Arc<CatalogueFile>>,
    /// When the page may fire Purchase.
    pub browser_policy: BrowserPolicy,
    /// Key of the proofs that claims carry.
    pub claim_secret: Option<SecretSource>,
    /// Makes the keys with which pages confirm their Purchases.
    pub confirm_keys: ConfirmKeys,
    /// Country assumed for phone numbers without a country code.
    pub default_country: Country,
    /// Currency assumed where none is given.
    pub default_currency: Currency,
}

/// Changes orders. All callers go through it.
#[derive(Debug)]
pub struct Orders {
    pub(super) settings: OrderSettings,
    pub(super) rules: Arc<PurchaseRules>,
    pub(super) store: Arc<dyn OrderStore>,
    pub(super) ingest: Arc<Ingest>,
    pub(super) delivery: Delivery,
    pub(super) metrics: Arc<Metrics>,
    pub(super) clock: Clock,
    pub(super) watch: OrderWatch,
    pub(super) quotas: Quotas,
    /// Wakes the reconciler.
    pub(super) ask_now: Notify,
}

/// Why an order was not changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    /// The store refused; nothing was written. The caller may try again.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The order is known to be paid with another amount than the report states.
    #[error("the order is known to be paid with another amount")]
    AmountConflict {
        /// The amount that the order was paid with.
        known: Money,
        /// The amount that the report states.
        given: Money,
    },
    /// No secret is configured to verify the webhook with. The provider may try again.
    #[error("no payment secret is configured")]
    NoSecret,
    #[error("the payment provider is not known")]
    UnknownProvider,
}

impl Orders {
    /// Orders in a store. Events that become due are handed to `delivery`.
    pub fn new(
        settings: OrderSettings,
        store: Arc<dyn OrderStore>,
        ingest: Arc<Ingest>,
        delivery: Delivery,
        metrics: Arc<Metrics>,
        clock: Clock,
    ) -> Self {
        let rules = Arc::new(settings.rules.clone());
        let (watch, quotas, ask_now) = (OrderWatch::default(), Quotas::default(), Notify::new());
        Self { settings, rules, store, ingest, delivery, metrics, clock, watch, quotas, ask_now }
    }

    /// What finds an order in the environment that the server is set to.
    pub(super) fn key(&self, id: OrderId) -> OrderKey {
        OrderKey { environment: self.environment(), id }
    }

    /// The environment whose money counts.
    pub fn environment(&self) -> Environment {
        self.settings.cashfree.environment
    }

    /// How many claims wait for a proof.
    #[cfg(test)]
    pub(crate) fn waiting_claims(&self) -> usize {
        self.watch.waiting()
    }

    /// Whether orders can be asked of the payment provider.
    pub(super) fn can_ask(&self) -> bool {
        self.settings.cashfree.client_id.is_some()
    }

    /// What the catalogue says about a payment; empty without a catalogue.
    pub(super) fn catalogue_data(
        &self,
        order: &OrderId,
        paid: Money,
        tags: Option<&OrderTags>,
    ) -> CustomData {
        let Some(catalogue) = &self.settings.catalogue else { return CustomData::default() };
        let (origin, bought) = catalogue.look_up(paid, tags);
        tracing::debug!(
            order.id = order.as_str(),
            origin = origin.name(),
            "looked up the purchase in the catalogue"
        );
        bought
    }

    /// Who paid, as the provider says it: its customer, hashed, and the browser that the shop's server named
    /// in the order's tags. Nobody can correct a value that cannot be normalised, so it is
    /// dropped and counted.
    pub(super) fn hash_customer(
        &self,
        fields: tandem_core::cashfree::MatchFields,
        tags: Option<&OrderTags>,
        now_ms: i64,
    ) -> UserData {
        for key in &fields.dropped {
            self.metrics.count_dropped_key(key.meta_name());
        }
        let values: Vec<(MatchKey, Raw)> = [
            (MatchKey::Email, fields.email),
            (MatchKey::Phone, fields.phone),
            (MatchKey::FirstName, fields.first_name),
            (MatchKey::LastName, fields.last_name),
            (MatchKey::ExternalId, fields.external_id),
        ]
        .into_iter()
        .filter_map(|(key, value)| Some((key, value?)))
        .collect();
        let reader = MatchKeyReader {
            default_country: self.settings.default_country,
            now_s: now_ms.div_euclid(1000),
            metrics: &self.metrics,
        };
        let mut user_data = reader.read(values).0;
        if let Some(tags) = tags {
            tags.add_signals(&mut user_data, now_ms.unsigned_abs());
        }
        user_data
    }
}
