//! A storm over server and gateway: thousands of orders with claims and webhooks. Webhooks are repeated, late, out of
//! order, forged, and more than the server can take. Meta, server and gateway have outages. At the end, every payment
//! at the fake Cashfree must be in the store and at the fake Graph API exactly once, and nothing else may be.
//!
//! | module | is |
//! |---|---|
//! | [`plan`] | what happens to each order, and in which order |
//! | [`sender`] | Cashfree as a load generator, with its retries |
//! | [`pages`] | checkouts and claims |
//! | [`compare`] | the comparison at the end |
//! | [`report`] | the figures and the complaints |

mod compare;
mod pages;
mod plan;
mod report;
mod sender;

use std::time::{Duration, Instant};

use anyhow::ensure;
use futures_util::StreamExt as _;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tandem_tests::World;
use tandem_tests::cashfree::now_ms;
use tokio::task::JoinSet;

use crate::arrivals::Arrivals;
use crate::memory::peak_bytes;
use crate::meta_fault::MetaFault;
use crate::resend::Kill;
use pages::Pages;
use plan::{Act, PlannedOrder, Planner};
use sender::Sender;

pub use report::Report;

/// Webhooks under way while the capacity is measured. Each answer then starts the next webhook.
const MEASURING: usize = 64;
/// Orders that are created at the fake Cashfree at once.
const PREPARING: usize = 16;
/// Share of the webhooks that measure the capacity, and of those that measure latency without faults, in per cent.
/// The remaining webhooks are the storm.
const MEASURED_PER_CENT: usize = 15;
const HEALTHY_PER_CENT: usize = 35;
/// Share of the capacity that is used while all is well, unless a rate is given.
const HEALTHY_SHARE: f64 = 0.5;
/// Share of the capacity that is used in the storm.
const STORM_SHARE: f64 = 1.5;
/// The gateway's outage is the server's divided by this.
const GATEWAY_OUTAGE_PART: u32 = 5;

#[derive(Debug, Clone, Copy)]
pub struct Options {
    pub orders: usize,
    /// Webhooks per second while all is well. `None`: half of the measured capacity.
    pub rate: Option<f64>,
    /// Decides what happens to each order.
    pub seed: u64,
    /// How long the server is down.
    pub outage: Duration,
    /// How many times faster than Cashfree's the retries are.
    pub compression: u32,
    /// Largest 99th percentile of accepted webhooks while all is well, in milliseconds.
    pub p99_ms_max: Option<f64>,
}

struct Storm {
    sender: Sender,
    pages: Pages,
    deliveries: JoinSet<()>,
    visits: JoinSet<anyhow::Result<()>>,
    arrivals: Arrivals,
    kills: Vec<Kill>,
    /// Largest memory of gateway and server, in bytes.
    peaks_bytes: [u64; 2],
}

/// Runs a storm in a world of its own, and compares the payments with the Purchases that arrived.
///
/// # Errors
/// If a program does not start, or if a planned step does not happen. A difference between payments and Purchases is
/// no error; the report shows it.
pub async fn run(options: Options) -> anyhow::Result<Report> {
    let mut world = World::builder()
        .server("TANDEM_LOG", "error")
        .gateway("TANDEM_LOG", "error")
        .sandbox("TANDEM_SANDBOX_TIME_SCALE", options.compression.to_string())
        .start()
        .await?;
    let api = format!("{}/cashfree/pg", world.sandbox.url);
    world
        .restart_server_with(&[("CASHFREE_CLIENT_ID", "TEST_sandbox_client"), ("CASHFREE_API_URL", &api)])
        .await?;
    let mut report = Report::new(options);
    let (orders, mut calm) = prepare(&world, options).await?;
    report.webhooks = calm.iter().filter(|act| matches!(act, Act::Webhook(_))).count() as u64;
    let mut healthy = calm.split_off(calm.len() * MEASURED_PER_CENT / 100);
    let stormy = healthy.split_off(healthy.len() * HEALTHY_PER_CENT / (100 - MEASURED_PER_CENT));

    let mut storm = Storm {
        sender: Sender::new(&world.gateway, options.compression),
        pages: Pages::new(&world.grpc)?,
        deliveries: JoinSet::new(),
        visits: JoinSet::new(),
        arrivals: Arrivals::default(),
        kills: Vec::new(),
        peaks_bytes: [0; 2],
    };
    report.capacity = storm.as_fast_as_answered(calm).await;
    storm.sender.take_times();
    report.rate = options.rate.unwrap_or(report.capacity * HEALTHY_SHARE);
    storm.at_rate(healthy, report.rate).await;
    storm.delivered().await?;
    report.healthy = storm.sender.take_times();
    storm.arrivals.collect(&world.sandbox).await?;
    storm.blow(&mut world, stormy, report.capacity * STORM_SHARE, options.outage).await?;
    storm.delivered().await?;
    storm.visited().await?;
    report.stormy = storm.sender.take_times();
    storm.weigh(&world)?;
    report.peaks_bytes = storm.peaks_bytes;
    compare::compare(&world, &orders, storm, &mut report).await?;
    if !report.is_clean() {
        world.keep();
    }
    Ok(report)
}

