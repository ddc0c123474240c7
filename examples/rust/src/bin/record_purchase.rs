//! Reports to Tandem that an order was paid. A shop's own service does this after a payment that Cashfree does not
//! report: by another provider or at the counter.

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use tandem_examples::pause_before_retry;
use tandem_proto::stubs::tracking_service_client::TrackingServiceClient;
use tandem_proto::v1::{CustomData, Money, RecordPurchaseRequest, RecordPurchaseResponse, User};
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};
use tonic_types::StatusExt as _;

/// Time limit of one call. RecordPurchase with the token waits only for the disk.
const CALL_TIMEOUT: Duration = Duration::from_secs(5);

/// Reports to Tandem that an order was paid.
#[derive(Parser)]
struct Arguments {
    /// The shop's order ID; one order makes one Purchase, however often it is reported
    order_id: String,
    /// The paid amount as decimal text: 1499.00
    amount: String,
    /// Currency of the amount, ISO 4217
    #[arg(long, default_value = "INR")]
    currency: String,
    /// The buyer's e-mail address; the server hashes it before it stores anything
    #[arg(long)]
    email: Option<String>,
    /// Where the sale happened: physical_store, phone_call, … (default: a website)
    #[arg(long, default_value = "")]
    action_source: String,
    /// Number of tries
    #[arg(long, default_value_t = 5)]
    attempts: u32,
    /// Address of the Tandem server
    #[arg(long, env = "TANDEM_SERVER_URL", default_value = "http://127.0.0.1:50051")]
    server_url: String,
    /// One of the server's internal tokens, which makes the call the shop's report and not a page's claim
    #[arg(long, env = "TANDEM_INTERNAL_TOKEN", hide_env_values = true)]
    token: String,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let endpoint = Endpoint::from_shared(arguments.server_url.clone());
    let authorization = format!("Bearer {}", arguments.token).parse::<MetadataValue<Ascii>>();
    let (Ok(endpoint), Ok(authorization)) = (endpoint, authorization) else {
        eprintln!("the server's URL or the token cannot be used");
        return ExitCode::from(2);
    };
    // The client connects with the first call, and again after the server was unreachable.
    let mut client = TrackingServiceClient::new(endpoint.timeout(CALL_TIMEOUT).connect_lazy());
    let fact = RecordPurchaseRequest {
        order_id: arguments.order_id,
        action_source: arguments.action_source,
        user: Some(User { email: arguments.email, ..User::default() }),
        custom_data: Some(CustomData {
            value: Some(Money { amount: arguments.amount, currency_code: arguments.currency }),
            ..CustomData::default()
        }),
        ..RecordPurchaseRequest::default()
    };
    let mut retries = 0;
    loop {
        let status = match record(&mut client, &fact, &authorization).await {
            Ok(answer) => {
                let again = if answer.duplicate { ", which it was before" } else { "" };
                println!("{} is {}{again}", answer.event_id, answer.state().as_str_name());
                return ExitCode::SUCCESS;
            }
            Err(status) => status,
        };
        match pause_before_retry(&status, retries) {
            Some(pause) if retries + 1 < arguments.attempts => {
                eprintln!("not accepted ({}); next try in {} ms", status.code(), pause.as_millis());
                tokio::time::sleep(pause).await;
                retries += 1;
            }
            _ => return give_up(&status),
        }
    }
}

async fn record(
    client: &mut TrackingServiceClient<Channel>,
    fact: &RecordPurchaseRequest,
    authorization: &MetadataValue<Ascii>,
) -> Result<RecordPurchaseResponse, Status> {
    let mut request = Request::new(fact.clone());
    request.metadata_mut().insert("authorization", authorization.clone());
    client.record_purchase(request).await.map(tonic::Response::into_inner)
}

/// Prints what went wrong, and returns the exit code.
fn give_up(status: &Status) -> ExitCode {
    match status.code() {
        Code::FailedPrecondition => {
            // Two systems disagree about the amount. Only a person can decide which is right.
            eprintln!("a person has to look: {}", status.message());
            ExitCode::from(1)
        }
        Code::InvalidArgument => {
            let fields = status.get_details_bad_request().map(|details| details.field_violations);
            for fault in fields.unwrap_or_default() {
                eprintln!("{} {}", fault.field, fault.description);
            }
            ExitCode::from(2)
        }
        Code::Unauthenticated => {
            eprintln!("the token is not one of the server's (TANDEM_INTERNAL_TOKEN)");
            ExitCode::from(2)
        }
        code => {
            // Keep the report and send it later.
            eprintln!("gave up for now: {code}: {}", status.message());
            ExitCode::from(3)
        }
    }
}
