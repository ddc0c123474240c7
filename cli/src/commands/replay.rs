//! `tandem replay`: dead letters go back to pending, under the same event IDs.

use clap::Args;
use serde::Serialize;
use tandem_proto::v1::{ReplayDeadLettersRequest, ReplayDeadLettersResponse};

use super::dead_letters::Filter;
use crate::Report;
use crate::failure::Failure;
use crate::render::{json, table};
use crate::server::Server;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    filter: Filter,
    /// Everything that the filter leaves; without a filter, every dead letter
    #[arg(long)]
    all: bool,
    /// Also events whose browser copy Meta may have counted already
    #[arg(long)]
    allow_double_count: bool,
    /// The counts as JSON
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(server: &Server, arguments: Arguments) -> Result<Report, Failure> {
    let request = ReplayDeadLettersRequest {
        filter: Some(arguments.filter.into()),
        all: arguments.all,
        allow_double_count: arguments.allow_double_count,
    };
    let answer = server.long_operations().await?.replay_dead_letters(server.request(request)).await;
    let answer = answer.map_err(|status| server.failure(&status))?.into_inner();
    Ok(Report::plain(if arguments.json { json(&ReplayJson::of(answer)) } else { text(answer) }))
}

fn text(answer: ReplayDeadLettersResponse) -> String {
    let row = |name: &str, count: u64| vec![name.to_owned(), count.to_string()];
    let mut text = table(
        &[],
        [
            row("replayed", answer.replayed),
            row("left, may count twice", answer.skipped_double_count),
            row("left, data gone or too old", answer.skipped_unsendable),
        ],
    );
    if answer.skipped_double_count > 0 {
        text.push_str("\n\n--allow-double-count replays those that may count twice as well");
    }
    text
}

/// The counts, with the protocol's names.
#[derive(Serialize)]
struct ReplayJson {
    replayed: u64,
    skipped_double_count: u64,
    skipped_unsendable: u64,
}

impl ReplayJson {
    fn of(answer: ReplayDeadLettersResponse) -> Self {
        Self {
            replayed: answer.replayed,
            skipped_double_count: answer.skipped_double_count,
            skipped_unsendable: answer.skipped_unsendable,
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
        assert_eq!(text(all), expected);
        let some = ReplayDeadLettersResponse { replayed: 1, skipped_double_count: 2, skipped_unsendable: 3 };
        assert!(text(some).ends_with("--allow-double-count replays those that may count twice as well"));
        let json = serde_json::to_value(ReplayJson::of(some)).unwrap();
        assert_eq!(
            json,
            serde_json::json!({ "replayed": 1, "skipped_double_count": 2, "skipped_unsendable": 3 })
        );
    }
}
