//! `tandem orders`: the history of each order, without personal data. `--json --all` exports all orders.

use clap::{Args, Subcommand};
use tandem_proto::v1::{GetOrderRequest, ListOrdersRequest};
use tonic::Code;

use super::order_view::{OrderDetailsJson, OrderJson, list_text, order_text};
use crate::error::CliError;
use crate::groups::Extent;
use crate::moment;
use crate::paging::{self, Page};
use crate::render::{json, plain};
use crate::report::Report;
use crate::server::Server;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: OrdersCommand,
}

#[derive(Debug, Subcommand)]
enum OrdersCommand {
    /// List orders, newest first; --since and --until mean the time of the last change
    List(ListArguments),
    /// Show one order: its payments, refunds, disputes and events
    Show(ShowArguments),
}

#[derive(Debug, Args)]
struct ListArguments {
    /// Only orders that were paid
    #[arg(long)]
    paid: bool,
    #[command(flatten)]
    extent: Extent,
    /// As a JSON array
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct ShowArguments {
    /// The shop's order ID
    order_id: String,
    /// As JSON
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(server: &Server, arguments: Arguments) -> Result<Report, CliError> {
    match arguments.command {
        OrdersCommand::List(arguments) => list(server, arguments).await,
        OrdersCommand::Show(arguments) => show(server, arguments).await,
    }
}

async fn list(server: &Server, arguments: ListArguments) -> Result<Report, CliError> {
    let request = ListOrdersRequest {
        paid_only: arguments.paid,
        updated_after: arguments.extent.since.map(moment::proto),
        updated_before: arguments.extent.until.map(moment::proto),
        ..ListOrdersRequest::default()
    };
    let limit = if arguments.extent.all { usize::MAX } else { arguments.extent.limit as usize };
    let client = server.operations().await?;
    let (orders, is_more) = paging::collect(limit, async |page_size, page_token| {
        let request = ListOrdersRequest { page_size, page_token, ..request.clone() };
        let answer = client.clone().list_orders(server.request(request)).await;
        let answer = answer.map_err(|status| server.error(&status))?.into_inner();
        Ok(Page { entries: answer.orders, next: answer.next_page_token })
    })
    .await?;
    Ok(Report::plain(if arguments.json {
        json(&orders.iter().map(OrderJson::of).collect::<Vec<_>>())
    } else {
        list_text(&orders, is_more)
    }))
}

async fn show(server: &Server, arguments: ShowArguments) -> Result<Report, CliError> {
    let request = GetOrderRequest { order_id: arguments.order_id };
    let answer = server.operations().await?.get_order(server.request(request)).await;
    let answer = answer.map_err(|status| match status.code() {
        Code::NotFound => CliError::NoSuchOrder(plain(status.message())),
        _ => server.error(&status),
    })?;
    let answer = answer.into_inner();
    let Some(order) = &answer.order else {
        return Err(CliError::ServerFailed("it answered without an order".to_owned()));
    };
    Ok(Report::plain(if arguments.json {
        json(&OrderDetailsJson::of(order, &answer.notes, &answer.events))
    } else {
        order_text(order, &answer.notes, &answer.events)
    }))
}
