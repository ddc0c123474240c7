//! `tandem events watch`: a line for each change, until interrupted.

use std::io::Write as _;

use clap::Args;
use jiff::Timestamp;
use tandem_proto::v1::{EventState, EventSummary, WatchEventsRequest};

use super::event_state::State;
use super::event_view::json_line;
use crate::error::CliError;
use crate::render::{plain, state};
use crate::report::Report;
use crate::server::Server;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Only events of this name, e.g. Purchase
    #[arg(long)]
    name: Option<String>,
    /// Only changes into this state
    #[arg(long, value_enum)]
    state: Option<State>,
    /// Exit after this many changes
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,
    /// As JSON, one object a line
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(server: &Server, arguments: Arguments) -> Result<Report, CliError> {
    let request = WatchEventsRequest {
        event_name: arguments.name.unwrap_or_default(),
        state: arguments.state.map_or(EventState::Unspecified, Into::into).into(),
    };
    let error = |status| server.error(&status);
    let answer = server.operations().await?.watch_events(server.request(request)).await;
    let mut changes = answer.map_err(error)?.into_inner();
    let mut seen = 0;
    while arguments.limit.is_none_or(|limit| seen < limit) {
        let Some(change) = changes.message().await.map_err(error)? else {
            return Err(server.unreachable("it ended the stream; it may be stopping"));
        };
        let Some(event) = change.event else { continue };
        let line = if arguments.json { json_line(&event) } else { line(&event, Timestamp::now()) };
        // Each line is flushed at once: a program may be reading. A closed pipe ends the command.
        let mut out = std::io::stdout().lock();
        if writeln!(out, "{line}").and_then(|()| out.flush()).is_err() {
            break;
        }
        seen += 1;
    }
    Ok(Report::plain(String::new()))
}

/// When the change was seen, the event's new state, and the event's names.
fn line(event: &EventSummary, seen_at: Timestamp) -> String {
    let seen_at = Timestamp::from_second(seen_at.as_second()).unwrap_or(seen_at);
    format!(
        "{seen_at}  {:<12}  {}  {}  order {}  {}",
        state(event.state()),
        plain(&event.event_name),
        plain(&event.event_id),
        plain(&event.order_id),
        plain(&event.code),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_one_line() {
        let event = EventSummary {
            event_name: "Purchase".to_owned(),
            event_id: "purchase_KB-1".to_owned(),
            order_id: "KB-1\n".to_owned(),
            state: EventState::Delivered.into(),
            ..EventSummary::default()
        };
        let seen_at: Timestamp = "2025-11-24T04:32:11.75Z".parse().unwrap();
        assert_eq!(
            line(&event, seen_at),
            "2025-11-24T04:32:11Z  delivered     Purchase  purchase_KB-1  order KB-1\u{fffd}  -"
        );
        let json = json_line(&event);
        assert_eq!(json.lines().count(), 1);
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(json["state"], "EVENT_STATE_DELIVERED");
    }
}
