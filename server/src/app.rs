//! Wiring: what is started, in which order, and how it stops.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tandem_core::id::PixelId;
use tandem_net::{Peer, Port, RequestsLayer};
use tandem_settings::raise_file_limit;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::catalogue::reload_on_hangup;
use crate::clock::Clock;
use crate::config::{CashfreeEnvironment, Pixel, SecretSource, Settings};
use crate::delivery::{self, Graph};
use crate::ingest::caller::Doorman;
use crate::ingest::grpc::Tracking;
use crate::ingest::limits::Limits;
use crate::ingest::rooms::Rooms;
use crate::ingest::{Ingest, IngestSettings, PixelRules, serve};
use crate::insight::diagnosis::{Deployment, Diagnosis};
use crate::insight::health::Insight;
use crate::insight::http as insight_http;
use crate::insight::metrics::Metrics;
use crate::insight::operations::Operations;
use crate::outbox::embedded::{Embedded, OpenError};
use crate::outbox::{SharedOutbox, StoreError};
use crate::ports;
use crate::purchase::{OrdersApi, PurchaseSettings, Purchases, Reconciler};

/// How long open RPCs may still take when the server stops.
const GOODBYE: Duration = Duration::from_secs(10);
/// How often events that grew too old for Meta are looked for.
const EXPIRE_EVERY: Duration = Duration::from_secs(10);
/// How often, in such looks, old rows and quiet addresses are looked for.
const LOOKS_PER_TIDY: u32 = 6;
/// Rows changed in one step.
const SWEEP_ROWS: usize = 500;
/// Pause between steps: ingest goes on.
const BETWEEN_SWEEPS: Duration = Duration::from_millis(50);

/// Why the server cannot start. One line each, that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// An address cannot be listened on.
    #[error("{name}: {address} cannot be listened on: {fault}")]
    Listen {
        /// Variable.
        name: &'static str,
        /// Address.
        address: std::net::SocketAddr,
        /// System's word.
        fault: std::io::Error,
    },
    /// The internal token cannot be kept.
    #[error("the internal token cannot be written to {0}: {1}")]
    Token(PathBuf, std::io::Error),
    /// The HTTP client cannot be made.
    #[error("the HTTP client cannot be made: {0}")]
    Client(reqwest::Error),
    /// The store refused the first writes.
    #[error("the store cannot be written: {0}")]
    FirstWrite(StoreError),
    /// The gRPC server failed.
    #[error("the gRPC server failed: {0}")]
    Serve(String),
}

