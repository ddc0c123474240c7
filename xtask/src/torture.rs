//! `cargo xtask torture`: builds the programs and lets `load/src/bin/torture.rs` kill the server.

use std::process::Command;

use crate::command::run;
use crate::files::target;
use crate::programs;

/// Kills in CI: enough for each of Meta's faults to be met, few enough for a minute.
const KILLS_IN_CI: u32 = 12;
/// In CI always the same faults and moments; a run by hand has others.
const SEED_IN_CI: u64 = 2026;

/// How to run it.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// How often the server is killed
    #[arg(long, default_value_t = 100)]
    kills: u32,
    /// Callers at once
    #[arg(long, default_value_t = 16)]
    clients: u32,
    /// Seed of the faults and moments; by default another one each time, which the table names
    #[arg(long)]
    seed: Option<u64>,
    /// Longest time under load before a kill, in milliseconds
    #[arg(long, default_value_t = 1200)]
    up_max_ms: u64,
    /// Torture the optimised server
    #[arg(long)]
    release: bool,
}

/// `cargo xtask torture`.
pub(crate) fn run_torture(options: &Options) -> anyhow::Result<()> {
    programs::build(options.release)?;
    let folder = target().join(if options.release { "release" } else { "debug" });
    let mut torture = Command::new(folder.join("torture"));
    torture.args(["--kills", &options.kills.to_string(), "--clients", &options.clients.to_string()]);
    torture.args(["--up-max-ms", &options.up_max_ms.to_string()]);
    if let Some(seed) = options.seed {
        torture.args(["--seed", &seed.to_string()]);
    }
    run(&mut torture)
}

/// The short torture of CI, with the programs that are built already.
pub(crate) fn in_ci() -> anyhow::Result<()> {
    let mut torture = Command::new(target().join("debug/torture"));
    run(torture.args(["--kills", &KILLS_IN_CI.to_string(), "--seed", &SEED_IN_CI.to_string()]))
}
