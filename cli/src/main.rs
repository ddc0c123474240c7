//! `tandem`: the operator's tool over `OperationsService`.
//!
//! | module | contains |
//! |---|---|
//! | `arguments` | the command tree and its help |
//! | `settings` | where the server is, and the internal token |
//! | `server` | the connection |
//! | `error` | errors, their exit codes, and what to do |
//! | `commands` | one file or folder per command: call, then render |
//! | `groups` | arguments that several commands share |
//! | `report` | what a command prints, and its exit code |
//! | `moment` | times that an operator types |
//! | `paging` | lists that the server gives in pages |
//! | `progress` | long work: its progress line, and interruption |
//! | `render` | tables, times and figures as text |

mod arguments;
mod commands;
mod confirm;
mod error;
mod groups;
mod moment;
mod paging;
mod progress;
mod render;
mod report;
mod server;
mod settings;

use std::io::Write as _;
use std::process::ExitCode;

use arguments::{Arguments, Command};
use clap::Parser as _;
use error::CliError;
use report::Report;
use settings::Settings;
use tandem_settings::exit::BAD_SETTINGS;
use tandem_settings::{Program, Source, start_log};

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // clap reports help and version as errors too.
            let _ = error.print();
            return if error.use_stderr() { ExitCode::from(BAD_SETTINGS) } else { ExitCode::SUCCESS };
        }
    };
    match answer(arguments) {
        Ok(report) => {
            if !report.text.is_empty() {
                // A pipe that was closed early, as by `head`, is not an error.
                let _ = writeln!(std::io::stdout(), "{}", report.text.trim_end());
            }
            match report.error {
                Some(error) => failed(&error),
                None if report.is_bad => ExitCode::FAILURE,
                None => ExitCode::SUCCESS,
            }
        }
        Err(error) => failed(&error),
    }
}

fn failed(error: &CliError) -> ExitCode {
    eprintln!("tandem: {error}");
    ExitCode::from(error.exit_code())
}

fn answer(arguments: Arguments) -> Result<Report, CliError> {
    let source = Source::from_process(Program::Tool)?;
    start_log(&source)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| CliError::System(format!("a runtime: {error}")))?;
    runtime.block_on(async {
        let command = match arguments.command {
            // `lint` needs neither server nor token.
            Command::Lint(arguments) => return commands::lint::run(arguments).await,
            command => command,
        };
        let settings = Settings::read(&source, &arguments.connection)?;
        let server = server::Server::new(&settings)?;
        match command {
            Command::Health(arguments) => commands::health::run(&server, &arguments).await,
            Command::Doctor(arguments) => commands::doctor::run(&server, &settings, &arguments).await,
            Command::Events(arguments) => commands::events::run(&server, arguments).await,
            Command::Orders(arguments) => commands::orders::run(&server, arguments).await,
            Command::DeadLetters(arguments) => commands::dead_letters::run(&server, arguments).await,
            Command::Replay(arguments) => commands::dead_letters::replay::run(&server, arguments).await,
            Command::Pause(arguments) => commands::delivery::pause(&server, arguments).await,
            Command::Resume(arguments) => commands::delivery::resume(&server, arguments).await,
            Command::Clock(arguments) => commands::clock::run(&server, arguments).await,
            Command::Erase(arguments) => commands::erase::run(&server, arguments).await,
            Command::Lint(arguments) => commands::lint::run(arguments).await,
        }
    })
}
