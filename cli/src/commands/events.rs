//! `tandem events`: accepted events and their delivery.

use std::io::{IsTerminal as _, Write as _};

use clap::{Args, Subcommand};
use tandem_proto::stubs::operations_service_client::OperationsServiceClient;
use tandem_proto::v1::{EventState, EventSummary, GetEventRequest, ListEventsRequest};
use tonic::transport::Channel;

use super::event_state::State;
use super::event_view::{EventDetailsJson, EventJson, event_text, json_line, list_text, rows_text};
use super::watch;
use crate::error::CliError;
use crate::groups::Extent;
use crate::moment;
use crate::paging::{self, Page};
use crate::progress::Line;
use crate::render::json;
use crate::report::Report;
use crate::server::Server;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: EventsCommand,
}

#[derive(Debug, Subcommand)]
enum EventsCommand {
    /// List events, newest first; --since and --until mean the time of acceptance
    List(ListArguments),
    /// Show one event with its delivery attempts
    Show(ShowArguments),
    /// Print a line for each new or changed event, until interrupted
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
    /// The event's name, when several events share the ID
    #[arg(long)]
    name: Option<String>,
    /// The event's pixel, when several events share the ID
    #[arg(long, value_name = "PIXEL_ID")]
    pixel: Option<String>,
    /// As JSON
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(server: &Server, arguments: Arguments) -> Result<Report, CliError> {
    match arguments.command {
        EventsCommand::List(arguments) => list(server, arguments).await,
        EventsCommand::Show(arguments) => show(server, arguments).await,
        EventsCommand::Watch(arguments) => watch::run(server, arguments).await,
    }
}

async fn list(server: &Server, arguments: ListArguments) -> Result<Report, CliError> {
    let request = ListEventsRequest {
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
    let limit = usize::try_from(arguments.extent.limit).unwrap_or(usize::MAX);
    let client = server.operations().await?;
    let (events, is_more) = paging::collect(limit, async |page_size, page_token| {
        fetch(server, &client, ListEventsRequest { page_size, page_token, ..request.clone() }).await
    })
    .await?;
    Ok(Report::plain(if arguments.json {
        json(&events.iter().map(EventJson::of).collect::<Vec<_>>())
    } else {
        list_text(&events, is_more)
    }))
}

/// Prints page after page, so that a million events need no memory.
async fn list_all(server: &Server, request: ListEventsRequest, as_json: bool) -> Result<Report, CliError> {
    // On a terminal, a progress line would mix with the events.
    let mut line = (!std::io::stdout().is_terminal()).then(Line::new);
    let mut listed: u64 = 0;
    let print = |events: Vec<EventSummary>| {
        let text = match (as_json, listed) {
            (true, _) => events.iter().map(json_line).collect::<Vec<_>>().join("\n"),
            (false, 0) => list_text(&events, false),
            // Each page has its own column widths. Only the first page prints the header.
            (false, _) => rows_text(&events).split_once('\n').map_or("", |(_, rows)| rows).to_owned(),
        };
        // A pipe that was closed early, as by `head`, is not an error.
        let is_read = text.is_empty() || writeln!(std::io::stdout(), "{text}").is_ok();
        listed += events.len() as u64;
        line.iter_mut().for_each(|line| line.count("listed", listed));
        is_read
    };
    let client = server.operations().await?;
    let fetch = async |page_size, page_token| {
        fetch(server, &client, ListEventsRequest { page_size, page_token, ..request.clone() }).await
    };
    paging::each_page(usize::MAX, fetch, print).await?;
    line.iter_mut().for_each(Line::clear);
    Ok(Report::plain(String::new()))
}

async fn fetch(
    server: &Server,
    client: &OperationsServiceClient<Channel>,
    request: ListEventsRequest,
) -> Result<Page<EventSummary>, CliError> {
    let answer = client.clone().list_events(server.request(request)).await;
    let answer = answer.map_err(|status| server.error(&status))?.into_inner();
    Ok(Page { entries: answer.events, next: answer.next_page_token })
}

async fn show(server: &Server, arguments: ShowArguments) -> Result<Report, CliError> {
    let request = GetEventRequest {
        event_id: arguments.event_id,
        event_name: arguments.name.unwrap_or_default(),
        pixel_id: arguments.pixel.unwrap_or_default(),
    };
    let answer = server.operations().await?.get_event(server.request(request)).await;
    let answer = answer.map_err(|status| server.error(&status))?.into_inner();
    let Some(event) = &answer.event else {
        return Err(CliError::ServerFailed("it answered without an event".to_owned()));
    };
    Ok(Report::plain(if arguments.json {
        json(&EventDetailsJson::of(event, &answer.attempts))
    } else {
        event_text(event, &answer.attempts)
    }))
}
