//! Purchases over a store of their own, for tests.

use std::path::Path;
use std::sync::Arc;

use tandem_core::id::PixelId;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{PurchaseSettings, Purchases};
use crate::clock::Clock;
use crate::config::{Settings, Source};
use crate::ingest::{Ingest, IngestSettings, PixelRules};
use crate::outbox::Outbox;
use crate::outbox::embedded::Embedded;
use crate::telemetry::metrics::Metrics;

/// Purchases with these variables set, without a join wait. With a `CASHFREE_CLIENT_ID` they
/// plan questions.
pub(super) fn purchases(dir: &Path, clock: Clock, variables: &[(&str, &str)]) -> Arc<Purchases> {
    drop(rustls::crypto::ring::default_provider().install_default());
    let settings = Settings::read(&Source::from_pairs(variables.iter().copied())).unwrap();
    let metrics = Arc::new(Metrics::default());
    let outbox = Outbox::new(Embedded::open(dir, clock.clone()).unwrap());
    let graph = crate::delivery::Graph::new(&settings.meta).unwrap();
    let stop = CancellationToken::new();
    let (delivery, _) = crate::delivery::start(&[], &[], &graph, &outbox.queue, &clock, &metrics, &stop);
    let can_ask = settings.cashfree.client_id.is_some();
    let rules = PixelRules {
        id: PixelId::parse("123456789012345").unwrap(),
        origins: settings.allowed_origins.clone(),
        purchase_hold: None,
    };
    let ingest = IngestSettings {
        pixels: vec![rules],
        configured: true,
        default_country: settings.default_country,
        default_currency: settings.default_currency,
        consent_required: false,
        lead_required: Vec::new(),
        keeps_loopback: false,
        join_wait_ms: 0,
        browser_policy: settings.browser_policy,
        claim_secret: None,
        shop_url: None,
        can_ask,
        cookie_domain: None,
    };
    let ingest = Arc::new(Ingest::new(ingest, outbox, delivery, metrics, clock));
    let settings = PurchaseSettings { cashfree: settings.cashfree, catalogue: None, refund_event: None };
    Arc::new(Purchases::new(ingest, settings, can_ask, Arc::new(Notify::new())))
}
