//! `tandem clock`: whether the server trusts its time, and an operator's word on it.

use clap::{Args, Subcommand};
use serde::Serialize;
use tandem_proto::v1::{ConfirmClockRequest, GetClockRequest, GetClockResponse};

use crate::error::CliError;
use crate::render::{age, json, json_time, plain, table, time};
use crate::report::Report;
use crate::server::Server;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Say that the server's time is right: giving up and deleting by age go on
    Confirm,
}

pub(crate) async fn run(server: &Server, arguments: Arguments) -> Result<Report, CliError> {
    let mut client = server.operations().await?;
    if let Some(Command::Confirm) = arguments.command {
        let answer = client.confirm_clock(server.request(ConfirmClockRequest {})).await;
        let answer = answer.map_err(|status| server.error(&status))?.into_inner();
        let at = time(answer.server_time.as_ref());
        return Ok(Report::plain(if arguments.json {
            json(
                &serde_json::json!({ "server_time": json_time(answer.server_time.as_ref()), "was_trusted": answer.was_trusted }),
            )
        } else if answer.was_trusted {
            format!("{at} was trusted already")
        } else {
            format!("{at} is trusted now; what waited for it goes on")
        }));
    }
    let answer = client.get_clock(server.request(GetClockRequest {})).await;
    let clock = answer.map_err(|status| server.error(&status))?.into_inner();
    Ok(Report::plain(if arguments.json { json(&ClockJson::of(&clock)) } else { text(&clock) }))
}

#[derive(Serialize)]
struct ClockJson<'a> {
    server_time: Option<String>,
    running_seconds: u64,
    trusted: bool,
    doubt: Option<&'a str>,
    ahead_seconds: i64,
    steady_seconds: u64,
    trusted_in_seconds: Option<u64>,
    waiting: u32,
}

impl<'a> ClockJson<'a> {
    fn of(clock: &'a GetClockResponse) -> Self {
        Self {
            server_time: json_time(clock.server_time.as_ref()),
            running_seconds: clock.running_seconds,
            trusted: clock.trusted,
            doubt: Some(clock.doubt.as_str()).filter(|doubt| !doubt.is_empty()),
            ahead_seconds: clock.ahead_seconds,
            steady_seconds: clock.steady_seconds,
            trusted_in_seconds: clock.trusted_in_seconds,
            waiting: clock.waiting,
        }
    }
}

fn text(clock: &GetClockResponse) -> String {
    let row = |name: &str, value: String| vec![name.to_owned(), value];
    let mut rows = vec![
        row("server's time", time(clock.server_time.as_ref())),
        row("trusted", if clock.trusted { "yes" } else { "no" }.to_owned()),
    ];
    if !clock.trusted {
        rows.push(row("why not", why(clock)));
        rows.push(row(
            "waits for it",
            format!("{} events that look too old, and every deletion", clock.waiting),
        ));
        rows.push(row("trusted in", clock.trusted_in_seconds.map_or_else(|| "-".to_owned(), age)));
    }
    rows.push(row("not set for", age(clock.steady_seconds)));
    rows.push(row("running time", age(clock.running_seconds)));
    let table = table(&[], rows);
    if clock.trusted {
        return table;
    }
    format!("{table}\n\nset the machine's time if it is wrong; `tandem clock confirm` if it is right")
}

fn why(clock: &GetClockResponse) -> String {
    let side = if clock.ahead_seconds > 0 { "ahead of" } else { "behind" };
    let by = format!("{} {side}", age(clock.ahead_seconds.unsigned_abs()));
    match clock.doubt.as_str() {
        "jumped" => format!("it was set while the server ran, and is {by} what it was"),
        "implausible" => format!("at the start it was {by} what the store remembers"),
        "meta_disagrees" => format!("it is {by} Meta's"),
        other => plain(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_doubt_says_why_and_what_waits_and_what_to_do() {
        let clock = GetClockResponse {
            server_time: Some(prost_types::Timestamp { seconds: 1_763_942_400, nanos: 0 }),
            running_seconds: 1_000,
            trusted: false,
            doubt: "jumped".to_owned(),
            ahead_seconds: 3_600,
            steady_seconds: 60,
            trusted_in_seconds: Some(1_000),
            waiting: 3,
        };
        let text = text(&clock);
        for says in
            ["1 h 0 min ahead of what it was", "3 events that look too old", "tandem clock confirm", "no"]
        {
            assert!(text.contains(says), "{text}");
        }
        let trusted = GetClockResponse { trusted: true, doubt: String::new(), ..clock };
        assert!(!super::text(&trusted).contains("confirm"));
        assert_eq!(serde_json::to_value(ClockJson::of(&trusted)).unwrap()["doubt"], serde_json::Value::Null);
    }
}
