//! Kills the server with SIGKILL again and again under load, while Meta is up, down, slow or refusing. Then compares
//! everything: each acknowledged event must have arrived.
//!
//! | module | is |
//! |---|---|
//! | [`clients`] | concurrent callers that repeat a failed call under the same ID or give it up |
//! | [`sent_events`] | which events they sent and which were acknowledged |
//! | [`report`] | the figures and the complaints |
//! | [`audit`] | the comparison of all of these |

mod audit;
mod clients;
mod report;
mod sent_events;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tandem_tests::cashfree::now_ms;
use tandem_tests::{World, integrity};

use crate::arrivals::Arrivals;
use crate::drain::drain;
use crate::meta_fault::MetaFault;
use crate::resend::Kill;
use clients::Client;
use sent_events::SentEvents;

pub use report::Report;

/// How long the outbox may take to become empty once Meta works again. An event that failed often waits for ten
/// minutes at most.
const DRAIN_LIMIT: Duration = Duration::from_secs(900);
/// The store is checked after every n-th kill, and after the last one.
const CHECK_EVERY: u32 = 5;

#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Number of SIGKILLs.
    pub kills: u32,
    /// Number of callers.
    pub clients: u32,
    /// Seed of the faults, the moments of the kills, and the callers' choices.
    pub seed: u64,
    /// Longest time under load between the server's start and its kill, in milliseconds.
    pub up_max_ms: u64,
}

/// Tortures a server of its own, and compares the sent events with those that arrived.
///
/// # Errors
/// If a program does not start, or does not start again after a kill. A lost event is no error; the report shows it.
pub async fn run(options: Options) -> anyhow::Result<Report> {
    let began = Instant::now();
    let mut dice = StdRng::seed_from_u64(options.seed);
    let mut world = World::builder()
        .without_gateway()
        .server("TANDEM_LOG", "warn")
        .server("META_TIMEOUT", "3s")
        .server("TANDEM_JOIN_WAIT", "200ms")
        .start()
        .await?;
    world.sandbox.set_faults(MetaFault::Up.faults()).await?;
    let sent = Arc::new(SentEvents::default());
    let stop = Arc::new(AtomicBool::new(false));
    let mut clients = Vec::new();
    for _ in 0..options.clients {
        let client = Client::new(&world, Arc::clone(&sent), Arc::clone(&stop), dice.random())?;
        clients.push(tokio::spawn(client.run()));
    }

    let mut tally = Tally::default();
    for number in 1..=options.kills {
        round(&mut world, &mut dice, &mut tally, options.up_max_ms).await?;
        if number % CHECK_EVERY == 0 || number == options.kills {
            integrity::check(&world.data_dir()).with_context(|| format!("the store after kill {number}"))?;
            tally.stores_checked += 1;
        }
        tally.arrivals.collect(&world.sandbox).await?;
        world.restart_server().await.with_context(|| format!("the start after kill {number}"))?;
    }

    world.sandbox.set_faults(MetaFault::Up.faults()).await?;
    stop.store(true, Ordering::Relaxed);
    for client in clients {
        client.await.context("a client")?;
    }
    let loaded = began.elapsed();
    drain(&world, &mut tally.arrivals, DRAIN_LIMIT).await?;
    let report = audit::audit(&world, &sent, &tally, options, [loaded, began.elapsed()]).await?;
    if !report.is_clean() {
        world.keep();
    }
    Ok(report)
}

/// The kills and faults of a run.
#[derive(Debug, Default)]
struct Tally {
    kills: Vec<Kill>,
    faults: [u32; MetaFault::ALL.len()],
    arrivals: Arrivals,
    stores_checked: u32,
}

/// A period under load with one or two faults of Meta's. A kill at a random moment ends it.
async fn round(
    world: &mut World,
    dice: &mut StdRng,
    tally: &mut Tally,
    up_max_ms: u64,
) -> anyhow::Result<()> {
    for _ in 0..dice.random_range(1..=2) {
        let fault = MetaFault::random(dice);
        tally.faults[fault as usize] += 1;
        world.sandbox.set_faults(fault.faults()).await?;
        tokio::time::sleep(Duration::from_millis(dice.random_range(1..=up_max_ms / 2))).await;
    }
    let asked_ms = now_ms();
    world.kill_server();
    tally.kills.push(Kill { asked_ms, done_ms: now_ms() });
    Ok(())
}
