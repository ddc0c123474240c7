//! `tandem dead-letters list`: what was given up, newest first.

use clap::Args;
use tandem_proto::v1::ListDeadLettersRequest;

use super::filter::{Filter, Only, kind};
use super::view::{DeadLettersJson, text};
use crate::error::CliError;
use crate::render::json;
use crate::report::Report;
use crate::server::Server;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    filter: Filter,
    /// Only dead letters of this kind
    #[arg(long, value_enum)]
    only: Option<Only>,
    /// At most this many of each kind
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

pub(super) async fn run(server: &Server, arguments: Arguments) -> Result<Report, CliError> {
    let request = ListDeadLettersRequest {
        filter: Some(arguments.filter.into()),
        page_size: arguments.page_size,
        page_token: arguments.page_token.unwrap_or_default(),
        webhook_page_token: arguments.webhook_page_token.unwrap_or_default(),
        kind: kind(arguments.only).into(),
    };
    let answer = server.operations().await?.list_dead_letters(server.request(request)).await;
    let answer = answer.map_err(|status| server.error(&status))?.into_inner();
    Ok(Report::plain(if arguments.json { json(&DeadLettersJson::of(&answer)) } else { text(&answer) }))
}