/// Plans all orders and creates them at the fake Cashfree.
async fn prepare(world: &World, options: Options) -> anyhow::Result<(Vec<PlannedOrder>, Vec<Act>)> {
    let mut dice = StdRng::seed_from_u64(options.seed);
    let seeds: Vec<u64> = (0..options.orders).map(|_| dice.random()).collect();
    let mut lives = futures_util::stream::iter(seeds.into_iter().enumerate())
        .map(|(number, seed)| async move {
            let mut planner = Planner::new(seed);
            let order = planner.order();
            let acts = planner.live(&world.sandbox, &order).await?;
            anyhow::Ok((number, order, acts))
        })
        .buffered(PREPARING);
    let (mut orders, mut acts) = (Vec::new(), Vec::new());
    while let Some(life) = lives.next().await {
        let (number, order, own) = life?;
        let place = i64::try_from(number)?;
        acts.extend(own.into_iter().map(|(distance, act)| (place + distance, act)));
        orders.push(order);
    }
    let acts = Planner::new(dice.random()).in_turn(acts);
    Ok((orders, acts))
}

impl Storm {
    /// Sends the webhooks with [`MEASURING`] under way at once. Returns webhooks per second.
    async fn as_fast_as_answered(&mut self, acts: Vec<Act>) -> f64 {
        let (mut count, started) = (0_u32, Instant::now());
        let mut under_way = JoinSet::new();
        for act in acts {
            match act {
                Act::Webhook(message) => {
                    if under_way.len() >= MEASURING {
                        under_way.join_next().await;
                    }
                    self.sender.launch(&mut under_way, message);
                    count += 1;
                }
                visit => self.pages.launch(&mut self.visits, visit),
            }
        }
        while under_way.join_next().await.is_some() {}
        f64::from(count) / started.elapsed().as_secs_f64()
    }

    /// Sends the webhooks at a fixed rate, whether or not they are answered, and launches the pages between them.
    async fn at_rate(&mut self, acts: Vec<Act>, per_second: f64) {
        let (started, mut sent) = (Instant::now(), 0_u32);
        for act in acts {
            match act {
                Act::Webhook(message) => {
                    let due = Duration::from_secs_f64(f64::from(sent) / per_second);
                    let early = due.saturating_sub(started.elapsed());
                    // The timer has a resolution of one millisecond.
                    if early >= Duration::from_millis(1) {
                        tokio::time::sleep(early).await;
                    }
                    self.sender.launch(&mut self.deliveries, message);
                    sent += 1;
                }
                visit => self.pages.launch(&mut self.visits, visit),
            }
        }
    }

    /// Sends more than the server can take. Meta fails first, then the server, then the gateway.
    async fn blow(
        &mut self,
        world: &mut World,
        acts: Vec<Act>,
        per_second: f64,
        outage: Duration,
    ) -> anyhow::Result<()> {
        let mut quarters = Vec::new();
        let length = acts.len().div_ceil(4).max(1);
        let mut acts = acts.into_iter();
        for _ in 0..4 {
            quarters.push(acts.by_ref().take(length).collect::<Vec<_>>());
        }
        let mut quarters = quarters.into_iter();
        let mut next = || quarters.next().unwrap_or_default();

        world.sandbox.set_faults(MetaFault::Losing.faults()).await?;
        self.at_rate(next(), per_second).await;
        world.sandbox.set_faults(MetaFault::Down.faults()).await?;
        self.weigh(world)?;
        let asked_ms = now_ms();
        world.kill_server();
        self.kills.push(Kill { asked_ms, done_ms: now_ms() });
        let killed = Instant::now();
        self.at_rate(next(), per_second).await;
        tokio::time::sleep(outage.saturating_sub(killed.elapsed())).await;
        world.restart_server().await?;
        self.arrivals.collect(&world.sandbox).await?;
        self.at_rate(next(), per_second).await;
        world.sandbox.set_faults(MetaFault::Slow.faults()).await?;
        self.weigh(world)?;
        world.kill_gateway();
        let killed = Instant::now();
        self.at_rate(next(), per_second).await;
        tokio::time::sleep((outage / GATEWAY_OUTAGE_PART).saturating_sub(killed.elapsed())).await;
        world.restart_gateway().await?;
        world.sandbox.set_faults(MetaFault::Up.faults()).await?;
        self.arrivals.collect(&world.sandbox).await
    }

    /// Records the largest memory of gateway and server since their last start.
    fn weigh(&mut self, world: &World) -> anyhow::Result<()> {
        let peaks = [world.gateway_id()?, world.server_id()?].map(peak_bytes);
        self.peaks_bytes = std::array::from_fn(|n| self.peaks_bytes[n].max(peaks[n]));
        Ok(())
    }

    /// Waits until each webhook is accepted or given up.
    async fn delivered(&mut self) -> anyhow::Result<()> {
        while let Some(delivered) = self.deliveries.join_next().await {
            delivered?;
        }
        ensure!(self.sender.look(|tally| tally.taken) > 0, "no webhook was taken");
        Ok(())
    }

    /// Waits until each page is answered.
    async fn visited(&mut self) -> anyhow::Result<()> {
        while let Some(visited) = self.visits.join_next().await {
            visited??;
        }
        Ok(())
    }
}
