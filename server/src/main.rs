//! `tandem-server`: arguments, settings, tracing, then [`tandem_server::app::run`].

use std::io::IsTerminal as _;
use std::process::ExitCode;

use clap::Parser;
use tandem_server::app;
use tandem_server::clock::Clock;
use tandem_server::config::{Settings, Source};

/// Takes conversion events durably over gRPC and gRPC-web, and delivers them to Meta.
///
/// Settings come from the environment, then from the TOML file that TANDEM_CONFIG names,
/// then from defaults. See the README for all of them.
#[derive(Parser)]
#[command(name = "tandem-server", version)]
struct Arguments {}

fn main() -> ExitCode {
    let Arguments {} = Arguments::parse();
    match start() {
        Ok(()) => ExitCode::SUCCESS,
        Err((code, line)) => {
            eprintln!("tandem-server: {line}");
            ExitCode::from(code)
        }
    }
}

/// Exit code of a start that failed because of its settings.
const BAD_SETTINGS: u8 = 2;

fn start() -> Result<(), (u8, String)> {
    let bad = |fault: &dyn std::fmt::Display| (BAD_SETTINGS, fault.to_string());
    let source = Source::from_process().map_err(|fault| bad(&fault))?;
    let settings = Settings::read(&source).map_err(|fault| bad(&fault))?;
    let filter = tracing_subscriber::EnvFilter::try_new(&settings.log).map_err(|_| {
        (BAD_SETTINGS, "TANDEM_LOG: must be a tracing filter such as info or tandem_server=debug".to_owned())
    })?;
    // A line that cannot be logged (the disk with the log is full) is lost: to complain of it on the
    // same stderr would panic.
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .log_internal_errors(false);
    if std::io::stderr().is_terminal() {
        log.init();
    } else {
        log.json().init();
    }
    // The one TLS implementation of the process; a second call would be a mistake of ours.
    drop(rustls::crypto::ring::default_provider().install_default());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|fault| (1, format!("the runtime cannot be started: {fault}")))?;
    runtime.block_on(async {
        let signals = Signals::listen().map_err(|fault| (1, format!("signals cannot be heard: {fault}")))?;
        app::run(settings, Clock::system(), signals.wait()).await.map_err(|fault| bad(&fault))
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
