//! Measures the server with a million events waiting: `cargo xtask bench backlog`.

use std::process::ExitCode;

use clap::Parser;
use tandem_load::backlog::{self, Hold, Options};

/// Fills the outbox while the pixel is held, and measures memory, ingest, health and the drain
#[derive(Parser)]
#[command(name = "backlog")]
struct Arguments {
    /// Number of events that wait
    #[arg(long, default_value_t = 1_000_000)]
    events: u64,
    /// Number of events in each of the two measurements of ingest
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(10..))]
    measured: u64,
    /// Calls at once
    #[arg(long, default_value_t = 32, value_parser = 1..=1000)]
    callers: i64,
    /// Why the events wait
    #[arg(long, value_enum, default_value = "refused")]
    hold: Hold,
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let Arguments { events, measured, callers, hold } = Arguments::parse();
    let options = Options { events, measured, callers: usize::try_from(callers)?, hold };
    let report = backlog::run(options).await?;
    print!("{report}");
    Ok(if report.complaints().is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
