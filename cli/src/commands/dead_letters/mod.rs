//! `tandem dead-letters`: what was given up, and why.

use clap::{Args, Subcommand, ValueEnum};
use jiff::Timestamp;
use tandem_proto::v1::{DeadLetterFilter, DeadLetterKind, ListDeadLettersRequest};

use super::dead_letter_view::{DeadLettersJson, text};
use super::{dead_letter_show, purge, replay};
use crate::failure::Failure;
use crate::render::json;
use crate::server::Server;
use crate::{Report, moment};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: DeadLettersCommand,
}

#[derive(Debug, Subcommand)]
enum DeadLettersCommand {
    /// Dead letters, newest first
    List(ListArguments),
    /// One dead letter: what was tried, why it was given up, what to do
    Show(dead_letter_show::Arguments),
    /// Put dead letters back to pending; the same as `tandem replay`
    Replay(replay::Arguments),
    /// Delete dead letters for good; their orders and webhooks stay known
    Purge(purge::Arguments),
}

#[derive(Debug, Args)]
struct ListArguments {
    #[command(flatten)]
    filter: Filter,
    /// Only one kind
    #[arg(long, value_enum)]
    only: Option<Only>,
    /// At most so many of each kind
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    page_size: u32,
    /// The page of events that an earlier answer named
    #[arg(long, value_name = "TOKEN")]
    page_token: Option<String>,
    /// The page of webhooks that an earlier answer named
    #[arg(long, value_name = "TOKEN")]
    webhook_page_token: Option<String>,
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// One kind of dead letters.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Only {
    /// Events that were given up
    Events,
    /// Webhooks that were genuine and unusable
    Webhooks,
}

/// The kind as the protocol has it; both without one.
pub(super) fn kind(only: Option<Only>) -> DeadLetterKind {
    match only {
        None => DeadLetterKind::Unspecified,
        Some(Only::Events) => DeadLetterKind::Events,
        Some(Only::Webhooks) => DeadLetterKind::Webhooks,
    }
}

/// Which dead letters are meant; what is given must all hold.
#[derive(Debug, Args)]
pub(super) struct Filter {
    /// Only those given up for this reason, e.g. too_old
    #[arg(long)]
    code: Option<String>,
    /// Only events of this name, e.g. Purchase
    #[arg(long, value_name = "NAME")]
    event_name: Option<String>,
    /// Only the event with this ID
    #[arg(long, value_name = "ID")]
    event_id: Option<String>,
    /// Only events for this pixel
    #[arg(long, value_name = "PIXEL_ID")]
    pixel: Option<String>,
    /// Only those given up since then: an age (2h, 7d) or a time (2026-01-31T10:00:00Z)
    #[arg(long, value_name = "WHEN", value_parser = moment::parse)]
    since: Option<Timestamp>,
    /// Only those given up before then
    #[arg(long, value_name = "WHEN", value_parser = moment::parse)]
    until: Option<Timestamp>,
}

impl From<Filter> for DeadLetterFilter {
    fn from(filter: Filter) -> Self {
        Self {
            code: filter.code.unwrap_or_default(),
            event_name: filter.event_name.unwrap_or_default(),
            event_id: filter.event_id.unwrap_or_default(),
            pixel_id: filter.pixel.unwrap_or_default(),
            finished_after: filter.since.map(moment::proto),
            finished_before: filter.until.map(moment::proto),
            webhook_sequence: 0,
        }
    }
}

pub(crate) async fn run(server: &Server, arguments: Arguments) -> Result<Report, Failure> {
    match arguments.command {
        DeadLettersCommand::List(arguments) => list(server, arguments).await,
        DeadLettersCommand::Show(arguments) => dead_letter_show::run(server, arguments).await,
        DeadLettersCommand::Replay(arguments) => replay::run(server, arguments).await,
        DeadLettersCommand::Purge(arguments) => purge::run(server, arguments).await,
    }
}

async fn list(server: &Server, arguments: ListArguments) -> Result<Report, Failure> {
    let request = ListDeadLettersRequest {
        filter: Some(arguments.filter.into()),
        page_size: arguments.page_size,
        page_token: arguments.page_token.unwrap_or_default(),
        webhook_page_token: arguments.webhook_page_token.unwrap_or_default(),
        kind: kind(arguments.only).into(),
    };
    let answer = server.operations().await?.list_dead_letters(server.request(request)).await;
    let answer = answer.map_err(|status| server.failure(&status))?.into_inner();
    Ok(Report::plain(if arguments.json { json(&DeadLettersJson::of(&answer)) } else { text(&answer) }))
}