/// Runs the server until `shutdown`, and stops it in order.
pub async fn run(
    mut settings: Settings,
    clock: Clock,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), StartError> {
    let outbox = SharedOutbox::new(Embedded::open(&settings.data_dir, clock.clone())?);
    let grpc = listen("TANDEM_GRPC_ADDR", settings.grpc_addr).await?;
    let http = listen("TANDEM_HTTP_ADDR", settings.http_addr).await?;
    let token = match settings.internal_token.take() {
        Some(token) => token,
        None => own_token(&settings.data_dir)?,
    };
    let notes = notes(&settings);
    let configured = !settings.pixels.is_empty();
    if !configured {
        // What is accepted waits under a stand-in until a pixel is configured.
        let id = PixelId::unassigned();
        settings.pixels.push(Pixel {
            id,
            token: None,
            test_event_code: None,
            app_secret: None,
            origins: None,
        });
    }
    let rules: Vec<PixelRules> = settings.pixels.iter().map(|pixel| rules_of(&settings, pixel)).collect();
    first_writes(&outbox, &rules, configured).await.map_err(StartError::FirstWrite)?;

    let metrics = Arc::new(Metrics::default());
    let stop = CancellationToken::new();
    let graph = Graph::new(&settings.meta).map_err(StartError::Client)?;
    let deployment = Deployment::of(&settings, configured);
    let pixels: Vec<_> = std::mem::take(&mut settings.pixels).into_iter().map(Arc::new).collect();
    let paused = outbox.paused().await.map_err(StartError::FirstWrite)?;
    let (delivery, workers) = delivery::start(&pixels, &paused, &graph, &outbox, &clock, &metrics, &stop);
    let insight = Arc::new(Insight::new(
        outbox.clone(),
        delivery.board().clone(),
        Arc::clone(&metrics),
        clock.clone(),
        notes,
    ));
    let mut origins: Vec<_> = vec![settings.allowed_origins.clone()];
    origins.extend(rules.iter().map(|rules| rules.origins.clone()));
    let (files, tls) = (raise_file_limit(), settings.tls.take().map(Arc::new));
    let scheme = if tls.is_some() { "https" } else { "http" };
    let grpc_limits = ports::grpc_limits(files, settings.trusted_proxies.clone());
    let doorman = Arc::new(Doorman {
        token,
        trusted_proxies: std::mem::take(&mut settings.trusted_proxies),
        origins,
        sets_cookies: settings.cookie_domain.is_some(),
        limits: Limits::new(settings.rate_limit),
        rooms: Rooms::new(settings.rate_limit.is_some()),
    });
    let api = OrdersApi::new(&settings.cashfree, settings.default_currency).map_err(StartError::Client)?;
    let retention = settings.retention;
    let closing = CancellationToken::new();
    let catalogue = settings.catalogue.clone();
    let country = settings.default_country;
    let (ingest_settings, purchase_settings) = split(settings, rules, configured);
    let ingest =
        Arc::new(Ingest::new(ingest_settings, outbox.clone(), delivery.clone(), metrics, clock.clone()));
    let ask_now = Arc::new(Notify::new());
    let purchases =
        Arc::new(Purchases::new(Arc::clone(&ingest), purchase_settings, api.is_some(), Arc::clone(&ask_now)));
    let operations = Operations {
        insight: Arc::clone(&insight),
        delivery,
        purchases: Arc::clone(&purchases),
        country,
        diagnosis: Arc::new(Diagnosis { deployment, pixels, graph, clock: clock.clone() }),
        closing: closing.clone(),
    };

    let mut tasks = workers;
    tasks.push(tokio::spawn(reload_on_hangup(catalogue, stop.clone())));
    if let Some(api) = api {
        let reconciler = Reconciler { purchases: Arc::clone(&purchases), api, ask_now };
        tasks.push(tokio::spawn(reconciler.run(stop.clone())));
    }
    tasks.push(tokio::spawn(tidy(outbox.clone(), Arc::clone(&doorman), retention, stop.clone())));
    let http_addr = http.local_addr().map_err(|fault| listen_fault("TANDEM_HTTP_ADDR", fault))?;
    let grpc_addr = grpc.local_addr().map_err(|fault| listen_fault("TANDEM_GRPC_ADDR", fault))?;
    let stopped = stop.clone();
    let grpc = Port::open(grpc, grpc_limits, tls);
    let http = Port::open(http, ports::http_limits(files), None);
    let router = insight_http::router(Arc::clone(&insight))
        .layer(RequestsLayer::new(|_| false))
        .into_make_service_with_connect_info::<Peer>();
    let http_task = tokio::spawn(async move {
        let served = axum::serve(http, router).with_graceful_shutdown(stopped.cancelled_owned()).await;
        if let Err(fault) = served {
            tracing::error!(fault = %fault, "the HTTP port failed");
        }
    });

    announce(&format!("tandem-server ready grpc={scheme}://{grpc_addr} http=http://{http_addr}"));
    let tracking = Tracking { ingest, purchases };
    let begun = closing.clone();
    let close = async move {
        shutdown.await;
        tracing::info!("stopping: open calls are finished, the rest stays on disk");
        begun.cancel();
    };
    let serving = serve::serve(grpc, tracking, operations, doorman, close);
    tokio::pin!(serving);
    let served = tokio::select! {
        served = &mut serving => served,
        () = async { closing.cancelled().await; tokio::time::sleep(GOODBYE).await } => Ok(()),
    };
    stop.cancel();
    let all = async {
        for task in tasks {
            drop(task.await);
        }
        drop(tokio::time::timeout(Duration::from_secs(1), http_task).await);
    };
    if tokio::time::timeout(GOODBYE, all).await.is_err() {
        tracing::warn!("some work did not end in time; it goes on after the next start");
    }
    served.map_err(|fault| StartError::Serve(fault.to_string()))
}

async fn listen(name: &'static str, address: std::net::SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).await.map_err(|fault| StartError::Listen { name, address, fault })
}

fn listen_fault(name: &'static str, fault: std::io::Error) -> StartError {
    StartError::Listen { name, address: std::net::SocketAddr::from(([0, 0, 0, 0], 0)), fault }
}

