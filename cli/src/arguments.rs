//! The command tree and its help.

use clap::{Args, Parser, Subcommand};
use jiff::Timestamp;
use tandem_settings::{Program, help};

use crate::commands::{dead_letters, delivery, doctor, erase, events, health, lint, orders, replay};
use crate::moment;

fn after_help() -> String {
    format!("{}\n\n{EXIT_CODES}", help(Program::Tool))
}

const EXIT_CODES: &str = "\
Exit codes:
  0    done
  1    the answer is a bad one (health is critical, a check of doctor's failed, lint found something,
       no such event), the server failed, or the system refuses something
  2    unusable arguments, settings, token or files
  3    the server is away or does not answer
  130  interrupted; work in steps says how far it came";

/// Looks into a Tandem server and steers it: health, events, their delivery, orders, dead letters.
#[derive(Debug, Parser)]
#[command(name = "tandem", version, about, after_help = after_help(), subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) connection: Connection,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// How to reach the server.
#[derive(Debug, Args)]
pub(crate) struct Connection {
    /// The Tandem server; goes before TANDEM_SERVER_URL
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) server_url: Option<String>,
    /// Allow the internal token to travel over plain http to another machine
    #[arg(long, global = true)]
    pub(crate) insecure: bool,
}

/// How much of a long list: the same words for every list.
#[derive(Debug, Args)]
pub(crate) struct Extent {
    /// Only from then on: an age (2h, 7d) or a time (2026-01-31T10:00:00Z)
    #[arg(long, value_name = "WHEN", value_parser = moment::parse)]
    pub(crate) since: Option<Timestamp>,
    /// Only before then
    #[arg(long, value_name = "WHEN", value_parser = moment::parse)]
    pub(crate) until: Option<Timestamp>,
    /// At most so many
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) limit: u32,
    /// All of them, however many
    #[arg(long, conflicts_with = "limit")]
    pub(crate) all: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Is everything well? Figures of the last 24 hours, backlog, pixels
    Health(health::Arguments),
    /// Is the deployment whole? Settings, tokens, clocks, webhooks, the shop's page
    Doctor(doctor::Arguments),
    /// Events and their delivery
    Events(events::Arguments),
    /// Orders and what they went through: payments, refunds, disputes
    Orders(orders::Arguments),
    /// Events and webhooks that were given up
    DeadLetters(dead_letters::Arguments),
    /// Put dead letters back to pending, under the same event IDs
    Replay(replay::Arguments),
    /// Stop sending to Meta; events are taken and wait, across restarts too
    Pause(delivery::Arguments),
    /// Send again; ends a pause, and a hold for a refused token at once
    Resume(delivery::Arguments),
    /// Remove what is stored of a person; what waits for sending is never sent
    Erase(erase::Arguments),
    /// Find what breaks tracking in a shop's pages: files, folders, or an address; asks no server
    Lint(lint::Arguments),
}
