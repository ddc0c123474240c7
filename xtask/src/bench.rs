//! `cargo xtask bench`: measurements to run by hand. They take minutes and the whole machine.

use std::process::Command;

use clap::Subcommand;

use crate::command::run;
use crate::files::target;
use crate::{browser, package, programs};

#[derive(Debug, Subcommand)]
pub(crate) enum Bench {
    /// A million waiting events: fails if they slow ingest, starve fresh events or take too much memory
    Backlog(Backlog),
    /// Time to load the browser package in Chromium, and to make a call, compared with a bare fetch
    Page(Page),
}

#[derive(Debug, clap::Args)]
pub(crate) struct Page {
    /// Number of loads of the package
    #[arg(long, default_value_t = 40)]
    loads: u32,
    /// Number of calls, and of bare requests
    #[arg(long, default_value_t = 300)]
    calls: u32,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Backlog {
    /// Number of waiting events
    #[arg(long, default_value_t = 1_000_000)]
    events: u64,
    /// Number of events in each of the two measurements of ingest, less than half of all
    #[arg(long, default_value_t = 20_000)]
    measured: u64,
    /// Concurrent calls
    #[arg(long, default_value_t = 32)]
    callers: u32,
    /// Why the events wait: refused (Meta refuses the token), paused (by an operator) or down (Meta is down)
    #[arg(long, default_value = "refused")]
    hold: String,
}

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
            // The pages load the release build of the package.
            package::build(true)?;
            programs::build(true)?;
            let mut page = Command::new(target().join("release/page"));
            run(page.args(["--loads", &options.loads.to_string(), "--calls", &options.calls.to_string()]))
        }
    }
}
