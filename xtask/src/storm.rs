//! `cargo xtask storm`: builds the optimised programs and runs `load/src/bin/storm.rs` against them.

use std::process::Command;

use crate::command::run;
use crate::files::target;
use crate::programs;

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Orders, 20,000 at most
    #[arg(long, default_value_t = 20_000)]
    orders: u32,
    /// Webhooks per second outside of outages (default: half of what the server sustains)
    #[arg(long)]
    rate: Option<u32>,
    /// Seed of the random choices (default: a new one each time; the table names it)
    #[arg(long)]
    seed: Option<u64>,
    /// Duration of the server's outage, in milliseconds
    #[arg(long, default_value_t = 10_000)]
    outage_ms: u64,
    /// Fail unless the 99th percentile of accepted webhooks outside of outages is below this
    #[arg(long, value_name = "MS", default_value_t = 95.0)]
    p99_ms_max: f64,
}

pub(crate) fn run_storm(options: &Options) -> anyhow::Result<()> {
    programs::build(true)?;
    let mut storm = Command::new(target().join("release/storm"));
    storm.args(["--orders", &options.orders.to_string(), "--outage-ms", &options.outage_ms.to_string()]);
    storm.args(["--p99-ms-max", &options.p99_ms_max.to_string()]);
    if let Some(rate) = options.rate {
        storm.args(["--rate", &rate.to_string()]);
    }
    if let Some(seed) = options.seed {
        storm.args(["--seed", &seed.to_string()]);
    }
    run(&mut storm)
}
