//! The gateway's program: reads its settings, listens, and serves until it is told to stop.

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;

use clap::Parser;
use tandem_gateway::settings::{SettingProblem, Settings, Variables};
use tandem_gateway::{Limits, run};
use tandem_settings::raise_file_limit;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::Directive;

/// Exit code for settings that cannot be used.
const BAD_CONFIGURATION: u8 = 2;

/// Libraries whose finer logs show headers and addresses of strangers.
const QUIET_LIBRARIES: [&str; 6] = ["h2", "hyper", "hyper_util", "tonic", "tower", "rustls"];

/// Takes payment webhooks over HTTP and hands them, byte for byte, to the Tandem server.
/// Answers 200 only when the server has made the outcome durable.
#[derive(Debug, Parser)]
#[command(name = "tandem-gateway", version, about, after_help = SETTINGS)]
struct Arguments {
    /// Allow the internal token to travel over plain http to another machine
    #[arg(long)]
    insecure: bool,
}

const SETTINGS: &str = "\
Settings (environment, or the TOML file TANDEM_CONFIG with keys in lower case without TANDEM_):
  TANDEM_GATEWAY_ADDR         address to listen on [127.0.0.1:8080]
  TANDEM_SERVER_URL           the Tandem server [http://127.0.0.1:50051]
  TANDEM_INTERNAL_TOKEN       token for the server's internal calls; of a list, the first
  TANDEM_INTERNAL_TOKEN_FILE  file that holds it [TANDEM_DATA_DIR/internal-token]
  TANDEM_DATA_DIR             the server's data directory [./data]
  TANDEM_TLS_CA               CA of the server's certificate, PEM [the system's]
  TANDEM_TLS_CLIENT_CERT      certificate to show to the server, PEM; makes the token needless
  TANDEM_TLS_CLIENT_KEY       its key
  CASHFREE_ALLOWED_ADDRESSES  networks that may send webhooks, comma-separated [any]
  TANDEM_TRUSTED_PROXIES      networks of proxies whose X-Forwarded-For counts [none]
  TANDEM_LOG                  filter of the log on standard error [info]

Routes: POST /webhooks/cashfree, GET /livez, GET /readyz
Exit codes: 0 stopped by a signal, 1 cannot run, 2 unusable settings";

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
            return ExitCode::from(BAD_CONFIGURATION);
        }
    };
    let settings = match settings(arguments.insecure) {
        Ok(settings) => settings,
        Err(problem) => {
            eprintln!("tandem-gateway: {problem}");
            return ExitCode::from(BAD_CONFIGURATION);
        }
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("tandem-gateway: cannot start its threads: {error}");
            return ExitCode::FAILURE;
        }
    };
    let code = runtime.block_on(listen(settings));
    // What did not finish in time ends now.
    runtime.shutdown_background();
    code
}

/// Reads the settings and starts the log that they ask for.
fn settings(insecure: bool) -> Result<Settings, SettingProblem> {
    let mut variables = Variables::new();
    for (name, value) in std::env::vars_os() {
        if let (Ok(name), Ok(value)) = (name.into_string(), value.into_string()) {
            variables.insert(name, value);
        }
    }
    let settings = Settings::read(variables, insecure)?;
    start_log(&settings.log).map_err(|what| SettingProblem::new("TANDEM_LOG", what))?;
    Ok(settings)
}

fn start_log(filter: &str) -> Result<(), String> {
    let unusable = |_| format!("{filter:?} is not a filter such as info or tandem_gateway=debug");
    let mut filter = EnvFilter::builder().parse(filter).map_err(unusable)?;
    for library in QUIET_LIBRARIES {
        let directive: Result<Directive, _> = format!("{library}=info").parse();
        filter = filter.add_directive(directive.map_err(|_| "cannot be completed".to_owned())?);
    }
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if std::io::stderr().is_terminal() {
        builder.init();
    } else {
        builder.json().init();
    }
    Ok(())
}

async fn listen(settings: Settings) -> ExitCode {
    let listener = match TcpListener::bind(settings.addr).await {
        Ok(listener) => listener,
        Err(error) => {
            eprintln!("tandem-gateway: cannot listen on {}: {error}", settings.addr);
            return ExitCode::FAILURE;
        }
    };
    let (Ok(address), Ok(mut terminate), Ok(mut interrupt)) =
        (listener.local_addr(), signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        eprintln!("tandem-gateway: the system refuses a listener or a signal handler");
        return ExitCode::FAILURE;
    };
    println!("tandem-gateway ready http=http://{address}");
    let _ = std::io::stdout().flush();
    run(listener, settings, Limits::for_files(raise_file_limit()), async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping: finishing open requests");
    })
    .await;
    ExitCode::SUCCESS
}
