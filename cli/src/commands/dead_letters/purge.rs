//! `tandem dead-letters purge`: deletes dead letters for good.

use clap::Args;
use serde::Serialize;
use tandem_proto::v1::{DeadLetterFilter, PurgeDeadLettersRequest, PurgeDeadLettersResponse};

use super::filter::{Filter, Only, kind};
use super::steps::{self, STEP, Step, StepsResult};
use crate::confirm;
use crate::error::CliError;
use crate::render::{json, table};
use crate::report::Report;
use crate::server::Server;

/// The operator types this word to confirm.
const WORD: &str = "purge";

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    filter: Filter,
    /// Only the webhook at this position, as `dead-letters list` shows it
    #[arg(long, value_name = "POSITION", value_parser = clap::value_parser!(u64).range(1..), conflicts_with_all = ["event_name", "event_id", "pixel"])]
    webhook: Option<u64>,
    /// Only dead letters of this kind
    #[arg(long, value_enum)]
    only: Option<Only>,
    /// Everything that matches the filter; without a filter, every dead letter
    #[arg(long)]
    all: bool,
    /// Do not ask for confirmation
    #[arg(long, short)]
    yes: bool,
    /// Only count what would be purged
    #[arg(long, conflicts_with = "yes")]
    dry_run: bool,
    /// The counts as JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(server: &Server, arguments: Arguments) -> Result<Report, CliError> {
    let filter = DeadLetterFilter {
        webhook_sequence: arguments.webhook.unwrap_or_default(),
        ..arguments.filter.into()
    };
    let mut request = PurgeDeadLettersRequest {
        filter: Some(filter),
        all: arguments.all,
        kind: kind(arguments.only).into(),
        max_events: STEP,
        page_token: String::new(),
        dry_run: true,
    };
    if !arguments.dry_run && !arguments.yes {
        if !confirm::can_ask() {
            let text = "nothing was purged: without a terminal, confirm with --yes; --dry-run only counts";
            return Err(CliError::Setting(text.to_owned()));
        }
        let (counted, ended) = work(server, &request).await?;
        if let Some(error) = ended.error {
            return Err(error);
        }
        if counted != PurgeDeadLettersResponse::default() {
            let PurgeDeadLettersResponse { purged_events, purged_webhooks, .. } = counted;
            let what =
                format!("This deletes {purged_events} events and {purged_webhooks} webhooks for good.");
            confirm::ask(&what, WORD, "nothing was purged").await?;
        }
    }
    request.dry_run = arguments.dry_run;
    let (total, ended) = work(server, &request).await?;
    ended.report(if arguments.json {
        json(&PurgeJson { purged_events: total.purged_events, purged_webhooks: total.purged_webhooks })
    } else {
        text(&total, arguments.dry_run)
    })
}

async fn work(
    server: &Server,
    request: &PurgeDeadLettersRequest,
) -> Result<(PurgeDeadLettersResponse, StepsResult), CliError> {
    let client = server.long_operations().await?;
    let mut total = PurgeDeadLettersResponse::default();
    let what = if request.dry_run { "counted" } else { "purged" };
    let call = async |page_token| {
        let request = PurgeDeadLettersRequest { page_token, ..request.clone() };
        client.clone().purge_dead_letters(server.request(request)).await
    };
    let ended = steps::run(server, what, call, |answer: PurgeDeadLettersResponse| {
        total.purged_events += answer.purged_events;
        total.purged_webhooks += answer.purged_webhooks;
        Step { done: total.purged_events + total.purged_webhooks, next: answer.next_page_token }
    })
    .await?;
    Ok((total, ended))
}

fn text(total: &PurgeDeadLettersResponse, is_dry_run: bool) -> String {
    let row = |name: &str, count: u64| vec![name.to_owned(), count.to_string()];
    let rows = match is_dry_run {
        true => ["events to purge", "webhooks to purge"],
        false => ["events purged", "webhooks purged"],
    };
    let mut text = table(&[], [row(rows[0], total.purged_events), row(rows[1], total.purged_webhooks)]);
    if is_dry_run {
        text.push_str("\n\nnothing was changed; without --dry-run they are purged");
    }
    text
}

/// The counts as JSON, with the protocol's field names.
#[derive(Serialize)]
struct PurgeJson {
    purged_events: u64,
    purged_webhooks: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_purged_and_what_would_be_are_told_apart() {
        let total = PurgeDeadLettersResponse { purged_events: 12, purged_webhooks: 3, ..Default::default() };
        assert_eq!(text(&total, false), "events purged    12\nwebhooks purged  3");
        assert!(text(&total, true).starts_with("events to purge    12\n"), "{}", text(&total, true));
        assert!(text(&total, true).contains("nothing was changed"));
    }
}
