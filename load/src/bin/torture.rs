//! Kills the server under load, and compares the sent events with those that arrived: `cargo xtask torture`.

use std::process::ExitCode;

use clap::Parser;
use tandem_load::torture::{self, Options};

/// Kills the server with SIGKILL under load, while Meta is up, down, slow or refusing, and checks that no
/// acknowledged event is lost and that no event is repeated without a reason
#[derive(Parser)]
#[command(name = "torture")]
struct Arguments {
    /// Number of kills
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    kills: u32,
    /// Number of callers
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=1000))]
    clients: u32,
    /// Seed of the faults and of the moments of the kills [default: a random one, which the table shows]
    #[arg(long)]
    seed: Option<u64>,
    /// Longest time under load before a kill, in milliseconds
    #[arg(long, default_value_t = 1200, value_parser = clap::value_parser!(u64).range(2..=600_000))]
    up_max_ms: u64,
}

#[tokio::main]
async fn main() -> ExitCode {
    let Arguments { kills, clients, seed, up_max_ms } = Arguments::parse();
    let seed = seed.unwrap_or_else(|| u64::from(rand::random::<u32>()));
    let options = Options { kills, clients, seed, up_max_ms };
    match torture::run(options).await {
        Ok(report) => {
            print!("{report}");
            if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("torture (seed {seed}): {error:#}");
            ExitCode::FAILURE
        }
    }
}
