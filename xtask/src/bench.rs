//! `cargo xtask bench`: measurements that are run by hand, because they take minutes and the whole
//! machine.

use std::process::Command;

use clap::Subcommand;

use crate::command::run;
use crate::files::target;
use crate::{browser, package, programs};

/// What to measure.
#[derive(Debug, Subcommand)]
pub(crate) enum Bench {
    /// A million events wait: fails where that slows ingest, starves fresh events or takes too much memory
    Backlog(Backlog),
    /// A page in Chromium: loading the browser package, and a call beside a bare fetch
    Page(Page),
}

/// Options of `bench page`.
#[derive(Debug, clap::Args)]
pub(crate) struct Page {
    /// Loads of the package
    #[arg(long, default_value_t = 40)]
    loads: u32,
    /// Calls, and bare requests
    #[arg(long, default_value_t = 300)]
    calls: u32,
}

/// Options of `bench backlog`.
#[derive(Debug, clap::Args)]
pub(crate) struct Backlog {
    /// Events that wait
    #[arg(long, default_value_t = 1_000_000)]
    events: u64,
    /// Events of each of the two measurements of ingest, less than half of all
    #[arg(long, default_value_t = 20_000)]
    measured: u64,
    /// Calls under way at once
    #[arg(long, default_value_t = 32)]
    callers: u32,
    /// Why they wait: refused (token), paused (by an operator) or down (Meta)
    #[arg(long, default_value = "refused")]
    hold: String,
}

/// `cargo xtask bench`.
pub(crate) fn run_bench(bench: &Bench) -> anyhow::Result<()> {
    match bench {
        Bench::Backlog(options) => {
            programs::build(true)?;
            let mut backlog = Command::new(target().join("release/backlog"));
            backlog.args(["--events", &options.events.to_string()]);
            backlog.args(["--measured", &options.measured.to_string()]);
            backlog.args(["--callers", &options.callers.to_string()]);
            run(backlog.args(["--hold", &options.hold]))
        }
        Bench::Page(options) => {
            browser::ensure_chromium()?;
            // As it is released: that is what pages load.
            package::build(true)?;
            programs::build(true)?;
            let mut page = Command::new(target().join("release/page"));
            run(page.args(["--loads", &options.loads.to_string(), "--calls", &options.calls.to_string()]))
        }
    }
}
