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
    if std::io::stderr().is_terminal() {
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    } else {
        tracing_subscriber::fmt().json().with_env_filter(filter).with_writer(std::io::stderr).init();
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

/// SIGTERM and SIGINT.
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn wait(mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
