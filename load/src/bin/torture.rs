//! Kills the server again and again under load and compares what was sent with what arrived: `cargo xtask torture`.

use std::process::ExitCode;

use clap::Parser;
use tandem_load::torture::{self, Options};

/// Kills the server with SIGKILL under load, with Meta up, down, slow and refusing, and checks that
/// nothing acknowledged was lost and nothing came twice without a reason
#[derive(Parser)]
#[command(name = "torture")]
struct Arguments {
    /// How often the server is killed
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    kills: u32,
    /// Callers at once
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=1000))]
    clients: u32,
    /// Seed of the faults and moments; by default another one each time, which the table names
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
