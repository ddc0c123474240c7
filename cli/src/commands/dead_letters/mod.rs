//! `tandem dead-letters`: what was given up, and why.

mod filter;
mod list;
mod purge;
pub(crate) mod replay;
mod show;
mod steps;
mod view;

use clap::{Args, Subcommand};

use crate::error::CliError;
use crate::report::Report;
use crate::server::Server;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: DeadLettersCommand,
}

#[derive(Debug, Subcommand)]
enum DeadLettersCommand {
    /// Dead letters, newest first
    List(list::Arguments),
    /// One dead letter: what was tried, why it was given up, what to do
    Show(show::Arguments),
    /// Put dead letters back to pending; the same as `tandem replay`
    Replay(replay::Arguments),
    /// Delete dead letters for good; their orders and webhooks stay known
    Purge(purge::Arguments),
}

pub(crate) async fn run(server: &Server, arguments: Arguments) -> Result<Report, CliError> {
    match arguments.command {
        DeadLettersCommand::List(arguments) => list::run(server, arguments).await,
        DeadLettersCommand::Show(arguments) => show::run(server, arguments).await,
        DeadLettersCommand::Replay(arguments) => replay::run(server, arguments).await,
        DeadLettersCommand::Purge(arguments) => purge::run(server, arguments).await,
    }
}
