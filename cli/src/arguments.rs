//! The command tree and its help.

use clap::{Parser, Subcommand};
use tandem_settings::{Program, help};

use crate::commands::dead_letters::{self, replay};
use crate::commands::{delivery, doctor, erase, events, health, lint, orders};
use crate::groups::Connection;

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
