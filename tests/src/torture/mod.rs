//! The server is killed with SIGKILL again and again under load, while Meta is up, down, slow and
//! refusing; then the books are checked: what was acknowledged must have arrived.
//!
//! | module | is |
//! |---|---|
//! | [`clients`] | many callers at once, who repeat a failed call under its own ID or give it up |
//! | [`ledger`] | what they sent and what was acknowledged |
//! | [`mood`] | how Meta behaves for a while |
//! | [`arrivals`] | what the fake Graph API took, each copy of it |
//! | [`wreck`] | the store as a kill left it |
//! | [`report`] | the figures and the complaints |
//! | [`audit`] | the comparison of all of these |

mod arrivals;
mod audit;
mod clients;
mod ledger;
mod mood;
mod report;
pub mod wreck;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tandem_proto::v1::ResumeDeliveryRequest;

use crate::World;
use crate::cashfree::now_ms;
use clients::Client;
use ledger::Ledger;

pub(crate) use arrivals::Arrivals;
pub(crate) use audit::{Again, open_events, reason_for};
pub(crate) use mood::Mood;
pub use report::Report;

/// How long the outbox may take to become empty once Meta is well again: an event that failed often
/// waits for ten minutes at most.
const DRAIN_LIMIT: Duration = Duration::from_secs(900);
/// A refused token holds the pixel and failures open its circuit: this often the operator's
/// `ResumeDelivery` ends both while the outbox drains.
const RESUME_EVERY: Duration = Duration::from_secs(1);
/// One store in so many is looked into after its kill; the last one always is.
const WRECK_EVERY: u32 = 5;

/// How hard to try.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// SIGKILLs.
    pub kills: u32,
    /// Callers at once.
    pub clients: u32,
    /// For the moods, the moments and the callers' choices.
    pub seed: u64,
    /// Longest time under load between the server being ready and its kill, milliseconds.
    pub up_max_ms: u64,
}

/// A kill: between these two moments, Unix milliseconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kill {
    pub(crate) asked_ms: u64,
    pub(crate) done_ms: u64,
}

/// Tortures a server of its own and checks the books.
///
/// # Errors
/// When a program does not start, or does not come back after a kill. Lost events and the like are
/// no errors but part of the report.
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
    world.sandbox.set_faults(Mood::Up.faults()).await?;
    let ledger = Arc::new(Ledger::default());
    let stop = Arc::new(AtomicBool::new(false));
    let mut clients = Vec::new();
    for _ in 0..options.clients {
        let client = Client::new(&world, Arc::clone(&ledger), Arc::clone(&stop), dice.random())?;
        clients.push(tokio::spawn(client.run()));
    }

    let mut tally = Tally::default();
    for number in 1..=options.kills {
        round(&mut world, &mut dice, &mut tally, options.up_max_ms).await?;
        if number % WRECK_EVERY == 0 || number == options.kills {
            wreck::check(&world.data_dir()).with_context(|| format!("the store after kill {number}"))?;
            tally.wrecks += 1;
        }
        tally.arrivals.collect(&world.sandbox).await?;
        world.restart_server().await.with_context(|| format!("the start after kill {number}"))?;
    }

    world.sandbox.set_faults(Mood::Up.faults()).await?;
    stop.store(true, Ordering::Relaxed);
    for client in clients {
        client.await.context("a client")?;
    }
    let loaded = began.elapsed();
    drain(&world).await?;
    tally.arrivals.collect(&world.sandbox).await?;
    let report = audit::audit(&world, &ledger, &tally, options, [loaded, began.elapsed()]).await?;
    if !report.is_clean() {
        world.keep();
    }
    Ok(report)
}

/// What happened besides the clients' calls.
#[derive(Debug, Default)]
struct Tally {
    kills: Vec<Kill>,
    moods: [u32; Mood::ALL.len()],
    arrivals: Arrivals,
    wrecks: u32,
}

/// Some time under load with one or two moods of Meta's, ended by a kill at a random moment.
async fn round(
    world: &mut World,
    dice: &mut StdRng,
    tally: &mut Tally,
    up_max_ms: u64,
) -> anyhow::Result<()> {
    for _ in 0..dice.random_range(1..=2) {
        let mood = Mood::random(dice);
        tally.moods[mood as usize] += 1;
        world.sandbox.set_faults(mood.faults()).await?;
        tokio::time::sleep(Duration::from_millis(dice.random_range(1..=up_max_ms / 2))).await;
    }
    let asked_ms = now_ms();
    world.kill_server();
    tally.kills.push(Kill { asked_ms, done_ms: now_ms() });
    Ok(())
}

/// Waits until nothing is left to be sent.
async fn drain(world: &World) -> anyhow::Result<()> {
    let operator = world.internal()?;
    let mut resumed = None::<Instant>;
    world
        .eventually_within(DRAIN_LIMIT, "an empty outbox", async || {
            if resumed.is_none_or(|at| at.elapsed() > RESUME_EVERY) {
                operator.resume_delivery(ResumeDeliveryRequest::default()).await?;
                resumed = Some(Instant::now());
            }
            let outbox = &world.health().await?["outbox"];
            let looks_empty = outbox["pending"] == 0 && outbox["held"] == 0;
            Ok((looks_empty && audit::open_events(world).await?.is_empty()).then_some(()))
        })
        .await
}
