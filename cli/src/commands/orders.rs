//! `tandem orders`: what each order went through, without anybody's data. With `--json
//! --all` it is the export.

use clap::{Args, Subcommand};
use tandem_proto::v1::{GetOrderRequest, ListOrdersRequest, OrderSummary};
use tonic::Code;

use super::order_view::{OrderJson, ShownOrderJson, list_text, order_text};
use crate::failure::Failure;
use crate::groups::Extent;
use crate::moment;
use crate::render::{json, plain};
use crate::report::Report;
use crate::server::Server;

/// Most orders asked for in one call.
const PAGE_SIZE_MAX: u32 = 1000;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: OrdersCommand,
}

#[derive(Debug, Subcommand)]
enum OrdersCommand {
    /// Orders, those first heard of last first; times are those of their last change
    List(ListArguments),
    /// One order: its payments, refunds, disputes and events
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

pub(crate) async fn run(server: &Server, arguments: Arguments) -> Result<Report, Failure> {
    match arguments.command {
        OrdersCommand::List(arguments) => list(server, arguments).await,
        OrdersCommand::Show(arguments) => show(server, arguments).await,
    }
}

async fn list(server: &Server, arguments: ListArguments) -> Result<Report, Failure> {
    let mut request = ListOrdersRequest {
        paid_only: arguments.paid,
        updated_after: arguments.extent.since.map(moment::proto),
        updated_before: arguments.extent.until.map(moment::proto),
        ..ListOrdersRequest::default()
    };
    let mut client = server.operations().await?;
    let mut orders: Vec<OrderSummary> = Vec::new();
    let limit = if arguments.extent.all { usize::MAX } else { arguments.extent.limit as usize };
    let is_more = loop {
        let missing = u32::try_from(limit.saturating_sub(orders.len())).unwrap_or(u32::MAX);
        request.page_size = missing.min(PAGE_SIZE_MAX);
        let answer = client.list_orders(server.request(request.clone())).await;
        let answer = answer.map_err(|status| server.failure(&status))?.into_inner();
        // A server that gives nothing and promises more would keep us here for ever.
        let is_empty = answer.orders.is_empty();
        orders.extend(answer.orders);
        if orders.len() >= limit || is_empty || answer.next_page_token.is_empty() {
            break !answer.next_page_token.is_empty();
        }
        request.page_token = answer.next_page_token;
    };
    orders.truncate(limit);
    Ok(Report::plain(if arguments.json {
        json(&orders.iter().map(OrderJson::of).collect::<Vec<_>>())
    } else {
        list_text(&orders, is_more)
    }))
}

async fn show(server: &Server, arguments: ShowArguments) -> Result<Report, Failure> {
    let request = GetOrderRequest { order_id: arguments.order_id };
    let answer = server.operations().await?.get_order(server.request(request)).await;
    let answer = answer.map_err(|status| match status.code() {
        Code::NotFound => Failure::NoSuchOrder(plain(status.message())),
        _ => server.failure(&status),
    })?;
    let answer = answer.into_inner();
    let Some(order) = &answer.order else {
        return Err(Failure::ServerFailed("it answered without an order".to_owned()));
    };
    Ok(Report::plain(if arguments.json {
        json(&ShownOrderJson::of(order, &answer.notes, &answer.events))
    } else {
        order_text(order, &answer.notes, &answer.events)
    }))
}
