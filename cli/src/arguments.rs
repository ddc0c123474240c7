//! The command tree and its help.

use clap::{Parser, Subcommand};
use tandem_settings::{Program, help};

use crate::commands::dead_letters::{self, replay};
use crate::commands::{clock, delivery, doctor, erase, events, health, lint, orders};
use crate::groups::Connection;

fn after_help() -> String {
    format!("{}\n\n{EXIT_CODES}", help(Program::Tool))
}

const EXIT_CODES: &str = "\
Exit codes:
  0    done
  1    health is critical, a check of doctor failed, lint found something, or there is no such event;
       also: the server failed, or the system refused a resource
  2    invalid arguments, settings, token or files
  3    the server cannot be reached or does not answer
  130  interrupted; work in steps reports what was done";

/// Inspects and controls a Tandem server: health, events and their delivery, orders, dead letters.
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
    /// Show health: status and reasons, figures of the last 24 hours, backlog, pixels
    Health(health::Arguments),
    /// Check the deployment: settings, tokens, clocks, webhooks, the shop's page
    Doctor(doctor::Arguments),
    /// List, show or watch events and their delivery
    Events(events::Arguments),
    /// List or show orders: payments, refunds, disputes
    Orders(orders::Arguments),
    /// List, show, replay or purge events and webhooks that were given up
    DeadLetters(dead_letters::Arguments),
    /// Put dead letters back to pending, under the same event IDs
    Replay(replay::Arguments),
    /// Stop sending to Meta; events are still stored and wait, also across restarts
    Pause(delivery::Arguments),
    /// Start sending again; ends a pause, or a hold after a refused token
    Resume(delivery::Arguments),
    /// Show whether the server trusts its time, and what waits for it; or confirm that it is right
    Clock(clock::Arguments),
    /// Delete everything stored about a person; waiting events are never sent
    Erase(erase::Arguments),
    /// Find what breaks tracking in a shop's pages: files, folders, or an address; needs no server
    Lint(lint::Arguments),
}
