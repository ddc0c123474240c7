//! Prints the `claim_key` of an order, for the page of that order.

use std::process::ExitCode;

use clap::Parser;
use tandem_examples::claim_key;

/// Prints the proof that a page may ask about an order.
#[derive(Parser)]
struct Arguments {
    /// The order ID, byte for byte as the payment provider has it
    order_id: String,
    /// The server's claim secret; the first of a list, which is the newest
    #[arg(long, env = "TANDEM_CLAIM_SECRET", hide_env_values = true)]
    secret: String,
}

fn main() -> ExitCode {
    let Arguments { order_id, secret } = Arguments::parse();
    match secret.split(',').map(str::trim).find(|secret| !secret.is_empty()) {
        Some(secret) => {
            println!("{}", claim_key(secret, &order_id));
            ExitCode::SUCCESS
        }
        None => {
            eprintln!("TANDEM_CLAIM_SECRET is empty");
            ExitCode::from(2)
        }
    }
}
