//! Runs a storm of orders over server and gateway, and compares the payments with the Purchases: `cargo xtask storm`.

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use tandem_load::storm::{self, Options};

/// Sends thousands of orders, with webhooks that are repeated, late, forged and more than the server can take, and
/// with outages of server, gateway and Meta; then checks that each payment arrived exactly once
#[derive(Parser)]
#[command(name = "storm")]
struct Arguments {
    /// Number of orders
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(20..=20_000))]
    orders: u32,
    /// Webhooks per second while all is well [default: half of the measured capacity]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    rate: Option<u32>,
    /// Seed of the plan [default: a random one, which the table shows]
    #[arg(long)]
    seed: Option<u64>,
    /// How long the server is down, in milliseconds
    #[arg(long, default_value_t = 10_000)]
    outage_ms: u64,
    /// How many times faster than Cashfree's 2, 10 and 30 minutes the retries are
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..))]
    compression: u32,
    /// Fail unless the 99th percentile of accepted webhooks while all is well is below this many milliseconds
    #[arg(long, value_name = "MS")]
    p99_ms_max: Option<f64>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let Arguments { orders, rate, seed, outage_ms, compression, p99_ms_max } = Arguments::parse();
    let options = Options {
        orders: orders as usize,
        rate: rate.map(f64::from),
        seed: seed.unwrap_or_else(|| u64::from(rand::random::<u32>())),
        outage: Duration::from_millis(outage_ms),
        compression,
        p99_ms_max,
    };
    match storm::run(options).await {
        Ok(report) => {
            print!("{report}");
            if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("storm (seed {}): {error:#}", options.seed);
            ExitCode::FAILURE
        }
    }
}
