//! Builds the server's parts from the settings. Each folder gets its own settings and the folders
//! below it.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use tandem_core::code;
use tandem_core::id::PixelId;
use tandem_net::{ConnectionLimits, Tls};
use tandem_settings::raise_file_limit;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::error::StartError;
use super::{janitor, ports, store};
use crate::api::access::AccessPolicy;
use crate::api::admission::Admission;
use crate::api::decode::{DecodeSettings, Decoder, PixelRules};
use crate::api::operations::Operations;
use crate::api::rate_limit::RateLimits;
use crate::api::tracking::Tracking;
use crate::catalogue::reload_on_hangup;
use crate::clock::{Clock, millis};
use crate::config::{Pixel, Settings, SettingsReview};
use crate::delivery::{self, Delivery, Graph};
use crate::ingest::Ingest;
use crate::insight::diagnosis::{Deployment, Diagnosis};
use crate::insight::health::Insight;
use crate::orders::{ConfirmKeys, OrderSettings, Orders, OrdersApi, PurchaseRules, Reconciler};
use crate::outbox::{Outbox, Reserve};
use crate::telemetry::metrics::Metrics;
use crate::vital;

/// How many connections each port may have.
pub(super) struct PortLimits {
    pub(super) grpc: ConnectionLimits,
    pub(super) http: ConnectionLimits,
}

/// The server's parts, with their tasks running.
pub(super) struct Parts {
    pub(super) tracking: Tracking,
    pub(super) operations: Operations,
    pub(super) access: Arc<AccessPolicy>,
    pub(super) insight: Arc<Insight>,
    pub(super) limits: PortLimits,
    pub(super) tls: Option<Arc<Tls>>,
    pub(super) tasks: Vec<JoinHandle<()>>,
    /// Cancelled when the server begins to stop: then streams to watchers end.
    pub(super) closing: CancellationToken,
}

/// What most other parts need.
struct BaseParts {
    outbox: Outbox,
    clock: Clock,
    metrics: Arc<Metrics>,
    pixels: Vec<Arc<Pixel>>,
    graph: Graph,
    delivery: Delivery,
}

/// Builds the parts and starts their tasks, which run until `stop`.
pub(super) async fn assemble(
    mut settings: Settings,
    outbox: Outbox,
    clock: Clock,
    stop: &CancellationToken,
) -> Result<Parts, StartError> {
    let configured = !settings.pixels.is_empty();
    let rules = align_store(&mut settings, &outbox).await?;
    let deployment = Deployment::of(&settings, configured);
    let review = review(&settings);
    let (base, mut tasks) = base(&mut settings, outbox, clock, stop).await?;
    let (access, limits) = access(&mut settings, &base)?;
    let watch = janitor::watch_disk(access.reserve.clone(), settings.data_dir.clone(), stop.clone());
    tasks.push(vital::task("disk", watch));
    let tls = settings.tls.take().map(Arc::new);
    let chores = janitor::run(base.outbox.clone(), Arc::clone(&access), settings.retention, stop.clone());
    tasks.push(vital::task("janitor", chores));
    let reload = reload_on_hangup(settings.catalogue.clone(), stop.clone());
    tasks.push(vital::task("catalogue", reload));

    let BaseParts { outbox, clock, metrics, pixels, graph, delivery } = base;
    let insight = Insight::new(
        Arc::clone(&outbox.operators),
        delivery.board().clone(),
        Arc::clone(&metrics),
        clock.clone(),
        review.clone(),
        settings.claim_secret.is_some(),
    );
    let insight = Arc::new(insight.with_reserve(access.reserve.clone()));
    let decoder = Decoder {
        settings: decoding(&settings, &pixels, configured),
        metrics: Arc::clone(&metrics),
        clock: clock.clone(),
    };
    let decoder = Arc::new(decoder);
    let ingest = Arc::new(Ingest::new(Arc::clone(&outbox.events), delivery.clone(), settings.consent));
    let api = OrdersApi::new(&settings.cashfree, settings.default_currency).map_err(StartError::Client)?;
    let confirm_keys = outbox.orders.confirm_secret().await.map_err(StartError::FirstWrite)?;
    let confirm_keys = ConfirmKeys::new(confirm_keys);
    let orders = Arc::new(Orders::new(
        order_settings(settings, rules, confirm_keys),
        Arc::clone(&outbox.orders),
        Arc::clone(&ingest),
        delivery.clone(),
        Arc::clone(&metrics),
        clock.clone(),
    ));
    if let Some(api) = api {
        let reconciler = Reconciler { orders: Arc::clone(&orders), api };
        tasks.push(vital::task("reconciler", reconciler.run(stop.clone())));
    }
    let closing = CancellationToken::new();
    let operations = Operations {
        insight: Arc::clone(&insight),
        operators: outbox.operators,
        events: Arc::clone(&outbox.events),
        delivery,
        orders: Arc::clone(&orders),
        decoder: Arc::clone(&decoder),
        diagnosis: Arc::new(Diagnosis { deployment, review, pixels, graph, clock: clock.clone() }),
        closing: closing.clone(),
    };
    let tracking = Tracking {
        decoder,
        ingest,
        orders,
        events: outbox.events,
        access: Arc::clone(&access),
        metrics,
        clock,
    };
    Ok(Parts { tracking, operations, access, insight, limits, tls, tasks, closing })
}

