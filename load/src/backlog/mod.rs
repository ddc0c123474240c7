//! Measures memory, ingest and delivery of a server in which a million events wait.
//!
//! One pixel is held from the start. The same callers are measured with an almost empty outbox and again with a full
//! one. Then the hold ends, and fresh events are sent during the drain to see whether the backlog starves them.

mod fresh;
mod load;
mod report;

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::ensure;
use serde_json::json;
use tandem_proto::v1::{PauseDeliveryRequest, ResumeDeliveryRequest};

use crate::memory::Watch;
use fresh::Fresh;
use load::Load;
use tandem_tests::World;

pub use report::Report;

/// How long the drain of the whole backlog may take.
const DRAIN_LIMIT: Duration = Duration::from_secs(3600);
/// Interval between two looks at the drain.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Number of requests for health. They are far enough apart that the server computes its figures each time.
const HEALTH_LOOKS: u32 = 5;
/// A little more than the longest time for which the server reuses figures.
const HEALTH_EVERY: Duration = Duration::from_secs(6);
/// Events between two lines of progress.
const PROGRESS_EVERY: u64 = 100_000;

/// Why nothing is delivered while the backlog grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Hold {
    /// Meta refuses the token.
    Refused,
    /// An operator has paused the pixel.
    Paused,
    /// Meta answers with HTTP 500, so the circuit breaker is open.
    Down,
}

#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Events that wait before the second measurement.
    pub events: u64,
    /// Events in each of the two measurements.
    pub measured: u64,
    /// Calls at once.
    pub callers: usize,
    pub hold: Hold,
}

/// Fills the outbox, measures, and drains it.
///
/// # Errors
/// If a program does not start, the server refuses a call, or the backlog does not drain. A figure beyond its limit
/// is no error; the report shows it.
pub async fn run(options: Options) -> anyhow::Result<Report> {
    ensure!(options.events > 2 * options.measured, "--events must be more than twice --measured");
    let world = World::builder().without_gateway().server("TANDEM_LOG", "warn").start().await?;
    world.sandbox.configure(json!({ "keep_events": [fresh::NAME] })).await?;
    hold(&world, options.hold).await?;
    let mut report = Report::new(options);
    let watch = Watch::start(world.server_id()?);
    let sent = fill(&world, &watch, &mut report).await?;
    let health = health(&world, &mut report).await?;
    ensure!(
        health["outbox"]["held"].as_u64().unwrap_or(0) + health["outbox"]["pending"].as_u64().unwrap_or(0)
            >= sent - 100,
        "{sent} events should wait: {health}"
    );
    report.store_bytes = folder_bytes(&world.data_dir())?;
    report.rss_asked = watch.peak_since_last();
    drain(&world, &watch, sent, &mut report).await?;
    Ok(report)
}

/// Sends the backlog. Measures the same callers at its beginning and at its end. Returns how many events were sent.
async fn fill(world: &World, watch: &Watch, report: &mut Report) -> anyhow::Result<u64> {
    let options = report.options;
    let load = Load::new(world, options.callers)?;
    // Warms up connections, caches and statements before the first measurement.
    load.send(options.measured / 10).await?;
    report.empty = load.send(options.measured).await?;
    let mut sent = options.measured / 10 + options.measured;
    report.rss_at_start = watch.peak_since_last();
    eprintln!("empty outbox: {}", report.empty);

    let filling = Instant::now();
    while sent + options.measured < options.events {
        let portion = (options.events - options.measured - sent).min(PROGRESS_EVERY);
        let figures = load.send(portion).await?;
        sent += portion;
        eprintln!("{sent:>9} events wait: {figures}, {} MB", watch.now().rss_bytes / 1_000_000);
    }
    report.fill_took = filling.elapsed();
    report.full = load.send(options.measured).await?;
    report.rss_filling = watch.peak_since_last();
    eprintln!("full outbox: {}", report.full);
    Ok(sent + options.measured)
}

/// Ends the hold, and sends fresh events until the backlog has been delivered.
async fn drain(world: &World, watch: &Watch, sent: u64, report: &mut Report) -> anyhow::Result<()> {
    let (_, before) = world.sandbox.graph_counts().await?;
    let draining = Instant::now();
    release(world).await?;
    let mut fresh = Fresh::new(world)?;
    let mut shown = Instant::now();
    loop {
        fresh.send().await?;
        tokio::time::sleep(LOOK_EVERY).await;
        fresh.look(&world.sandbox).await?;
        let (_, events) = world.sandbox.graph_counts().await?;
        if events >= sent + fresh.sent() {
            break;
        }
        if shown.elapsed() > Duration::from_secs(10) {
            shown = Instant::now();
            eprintln!(
                "{:>9} events still wait, {} MB",
                sent.saturating_sub(events),
                watch.now().rss_bytes / 1_000_000
            );
        }
        ensure!(
            draining.elapsed() < DRAIN_LIMIT,
            "{events} of {sent} events were sent when the time was over"
        );
    }
    report.drain_took = draining.elapsed();
    report.drained = sent - before;
    world.wait_for_health("an empty outbox", |health| health["outbox"]["pending"] == 0).await?;
    fresh.look(&world.sandbox).await?;
    let (_, arrived) = world.sandbox.graph_counts().await?;
    report.fresh = fresh.figures();
    report.rss_draining = watch.peak_since_last();
    report.peak = watch.now();
    report.surplus = i128::from(arrived) - i128::from(sent + fresh.sent());
    Ok(())
}

async fn hold(world: &World, hold: Hold) -> anyhow::Result<()> {
    match hold {
        Hold::Refused => world.sandbox.fault("graph", None, json!("refuse_token")).await?,
        Hold::Down => world.sandbox.fault("graph", None, json!({ "answer": { "status": 500 } })).await?,
        Hold::Paused => drop(world.internal()?.pause_delivery(PauseDeliveryRequest::default()).await?),
    }
    Ok(())
}

async fn release(world: &World) -> anyhow::Result<()> {
    world.sandbox.heal().await?;
    world.internal()?.resume_delivery(ResumeDeliveryRequest::default()).await?;
    Ok(())
}

/// Times the pages that operators look at. Returns the last health.
async fn health(world: &World, report: &mut Report) -> anyhow::Result<serde_json::Value> {
    let mut health = serde_json::Value::Null;
    for look in 0..HEALTH_LOOKS {
        if look > 0 {
            tokio::time::sleep(HEALTH_EVERY).await;
        }
        let asked = Instant::now();
        health = world.health().await?;
        report.health_took.push(asked.elapsed());
        let asked = Instant::now();
        ensure!(world.get("/").await?.status() == 200, "the dashboard shows");
        report.dashboard_took.push(asked.elapsed());
    }
    Ok(health)
}

fn folder_bytes(folder: &Path) -> anyhow::Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder)? {
        bytes += entry?.metadata()?.len();
    }
    Ok(bytes)
}
