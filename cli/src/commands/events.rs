//! `tandem events`: what was accepted, and what became of it.

use std::io::{IsTerminal as _, Write as _};

use clap::{Args, Subcommand};
use tandem_proto::v1::{EventState, EventSummary, GetEventRequest, ListEventsRequest};

use super::event_state::State;
use super::event_view::{EventJson, ShownEventJson, event_text, json_line, list_text, rows_text};
use super::watch;
use crate::failure::Failure;
use crate::groups::Extent;
use crate::moment;
use crate::progress::Line;
use crate::render::json;
use crate::report::Report;
use crate::server::Server;

/// Most events asked for in one call.
const PAGE_SIZE_MAX: u32 = 1000;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: EventsCommand,
}

#[derive(Debug, Subcommand)]
enum EventsCommand {
    /// Events, newest first; times are those of their acceptance
    List(ListArguments),
    /// One event with its delivery attempts
    Show(ShowArguments),
    /// Events as they are accepted and as they change, a line each, until interrupted
    Watch(watch::Arguments),
}

#[derive(Debug, Args)]
struct ListArguments {
    /// Only events of this name, e.g. Purchase
    #[arg(long)]
    name: Option<String>,
    /// Only events in this state
    #[arg(long, value_enum)]
    state: Option<State>,
    /// Only events of this order
    #[arg(long, value_name = "ORDER_ID")]
    order: Option<String>,
    /// Only events for this pixel
    #[arg(long, value_name = "PIXEL_ID")]
    pixel: Option<String>,
    #[command(flatten)]
    extent: Extent,
    /// As a JSON array; with --all, one object a line
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct ShowArguments {
    /// The event's ID
    event_id: String,
    /// Its name, when several events share the ID
    #[arg(long)]
    name: Option<String>,
    /// Its pixel, likewise
    #[arg(long, value_name = "PIXEL_ID")]
    pixel: Option<String>,
    /// As JSON
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(server: &Server, arguments: Arguments) -> Result<Report, Failure> {
    match arguments.command {
        EventsCommand::List(arguments) => list(server, arguments).await,
        EventsCommand::Show(arguments) => show(server, arguments).await,
        EventsCommand::Watch(arguments) => watch::run(server, arguments).await,
    }
}

async fn list(server: &Server, arguments: ListArguments) -> Result<Report, Failure> {
    let mut request = ListEventsRequest {
        event_name: arguments.name.unwrap_or_default(),
        state: arguments.state.map_or(EventState::Unspecified, Into::into).into(),
        order_id: arguments.order.unwrap_or_default(),
        pixel_id: arguments.pixel.unwrap_or_default(),
        received_after: arguments.extent.since.map(moment::proto),
        received_before: arguments.extent.until.map(moment::proto),
        ..ListEventsRequest::default()
    };
    if arguments.extent.all {
        return list_all(server, request, arguments.json).await;
    }
    let mut client = server.operations().await?;
    let mut events: Vec<EventSummary> = Vec::new();
    let limit = usize::try_from(arguments.extent.limit).unwrap_or(usize::MAX);
    let is_more = loop {
        let missing = u32::try_from(limit.saturating_sub(events.len())).unwrap_or(u32::MAX);
        request.page_size = missing.min(PAGE_SIZE_MAX);
        let answer = client.list_events(server.request(request.clone())).await;
        let answer = answer.map_err(|status| server.failure(&status))?.into_inner();
        // A server that gives nothing and promises more would keep us here for ever.
        let is_empty = answer.events.is_empty();
        events.extend(answer.events);
        if events.len() >= limit || is_empty || answer.next_page_token.is_empty() {
            break !answer.next_page_token.is_empty();
        }
        request.page_token = answer.next_page_token;
    };
    events.truncate(limit);
    Ok(Report::plain(if arguments.json {
        json(&events.iter().map(EventJson::of).collect::<Vec<_>>())
    } else {
        list_text(&events, is_more)
    }))
}

/// Prints page after page, so that a million events need no memory.
async fn list_all(server: &Server, mut request: ListEventsRequest, as_json: bool) -> Result<Report, Failure> {
    let mut client = server.operations().await?;
    // Who sees the events themselves needs no count of them.
    let mut line = (!std::io::stdout().is_terminal()).then(Line::new);
    let mut listed: u64 = 0;
    request.page_size = PAGE_SIZE_MAX;
    loop {
        let answer = client.list_events(server.request(request.clone())).await;
        let answer = answer.map_err(|status| server.failure(&status))?.into_inner();
        let text = match (as_json, listed) {
            (true, _) => answer.events.iter().map(json_line).collect::<Vec<_>>().join("\n"),
            (false, 0) => list_text(&answer.events, false),
            // The columns are as wide as each page needs; the header stands once.
            (false, _) => rows_text(&answer.events).split_once('\n').map_or("", |(_, rows)| rows).to_owned(),
        };
        // A pipe that was closed early, as by `head`, is no failure of ours.
        let is_read = text.is_empty() || writeln!(std::io::stdout(), "{text}").is_ok();
        listed += answer.events.len() as u64;
        line.iter_mut().for_each(|line| line.count("listed", listed));
        if !is_read || answer.events.is_empty() || answer.next_page_token.is_empty() {
            break;
        }
        request.page_token = answer.next_page_token;
    }
    line.iter_mut().for_each(Line::clear);
    Ok(Report::plain(String::new()))
}

async fn show(server: &Server, arguments: ShowArguments) -> Result<Report, Failure> {
    let request = GetEventRequest {
        event_id: arguments.event_id,
        event_name: arguments.name.unwrap_or_default(),
        pixel_id: arguments.pixel.unwrap_or_default(),
    };
    let answer = server.operations().await?.get_event(server.request(request)).await;
    let answer = answer.map_err(|status| server.failure(&status))?.into_inner();
    let Some(event) = &answer.event else {
        return Err(Failure::ServerFailed("it answered without an event".to_owned()));
    };
    Ok(Report::plain(if arguments.json {
        json(&ShownEventJson::of(event, &answer.attempts))
    } else {
        event_text(event, &answer.attempts)
    }))
}
