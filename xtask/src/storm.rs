//! `cargo xtask storm`: builds the optimised programs and lets `load/src/bin/storm.rs` blow.

use std::process::Command;

use crate::command::run;
use crate::files::target;
use crate::programs;

/// How to run it.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Orders, 20,000 at most
    #[arg(long, default_value_t = 20_000)]
    orders: u32,
    /// Webhooks per second while all is well; by default half of what the server bears
    #[arg(long)]
    rate: Option<u32>,
    /// Seed of the orders' fates; by default another one each time, which the table names
    #[arg(long)]
    seed: Option<u64>,
    /// How long the server is away, in milliseconds
    #[arg(long, default_value_t = 10_000)]
    outage_ms: u64,
    /// Fail when the 99th percentile of accepted webhooks is not below this, while all is well
    #[arg(long, value_name = "MS", default_value_t = 95.0)]
    p99_ms_max: f64,
}

/// `cargo xtask storm`.
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
