//! `cargo xtask bench`: measurements that are run by hand, because they take minutes and the whole
//! machine.

use std::process::Command;

use clap::Subcommand;

use crate::command::{cargo, run, step};
use crate::files::target;

/// What to measure.
#[derive(Debug, Subcommand)]
pub(crate) enum Bench {
    /// A million events wait: memory, ingest, health, and the drain
    Backlog(Backlog),
}

/// Options of `bench backlog`.
#[derive(Debug, clap::Args)]
pub(crate) struct Backlog {
    /// Events that wait
    #[arg(long, default_value_t = 1_000_000)]
    events: u64,
    /// Calls under way at once
    #[arg(long, default_value_t = 32)]
    callers: u32,
    /// Why they wait: refused (token), paused (by an operator) or down (Meta)
    #[arg(long, default_value = "refused")]
    hold: String,
}

/// `cargo xtask bench`.
pub(crate) fn run_bench(bench: &Bench) -> anyhow::Result<()> {
    let Bench::Backlog(options) = bench;
    step("build the optimised programs", || {
        let packages =
            ["-p", "tandem-server", "-p", "tandem-gateway", "-p", "tandem-cli", "-p", "tandem-sandbox"];
        run(cargo().args(["build", "--release"]).args(packages).args(["-p", "tandem-tests", "--bins"]))
    })?;
    let mut backlog = Command::new(target().join("release/backlog"));
    backlog.args(["--events", &options.events.to_string(), "--callers", &options.callers.to_string()]);
    run(backlog.args(["--hold", &options.hold]))
}
