//! `tandem erase`: deletes everything stored about a person.

use std::io::Read as _;

use clap::Args;
use tandem_proto::v1::{ErasePersonRequest, ErasePersonResponse};

use crate::confirm;
use crate::error::CliError;
use crate::progress;
use crate::render::{json, table};
use crate::report::Report;
use crate::server::Server;

/// The operator types this word to confirm.
const WORD: &str = "erase";

/// Longest value read from standard input, in bytes.
const INPUT_MAX: u64 = 4096;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    person: Person,
    /// Do not ask for confirmation
    #[arg(long, short)]
    yes: bool,
    /// Only count what would be erased
    #[arg(long, conflicts_with = "yes")]
    dry_run: bool,
    /// The counts as JSON
    #[arg(long)]
    json: bool,
}

/// Exactly one of these names the person.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Person {
    /// By e-mail address; - reads it from standard input, which keeps it out of the shell's history
    #[arg(long, value_name = "ADDRESS|-")]
    email: Option<String>,
    /// By telephone number; - reads it from standard input
    #[arg(long, value_name = "NUMBER|-", allow_hyphen_values = true)]
    phone: Option<String>,
    /// By the shop's own ID of the person; - reads it from standard input
    #[arg(long, value_name = "ID|-")]
    external_id: Option<String>,
}

pub(crate) async fn run(server: &Server, arguments: Arguments) -> Result<Report, CliError> {
    let value = |given: Option<String>| given.map(|value| read(value, std::io::stdin())).transpose();
    let asks = !arguments.yes && !arguments.dry_run;
    if asks && !confirm::can_ask() {
        // Also where the value itself comes from standard input.
        let text = "nothing was erased: without a terminal, confirm with --yes; --dry-run only counts";
        return Err(CliError::Setting(text.to_owned()));
    }
    let request = ErasePersonRequest {
        email: value(arguments.person.email)?,
        phone: value(arguments.person.phone)?,
        external_id: value(arguments.person.external_id)?,
        dry_run: arguments.dry_run,
    };
    if asks {
        let found = call(server, ErasePersonRequest { dry_run: true, ..request.clone() }).await?;
        if found != ErasePersonResponse::default() {
            let ErasePersonResponse { events, orders, .. } = found;
            let what = format!(
                "This erases the person from {events} events and {orders} orders for good; what waits of them is never sent."
            );
            confirm::ask(&what, WORD, "nothing was erased").await?;
        }
    }
    let answer = call(server, request).await?;
    Ok(Report::plain(if arguments.json {
        json(&serde_json::json!({
            "events": answer.events,
            "orders": answer.orders,
            "leaves_traces": answer.leaves_traces,
        }))
    } else {
        text(answer, arguments.dry_run)
    }))
}

async fn call(server: &Server, request: ErasePersonRequest) -> Result<ErasePersonResponse, CliError> {
    let mut client = server.long_operations().await?;
    let call = client.erase_person(server.request(request));
    let answer = progress::wait("looking through everything that is stored", call).await;
    Ok(answer.map_err(|status| server.error(&status))?.into_inner())
}

/// Returns the value, or for `-` the one line of `input`. Error texts never contain the value.
fn read(given: String, input: impl std::io::Read) -> Result<String, CliError> {
    if given != "-" {
        return Ok(given);
    }
    let error = |what: &str| CliError::Setting(format!("standard input {what}"));
    let mut text = String::new();
    input.take(INPUT_MAX + 1).read_to_string(&mut text).map_err(|_| error("cannot be read as UTF-8 text"))?;
    if text.len() as u64 > INPUT_MAX {
        return Err(error(&format!("is longer than {INPUT_MAX} bytes; give one value")));
    }
    match text.trim() {
        "" => Err(error("is empty; give the value on one line")),
        line if line.contains('\n') => Err(error("has several lines; give one person at a time")),
        line => Ok(line.to_owned()),
    }
}

fn text(answer: ErasePersonResponse, is_dry_run: bool) -> String {
    if answer == ErasePersonResponse::default() {
        return "nothing is stored about this person".to_owned();
    }
    let row = |name: &str, count: u64| vec![name.to_owned(), count.to_string()];
    let names = match is_dry_run {
        true => ["events to erase", "orders to erase"],
        false => ["events erased", "orders erased"],
    };
    let mut text = table(&[], [row(names[0], answer.events), row(names[1], answer.orders)]);
    if is_dry_run {
        text.push_str("\n\nnothing was changed; without --dry-run they are erased");
    }
    if answer.leaves_traces {
        text.push_str(
            "\n\nthe store's files may still hold traces: run the same command again when the server is less busy\n\
             (docs/operating.md, erasing a person)",
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_comes_from_the_flag_or_from_one_line() {
        let read = |given: &str, input: &str| {
            read(given.to_owned(), input.as_bytes()).map_err(|error| error.to_string())
        };
        assert_eq!(read("a@example.com", "unread").as_deref(), Ok("a@example.com"));
        assert_eq!(read("-", "a@example.com\r\n").as_deref(), Ok("a@example.com"));
        for (input, says) in
            [("", "empty"), (" \n", "empty"), ("a@x.example\nb@x.example\n", "several lines")]
        {
            let error = read("-", input).unwrap_err();
            assert!(error.contains(says) && !error.contains("x.example"), "{error}");
        }
        assert!(read("-", &"a".repeat(5000)).unwrap_err().contains("4096 bytes"));
    }

    #[test]
    fn counts_or_a_plain_nothing() {
        let found = ErasePersonResponse { events: 3, orders: 1, leaves_traces: false };
        assert_eq!(text(found, false), "events erased  3\norders erased  1");
        assert!(
            text(found, true).starts_with("events to erase  3\norders to erase  1\n\nnothing was changed")
        );
        assert_eq!(text(ErasePersonResponse::default(), true), "nothing is stored about this person");
        let traces = ErasePersonResponse { leaves_traces: true, ..Default::default() };
        assert!(text(traces, false).contains("run the same command again"));
    }
}
