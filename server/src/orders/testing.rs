//! Orders in a store of their own, for tests.

use std::path::Path;
use std::sync::Arc;

use tandem_core::id::PixelId;
use tokio_util::sync::CancellationToken;

use super::{ConfirmKeys, OrderSettings, Orders, PurchaseRules};
use crate::clock::Clock;
use crate::config::{Settings, Source};
use crate::delivery::{self, Graph};
use crate::ingest::Ingest;
use crate::outbox::Outbox;
use crate::outbox::embedded::Embedded;
use crate::telemetry::metrics::Metrics;

/// Orders and their store.
pub(super) struct Fixture {
    pub(super) orders: Arc<Orders>,
    pub(super) outbox: Outbox,
}

/// The pixel of orders that name none.
pub(super) fn pixel() -> PixelId {
    PixelId::parse("123456789012345").unwrap()
}

/// Orders with these variables set, without a join wait. With a `CASHFREE_CLIENT_ID` they plan
/// questions. `holds`: pixels whose Purchases are held.
pub(super) fn fixture(
    dir: &Path,
    clock: Clock,
    variables: &[(&str, &str)],
    holds: Vec<(PixelId, &'static str)>,
) -> Fixture {
    drop(rustls::crypto::ring::default_provider().install_default());
    let settings = Settings::read(&Source::from_pairs(variables.iter().copied())).unwrap();
    let metrics = Arc::new(Metrics::default());
    let outbox = Outbox::new(Embedded::open(dir, clock.clone()).unwrap());
    let graph = Graph::new(&settings.meta, clock.clone()).unwrap();
    let stop = CancellationToken::new();
    let (delivery, _) = delivery::start(&[], &[], &graph, &outbox.queue, &clock, &metrics, &stop);
    let ingest = Arc::new(Ingest::new(Arc::clone(&outbox.events), delivery.clone(), settings.consent));
    let rules = PurchaseRules {
        default_pixel: pixel(),
        order_prefixes: Vec::new(),
        holds,
        join_wait_ms: 0,
        refund_event: None,
        consent: settings.consent,
    };
    let settings = OrderSettings {
        rules,
        cashfree: settings.cashfree,
        catalogue: None,
        browser_policy: settings.browser_policy,
        claim_secret: None,
        confirm_keys: ConfirmKeys::new([7; 32]),
        default_country: settings.default_country,
        default_currency: settings.default_currency,
    };
    let orders =
        Arc::new(Orders::new(settings, Arc::clone(&outbox.orders), ingest, delivery, metrics, clock));
    Fixture { orders, outbox }
}
