//! Prints the claim key of an order, for the page of that order.

use std::process::ExitCode;

use clap::Parser;
use tandem_examples::claim_key;

/// Prints the claim key of an order, which a page needs to ask about it.
#[derive(Parser)]
struct Arguments {
    /// The order ID, byte for byte as the payment provider has it
    order_id: String,
    /// The server's claim secret, or the newest of them (the first in the list)
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
