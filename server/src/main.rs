//! `tandem-server`: reads arguments and settings, starts the log, then calls [`tandem_server::app::run`].

use std::process::ExitCode;

use clap::Parser;
use tandem_server::app;
use tandem_server::clock::Clock;
use tandem_server::config::{Settings, SettingsReview, Source, understood};
use tandem_settings::exit::{BAD_SETTINGS, REFUSED};
use tandem_settings::{Program, SettingError, check_log, help, start_log};

/// Receives conversion events over gRPC and gRPC-web, stores them, and delivers them to Meta.
#[derive(Parser)]
#[command(name = "tandem-server", version, after_help = after_help())]
struct Arguments {
    /// Check all settings, print each value and where it came from, and exit; opens neither ports nor the store
    #[arg(long)]
    check: bool,
}

fn after_help() -> String {
    let codes = "Exit codes: 0 stopped by a signal, 1 the system refused a port, file or other resource, 2 invalid settings";
    format!("{}\n\n{codes}", help(Program::Server))
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = if arguments.check { check() } else { start() };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err((code, line)) => {
            eprintln!("tandem-server: {line}");
            ExitCode::from(code)
        }
    }
}

/// The exit code of a failed start, and the line that says why.
type ExitError = (u8, String);

fn bad_settings(error: &SettingError) -> ExitError {
    (BAD_SETTINGS, error.to_string())
}

fn refused(what: &str, error: &dyn std::fmt::Display) -> ExitError {
    (REFUSED, format!("{what}: {error}"))
}

fn read() -> Result<(Source, Settings), SettingError> {
    let source = Source::from_process(Program::Server)?;
    let settings = Settings::read(&source)?;
    Ok((source, settings))
}

#[allow(clippy::print_stdout)] // This is what was asked for.
fn check() -> Result<(), ExitError> {
    let (source, settings) = read().map_err(|error| bad_settings(&error))?;
    check_log(&source).map_err(|error| bad_settings(&error))?;
    for unknown in source.unknown() {
        eprintln!("tandem-server: {unknown}");
    }
    for found in SettingsReview::of(&settings).findings() {
        eprintln!("tandem-server: {found}");
    }
    print!("{}", understood(&source, &settings));
    Ok(())
}

fn start() -> Result<(), ExitError> {
    let (source, settings) = read().map_err(|error| bad_settings(&error))?;
    start_log(&source).map_err(|error| bad_settings(&error))?;
    // Selects ring for all TLS of the process. An error only means that it is selected already.
    drop(rustls::crypto::ring::default_provider().install_default());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| refused("cannot start the runtime", &error))?;
    runtime.block_on(async {
        let signals = Signals::listen().map_err(|error| refused("cannot install signal handlers", &error))?;
        let ended = app::run(settings, Clock::system(), signals.wait()).await;
        ended.map_err(|error| (REFUSED, error.to_string()))
    })
}

/// "File size limit exceeded" (signal(7): 25 on every system that Tandem is built for except MIPS).
/// Its default action ends the process. Once it is handled, a write beyond the limit fails with
/// EFBIG instead, and the store treats that like a full disk.
const SIGXFSZ: i32 = 25;

/// SIGTERM and SIGINT.
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        // Listening once replaces the default action for the rest of the process.
        drop(signal(SignalKind::from_raw(SIGXFSZ))?);
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn wait(mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