/// Adapts the store to the settings, and returns the rules for Purchases. Without any pixel, accepted events wait
/// under a placeholder until one is configured.
async fn align_store(settings: &mut Settings, outbox: &Outbox) -> Result<PurchaseRules, StartError> {
    match settings.pixels.first() {
        Some(first) => store::adopt(outbox, &first.id).await.map_err(StartError::FirstWrite)?,
        None => {
            let money = settings.money_rule(None);
            settings.pixels.push(Pixel { money, ..Pixel::unconfigured(PixelId::unassigned()) });
        }
    }
    let rules = purchase_rules(settings);
    let environment = settings.cashfree.environment;
    store::hold_other_environments(outbox, environment).await.map_err(StartError::FirstWrite)?;
    // What belongs to a pixel that still must not tell it, or still has no page, is held again.
    if settings.pixels.iter().any(|pixel| pixel.money.hold(environment).is_none()) {
        store::release(outbox, code::SANDBOX_WITHOUT_TEST_CODE, environment)
            .await
            .map_err(StartError::FirstWrite)?;
    }
    if settings.pixels.iter().any(|pixel| pixel.page.is_some()) {
        store::release(outbox, code::PAGE_MISSING, environment).await.map_err(StartError::FirstWrite)?;
    }
    for pixel in settings.pixels.iter().filter(|pixel| pixel.page.is_none()) {
        tracing::warn!(
            pixel.id = pixel.id.as_str(),
            code = code::PAGE_MISSING,
            "no page is known for events that name none; they are held until TANDEM_SHOP_URL is set"
        );
    }
    Ok(rules)
}

async fn base(
    settings: &mut Settings,
    outbox: Outbox,
    clock: Clock,
    stop: &CancellationToken,
) -> Result<(BaseParts, Vec<JoinHandle<()>>), StartError> {
    let metrics = Arc::new(Metrics::default());
    let pixels: Vec<_> = std::mem::take(&mut settings.pixels).into_iter().map(Arc::new).collect();
    let graph = Graph::new(&settings.meta, clock.clone()).map_err(StartError::Client)?;
    let paused = outbox.operators.paused().await.map_err(StartError::FirstWrite)?;
    let (delivery, workers) =
        delivery::start(&pixels, &paused, &graph, &outbox.queue, &clock, &metrics, stop);
    Ok((BaseParts { outbox, clock, metrics, pixels, graph, delivery }, workers))
}

/// Who may call, and how many connections each port may have.
fn access(settings: &mut Settings, base: &BaseParts) -> Result<(Arc<AccessPolicy>, PortLimits), StartError> {
    let token = match settings.internal_token.take() {
        Some(token) => token,
        None => store::own_token(&settings.data_dir)?,
    };
    let of_pixels = base.pixels.iter().filter_map(|pixel| pixel.origins.clone());
    let origins = std::iter::once(settings.allowed_origins.clone()).chain(of_pixels).collect();
    let trusted_proxies = std::mem::take(&mut settings.trusted_proxies);
    let files = raise_file_limit();
    let limits = PortLimits {
        grpc: ports::grpc_limits(files, trusted_proxies.clone()),
        http: ports::http_limits(files),
    };
    let access = AccessPolicy {
        token,
        trusted_proxies,
        origins,
        sets_cookies: settings.cookie_domain.is_some(),
        rate_limits: RateLimits::new(settings.rate_limit),
        admission: Admission::new(settings.rate_limit.is_some()),
        reserve: Reserve::default(),
        refused_tokens: AtomicU64::default(),
        metrics: Arc::clone(&base.metrics),
        clock: base.clock.clone(),
    };
    Ok((Arc::new(access), limits))
}

fn decoding(settings: &Settings, pixels: &[Arc<Pixel>], configured: bool) -> DecodeSettings {
    let rules = |pixel: &Arc<Pixel>| PixelRules {
        id: pixel.id.clone(),
        origins: pixel.origins.clone().unwrap_or_else(|| settings.allowed_origins.clone()),
        has_own_origins: pixel.origins.is_some(),
    };
    DecodeSettings {
        pixels: pixels.iter().map(rules).collect(),
        configured,
        default_country: settings.default_country,
        default_currency: settings.default_currency,
        consent: settings.consent,
        lead_required: settings.lead_required.clone(),
        keeps_loopback: !settings.meta.is_real(),
        cookie_domain: settings.cookie_domain.clone(),
    }
}

fn order_settings(settings: Settings, rules: PurchaseRules, confirm_keys: ConfirmKeys) -> OrderSettings {
    OrderSettings {
        rules,
        cashfree: settings.cashfree,
        catalogue: settings.catalogue,
        browser_policy: settings.browser_policy,
        claim_secret: settings.claim_secret,
        confirm_keys,
        default_country: settings.default_country,
        default_currency: settings.default_currency,
    }
}

fn purchase_rules(settings: &Settings) -> PurchaseRules {
    let environment = settings.cashfree.environment;
    let hold = |pixel: &Pixel| pixel.money.hold(environment).map(|code| (pixel.id.clone(), code));
    let prefixes = |pixel: &Pixel| {
        pixel.order_prefixes.iter().map(|prefix| (prefix.clone(), pixel.id.clone())).collect::<Vec<_>>()
    };
    PurchaseRules {
        default_pixel: settings.pixels.first().map_or_else(PixelId::unassigned, |pixel| pixel.id.clone()),
        order_prefixes: settings.pixels.iter().flat_map(prefixes).collect(),
        holds: settings.pixels.iter().filter_map(hold).collect(),
        join_wait_ms: millis(settings.join_wait),
        refund_event: settings.refund_event.clone(),
        consent: settings.consent,
    }
}

/// Logs what there is to say about the settings. Health and doctor say it again.
fn review(settings: &Settings) -> SettingsReview {
    let review = SettingsReview::of(settings);
    for found in review.findings() {
        tracing::warn!(code = found.code, "{found}");
    }
    if settings.cashfree.secrets.is_none() {
        tracing::warn!(
            "no Cashfree client secret is configured for {}; webhooks get 503 until one is set",
            settings.cashfree.environment.name()
        );
    }
    review
}
