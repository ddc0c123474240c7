//! `cargo xtask torture`: builds the programs and runs `load/src/bin/torture.rs`, which kills the server under load.

use std::process::Command;

use crate::command::run;
use crate::files::target;
use crate::programs;

/// Number of kills in CI: enough to meet each fault of Meta, and few enough for a minute.
const KILLS_IN_CI: u32 = 12;
/// CI repeats the same faults and moments. A run by hand has new ones.
const SEED_IN_CI: u64 = 2026;

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Number of kills
    #[arg(long, default_value_t = 100)]
    kills: u32,
    /// Concurrent callers
    #[arg(long, default_value_t = 16)]
    clients: u32,
    /// Seed of the faults and moments (default: a new one each time; the table names it)
    #[arg(long)]
    seed: Option<u64>,
    /// Longest time under load before a kill, in milliseconds
    #[arg(long, default_value_t = 1200)]
    up_max_ms: u64,
    /// Use the optimised server
    #[arg(long)]
    release: bool,
}

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

/// The short run of CI. The programs must be built already.
pub(crate) fn in_ci() -> anyhow::Result<()> {
    let mut torture = Command::new(target().join("debug/torture"));
    run(torture.args(["--kills", &KILLS_IN_CI.to_string(), "--seed", &SEED_IN_CI.to_string()]))
}
