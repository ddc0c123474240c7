//! `tandem lint`: finds what breaks tracking in a shop's pages. It needs no server and no token.

use std::io::IsTerminal as _;
use std::path::PathBuf;

use clap::Args;
use tandem_lint::{Code, Finding, Severity, Shop, Style};
use url::Url;

use crate::error::CliError;
use crate::report::Report;

const NOTES: &str = "\
A comment `tandem-lint: allow(CODE)` in a page hides findings of that code on its own line and on the next.
Exit codes: 0 no findings, 1 findings, 2 a page cannot be read. docs/lint.md explains every code";

/// What to check, and how to report it.
#[derive(Debug, Args)]
#[command(after_help = NOTES)]
pub(crate) struct Arguments {
    /// Pages, scripts, folders, or addresses of pages (their scripts from the same origin are checked too)
    #[arg(required = true, value_name = "PATH|URL")]
    what: Vec<String>,
    /// One line of JSON for each finding: code, severity, file, line, column, message, help
    #[arg(long)]
    json: bool,
    /// Leave out findings of this code; `warnings` leaves out all warnings
    #[arg(long, value_name = "CODE", value_delimiter = ',', value_parser = allowance)]
    allow: Vec<Allowance>,
}

/// One value of `--allow`.
#[derive(Debug, Clone, Copy)]
enum Allowance {
    Code(Code),
    Warnings,
}

fn allowance(text: &str) -> Result<Allowance, String> {
    if text == "warnings" {
        return Ok(Allowance::Warnings);
    }
    Code::parse(text).map(Allowance::Code).ok_or_else(|| {
        let codes: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
        format!("there is no such code; there are: {}, and warnings", codes.join(", "))
    })
}

pub(crate) async fn run(arguments: Arguments) -> Result<Report, CliError> {
    let mut allowed = Vec::new();
    for allowance in &arguments.allow {
        match allowance {
            Allowance::Code(code) => allowed.push(*code),
            Allowance::Warnings => {
                allowed.extend(Code::ALL.iter().filter(|code| code.severity() == Severity::Warning));
            }
        }
    }
    let (addresses, paths): (Vec<&String>, Vec<&String>) =
        arguments.what.iter().partition(|what| what.starts_with("http://") || what.starts_with("https://"));

    // All paths together are one shop, since pages load scripts from other folders. So are all addresses of one host.
    let mut shops = Vec::new();
    if !paths.is_empty() {
        let paths: Vec<PathBuf> = paths.into_iter().map(PathBuf::from).collect();
        shops.push(tandem_lint::read(&paths).map_err(|error| CliError::Setting(error.to_string()))?);
    }
    let mut hosts: Vec<Vec<Url>> = Vec::new();
    for address in addresses {
        let url = Url::parse(address).map_err(|error| {
            CliError::Setting(format!("{address} is not an address: {error}; write https://…"))
        })?;
        match hosts.iter_mut().find(|urls| urls.first().is_some_and(|first| first.host() == url.host())) {
            Some(urls) => urls.push(url),
            None => hosts.push(vec![url]),
        }
    }
    for urls in hosts {
        shops.push(tandem_lint::fetch(&urls).await.map_err(|error| CliError::Setting(error.to_string()))?);
    }
    let checked: Vec<(Shop, Vec<Finding>)> = shops
        .into_iter()
        .map(|shop| {
            let findings = tandem_lint::check(&shop, &allowed);
            (shop, findings)
        })
        .collect();
    let is_bad = checked.iter().any(|(_, findings)| !findings.is_empty());
    let text = if arguments.json { json(&checked) } else { text(&checked) };
    Ok(Report { text, is_bad, error: None })
}

fn json(checked: &[(Shop, Vec<Finding>)]) -> String {
    checked.iter().flat_map(|(_, findings)| findings).map(Finding::json).collect::<Vec<_>>().join("\n")
}

fn text(checked: &[(Shop, Vec<Finding>)]) -> String {
    let style = if has_colours() { Style::Coloured } else { Style::Plain };
    let shown = checked.iter().map(|(shop, findings)| {
        tandem_lint::render(shop, findings, style) + &tandem_lint::summary(shop, findings)
    });
    shown.collect::<Vec<_>>().join("\n")
}

/// Colours are used on a terminal, unless `NO_COLOR` is set (<https://no-color.org>).
fn has_colours() -> bool {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    std::io::stdout().is_terminal()
        && !is_set("NO_COLOR")
        && std::env::var_os("TERM").is_none_or(|terminal| terminal != "dumb")
}
