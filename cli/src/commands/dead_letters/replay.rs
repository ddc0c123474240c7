//! `tandem replay`: dead letters go back to pending, under the same event IDs.

use clap::Args;
use serde::Serialize;
use tandem_proto::v1::{
    DeadLetterFilter, DeadLetterKind, ReplayDeadLettersRequest, ReplayDeadLettersResponse,
};

use super::filter::Filter;
use super::steps::{self, STEP, Step};
use crate::error::CliError;
use crate::render::{json, table};
use crate::report::Report;
use crate::server::Server;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    filter: Filter,
    /// The webhook at this position: the server asks Cashfree about its order
    #[arg(long, value_name = "POSITION", conflicts_with_all = ["event_name", "event_id", "pixel"])]
    webhook: Option<u64>,
    /// Webhooks instead of events
    #[arg(long, conflicts_with_all = ["event_name", "event_id", "pixel", "allow_double_count"])]
    webhooks: bool,
    /// Everything that matches the filter; without a filter, every dead event
    #[arg(long)]
    all: bool,
    /// Also replay events whose browser copy Meta may have counted
    #[arg(long)]
    allow_double_count: bool,
    /// Only count what would be replayed
    #[arg(long)]
    dry_run: bool,
    /// The counts as JSON
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(server: &Server, arguments: Arguments) -> Result<Report, CliError> {
    let about_webhooks = arguments.webhooks || arguments.webhook.is_some();
    let filter = DeadLetterFilter {
        webhook_sequence: arguments.webhook.unwrap_or_default(),
        ..arguments.filter.into()
    };
    let request = ReplayDeadLettersRequest {
        filter: Some(filter),
        kind: if about_webhooks { DeadLetterKind::Webhooks } else { DeadLetterKind::Unspecified }.into(),
        all: arguments.all,
        allow_double_count: arguments.allow_double_count,
        max_events: STEP,
        page_token: String::new(),
        dry_run: arguments.dry_run,
    };
    let client = server.long_operations().await?;
    let mut total = ReplayDeadLettersResponse::default();
    let call = async |page_token| {
        let request = ReplayDeadLettersRequest { page_token, ..request.clone() };
        client.clone().replay_dead_letters(server.request(request)).await
    };
    let ended = steps::run(server, "gone through", call, |answer: ReplayDeadLettersResponse| {
        total.replayed += answer.replayed;
        total.skipped_double_count += answer.skipped_double_count;
        total.skipped_unsendable += answer.skipped_unsendable;
        total.skipped_webhooks += answer.skipped_webhooks;
        let done =
            total.replayed + total.skipped_double_count + total.skipped_unsendable + total.skipped_webhooks;
        Step { done, next: answer.next_page_token }
    })
    .await?;
    ended.report(if arguments.json {
        json(&ReplayJson::of(&total))
    } else {
        text(&total, about_webhooks, arguments.dry_run)
    })
}

fn text(total: &ReplayDeadLettersResponse, about_webhooks: bool, is_dry_run: bool) -> String {
    let row = |name: &str, count: u64| vec![name.to_owned(), count.to_string()];
    if about_webhooks {
        let asked =
            if is_dry_run { "orders to ask Cashfree about" } else { "orders Cashfree is asked about" };
        return table(
            &[],
            [
                row(asked, total.replayed),
                row("left, resend from Cashfree's dashboard", total.skipped_webhooks),
            ],
        );
    }
    let mut text = table(
        &[],
        [
            row(if is_dry_run { "to replay" } else { "replayed" }, total.replayed),
            row("left, may count twice", total.skipped_double_count),
            row("left, data gone or too old", total.skipped_unsendable),
        ],
    );
    if total.skipped_double_count > 0 {
        text.push_str("\n\n--allow-double-count also replays those that may count twice");
    }
    if is_dry_run {
        text.push_str("\n\nnothing was changed; without --dry-run they are replayed");
    }
    text
}

/// The counts as JSON, with the protocol's field names.
#[derive(Serialize)]
struct ReplayJson {
    replayed: u64,
    skipped_double_count: u64,
    skipped_unsendable: u64,
    skipped_webhooks: u64,
}

impl ReplayJson {
    fn of(total: &ReplayDeadLettersResponse) -> Self {
        Self {
            replayed: total.replayed,
            skipped_double_count: total.skipped_double_count,
            skipped_unsendable: total.skipped_unsendable,
            skipped_webhooks: total.skipped_webhooks,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counts_are_told_apart() {
        let all = ReplayDeadLettersResponse { replayed: 12, ..ReplayDeadLettersResponse::default() };
        let expected = "\
replayed                    12
left, may count twice       0
left, data gone or too old  0";
        assert_eq!(text(&all, false, false), expected);
        assert!(
            text(&all, false, true).starts_with("to replay ")
                && text(&all, false, true).contains("nothing was changed")
        );
        let some = ReplayDeadLettersResponse {
            replayed: 1,
            skipped_double_count: 2,
            skipped_unsendable: 3,
            ..Default::default()
        };
        assert!(
            text(&some, false, false)
                .ends_with("--allow-double-count also replays those that may count twice")
        );
        let json = serde_json::to_value(ReplayJson::of(&some)).unwrap();
        assert_eq!(
            json,
            serde_json::json!({ "replayed": 1, "skipped_double_count": 2, "skipped_unsendable": 3, "skipped_webhooks": 0 })
        );
    }
}
