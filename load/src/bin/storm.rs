//! Lets a storm of orders blow over server and gateway and compares what was paid with what arrived: `cargo xtask storm`.

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use tandem_load::storm::{self, Options};

/// Thousands of orders with webhooks that come twice, late, forged and faster than the server bears,
/// and outages of server, gateway and Meta; then what was paid must have arrived, once each
#[derive(Parser)]
#[command(name = "storm")]
struct Arguments {
    /// Orders
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(20..=20_000))]
    orders: u32,
    /// Webhooks per second while all is well; by default half of what the server bears
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    rate: Option<u32>,
    /// Seed of the orders' fates; by default another one each time, which the table names
    #[arg(long)]
    seed: Option<u64>,
    /// How long the server is away, in milliseconds
    #[arg(long, default_value_t = 10_000)]
    outage_ms: u64,
    /// How much faster than Cashfree's 2, 10 and 30 minutes the retries come
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..))]
    compression: u32,
    /// Fail when the 99th percentile of accepted webhooks is not below this, while all is well
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
