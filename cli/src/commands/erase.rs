//! `tandem erase`: deletes everything stored about a person.

use std::io::Read as _;

use clap::Args;
use tandem_proto::v1::{ErasePersonRequest, ErasePersonResponse};

use crate::error::CliError;
use crate::progress;
use crate::render::{json, table};
use crate::report::Report;
use crate::server::Server;

/// Longest value read from standard input, in bytes.
const INPUT_MAX: u64 = 4096;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    person: Person,
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
    let request = ErasePersonRequest {
        email: value(arguments.person.email)?,
        phone: value(arguments.person.phone)?,
        external_id: value(arguments.person.external_id)?,
    };
    let mut client = server.long_operations().await?;
    let call = client.erase_person(server.request(request));
    let answer = progress::wait("looking through everything that is stored", call).await;
    let answer = answer.map_err(|status| server.error(&status))?.into_inner();
    Ok(Report::plain(if arguments.json {
        json(&serde_json::json!({ "events": answer.events, "orders": answer.orders }))
    } else {
        text(answer)
    }))
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

fn text(answer: ErasePersonResponse) -> String {
    if answer == ErasePersonResponse::default() {
        return "nothing is stored about this person".to_owned();
    }
    let row = |name: &str, count: u64| vec![name.to_owned(), count.to_string()];
    table(&[], [row("events erased", answer.events), row("orders erased", answer.orders)])
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
        assert_eq!(text(ErasePersonResponse { events: 3, orders: 1 }), "events erased  3\norders erased  1");
        assert_eq!(text(ErasePersonResponse::default()), "nothing is stored about this person");
    }
}