/// A random token in the data directory, readable by its owner alone.
fn own_token(data_dir: &Path) -> Result<SecretSource, StartError> {
    let path = data_dir.join("internal-token");
    if !std::fs::read_to_string(&path).is_ok_and(|text| !text.trim().is_empty()) {
        let token = hex::encode(rand::random::<[u8; 32]>());
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let written =
            options.open(&path).and_then(|mut file| writeln!(file, "{token}").and_then(|()| file.sync_all()));
        written.map_err(|fault| StartError::Token(path.clone(), fault))?;
    }
    Ok(SecretSource::file(path))
}

/// Reasons for a degraded health that stand as long as the configuration does.
fn notes(settings: &Settings) -> Vec<String> {
    let mut notes = Vec::new();
    if settings.cashfree.environment == CashfreeEnvironment::Production {
        let testing = settings.pixels.iter().filter(|pixel| pixel.test_event_code.is_some());
        notes.extend(testing.map(|pixel| format!("test_event_code_in_production:{}", pixel.id)));
    }
    if settings.cashfree.secrets.is_none() {
        tracing::warn!(
            "no Cashfree client secret is configured for {}: webhooks are answered with 503 until there is one",
            settings.cashfree.environment.name()
        );
    }
    notes
}

fn rules_of(settings: &Settings, pixel: &Pixel) -> PixelRules {
    PixelRules {
        id: pixel.id.clone(),
        origins: pixel.origins.clone().unwrap_or_else(|| settings.allowed_origins.clone()),
        purchase_hold: settings.purchase_hold(pixel),
    }
}

/// Brings the store in line with the configuration.
async fn first_writes(
    outbox: &SharedOutbox,
    rules: &[PixelRules],
    configured: bool,
) -> Result<(), StoreError> {
    if let (true, Some(first)) = (configured, rules.first()) {
        let adopted = outbox.adopt_unassigned(first.id.clone()).await?;
        if adopted > 0 {
            tracing::info!(
                events = adopted,
                pixel.id = first.id.as_str(),
                "events that waited for a pixel have one now"
            );
        }
    }
    if rules.iter().all(|rules| rules.purchase_hold.is_none()) {
        let code = tandem_core::code::SANDBOX_WITHOUT_TEST_CODE;
        let released = outbox.release_held(code).await?;
        if released > 0 {
            tracing::info!(events = released, code, "held Purchases are released");
        }
    }
    Ok(())
}

fn split(
    settings: Settings,
    pixels: Vec<PixelRules>,
    configured: bool,
) -> (IngestSettings, PurchaseSettings) {
    let ingest = IngestSettings {
        pixels,
        configured,
        default_country: settings.default_country,
        default_currency: settings.default_currency,
        consent_required: settings.consent_required,
        lead_required: settings.lead_required,
        keeps_loopback: !settings.meta.is_real(),
        join_wait_ms: i64::try_from(settings.join_wait.as_millis()).unwrap_or(i64::MAX),
        browser_policy: settings.browser_policy,
        claim_secret: settings.claim_secret,
        shop_url: settings.shop_url,
        can_ask: settings.cashfree.client_id.is_some(),
        cookie_domain: settings.cookie_domain,
    };
    let purchase = PurchaseSettings {
        cashfree: settings.cashfree,
        catalogue: settings.catalogue,
        refund_event: settings.refund_event,
    };
    (ingest, purchase)
}

/// Gives up what is too old for Meta and deletes what is past its time, in small steps
/// between which ingest goes on.
async fn tidy(outbox: SharedOutbox, doorman: Arc<Doorman>, retention: Duration, stop: CancellationToken) {
    for look in 1_u32.. {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(EXPIRE_EVERY) => {}
        }
        doorman.rooms.report();
        in_steps(&stop, || outbox.expire(SWEEP_ROWS)).await;
        if !look.is_multiple_of(LOOKS_PER_TIDY) {
            continue;
        }
        doorman.limits.forget_quiet();
        in_steps(&stop, || outbox.sweep(retention, SWEEP_ROWS)).await;
    }
}

/// Takes steps for as long as they find [`SWEEP_ROWS`] rows. A store that refuses says so in
/// health; the next round tries again.
async fn in_steps<F>(stop: &CancellationToken, step: impl Fn() -> F)
where
    F: Future<Output = Result<usize, StoreError>>,
{
    while let Ok(rows) = step().await
        && rows >= SWEEP_ROWS
        && !stop.is_cancelled()
    {
        tokio::time::sleep(BETWEEN_SWEEPS).await;
    }
}

/// Prints the one line that says the server is ready.
#[allow(clippy::print_stdout)] // People and scripts wait for this line.
fn announce(line: &str) {
    println!("{line}");
    drop(std::io::stdout().flush());
}
