//! `tandem-server`: arguments, settings, tracing, then [`tandem_server::app::run`].

use std::process::ExitCode;

use clap::Parser;
use tandem_server::app;
use tandem_server::clock::Clock;
use tandem_server::config::{Settings, Source, understood};
use tandem_settings::exit::{BAD_SETTINGS, REFUSED};
use tandem_settings::{Program, SettingError, check_log, help, start_log};

/// Takes conversion events durably over gRPC and gRPC-web, and delivers them to Meta.
#[derive(Parser)]
#[command(name = "tandem-server", version, after_help = after_help())]
struct Arguments {
    /// Check all settings, print what was understood and from where, and end: opens no port and no store
    #[arg(long)]
    check: bool,
}

fn after_help() -> String {
    let codes = "Exit codes: 0 stopped by a signal, 1 the system refuses something, 2 unusable settings";
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

/// The exit code and the line of a start that failed.
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
    print!("{}", understood(&source, &settings));
    Ok(())
}

fn start() -> Result<(), ExitError> {
    let (source, settings) = read().map_err(|error| bad_settings(&error))?;
    start_log(&source).map_err(|error| bad_settings(&error))?;
    // The one TLS implementation of the process; a second call would be a mistake of ours.
    drop(rustls::crypto::ring::default_provider().install_default());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| refused("the runtime cannot be started", &error))?;
    runtime.block_on(async {
        let signals = Signals::listen().map_err(|error| refused("signals cannot be heard", &error))?;
        let ended = app::run(settings, Clock::system(), signals.wait()).await;
        ended.map_err(|error| (REFUSED, error.to_string()))
    })
}

/// "File size limit exceeded" (signal(7): 25 on every system that Tandem is built for but MIPS).
/// Its default action ends the process; a write beyond the limit then fails with EFBIG instead,
/// which is treated as a full disk.
const SIGXFSZ: i32 = 25;

/// SIGTERM and SIGINT.
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        // Once somebody has listened, the default action is gone for good.
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
