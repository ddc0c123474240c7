//! The gateway's program: reads its settings, listens, and serves until a signal stops it.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser;
use tandem_gateway::settings::Settings;
use tandem_gateway::{Limits, run};
use tandem_settings::exit::{BAD_SETTINGS, REFUSED};
use tandem_settings::{Program, SettingError, Source, help, raise_file_limit, start_log};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// Receives payment webhooks over HTTP and forwards them, byte for byte, to the Tandem server.
/// Answers 200 only after the server has stored the outcome.
#[derive(Debug, Parser)]
#[command(name = "tandem-gateway", version, about, after_help = after_help())]
struct Arguments {
    /// Allow sending the internal token over plain http to another machine
    #[arg(long)]
    insecure: bool,
}

fn after_help() -> String {
    let rest = "Routes: POST /webhooks/cashfree, GET /livez, GET /readyz, GET /metrics\n\
                Exit codes: 0 stopped by a signal, 1 the system refused a port or other resource, 2 invalid settings";
    format!("{}\n\n{rest}", help(Program::Gateway))
}

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) if !error.use_stderr() => {
            // --help and --version
            let _ = error.print();
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            let text = error.to_string();
            let line = text.lines().next().unwrap_or("unusable arguments");
            eprintln!("tandem-gateway: {}; see --help", line.trim_start_matches("error: "));
            return ExitCode::from(BAD_SETTINGS);
        }
    };
    let settings = match settings(arguments.insecure) {
        Ok(settings) => settings,
        Err(error) => {
            eprintln!("tandem-gateway: {error}");
            return ExitCode::from(BAD_SETTINGS);
        }
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("tandem-gateway: cannot start the runtime: {error}");
            return ExitCode::from(REFUSED);
        }
    };
    let code = runtime.block_on(listen(settings));
    // Tasks that did not finish in time end now.
    runtime.shutdown_background();
    code
}

/// Reads the settings and starts the log that they ask for.
fn settings(insecure: bool) -> Result<Settings, SettingError> {
    let source = Source::from_process(Program::Gateway)?;
    let settings = Settings::read(&source, insecure)?;
    start_log(&source)?;
    if let Err(why) = settings.token.authorization()
        && !settings.server.is_shown_a_certificate()
    {
        tracing::warn!(
            "no internal token: {why}; webhooks get 503 until there is one, which the gateway notices by itself"
        );
    }
    Ok(settings)
}

async fn listen(settings: Settings) -> ExitCode {
    let listener = match TcpListener::bind(settings.addr).await {
        Ok(listener) => listener,
        Err(error) => {
            eprintln!("tandem-gateway: cannot listen on {}: {error}", settings.addr);
            return ExitCode::from(REFUSED);
        }
    };
    let (Ok(address), Ok(mut terminate), Ok(mut interrupt)) =
        (listener.local_addr(), signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        eprintln!("tandem-gateway: cannot install signal handlers");
        return ExitCode::from(REFUSED);
    };
    println!("tandem-gateway ready http=http://{address}");
    let _ = std::io::stdout().flush();
    run(listener, settings, Limits::for_files(raise_file_limit()), async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping: open requests finish");
    })
    .await;
    ExitCode::SUCCESS
}
