//! The sandbox's program: reads its settings, listens, and serves until it gets a signal to stop.

use std::io::Write as _;
use std::process::ExitCode;

use tandem_sandbox::config::Settings;
use tandem_sandbox::state::Sandbox;
use tandem_sandbox::{router, serve};
use tandem_settings::exit::{BAD_SETTINGS, REFUSED};
use tandem_settings::{Program, SettingError, Source, start_log};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

fn main() -> ExitCode {
    let unusable = |error: &SettingError| {
        eprintln!("tandem-sandbox: {error}");
        ExitCode::from(BAD_SETTINGS)
    };
    let source = match Source::from_process(Program::Sandbox) {
        Ok(source) => source,
        Err(error) => return unusable(&error),
    };
    let settings = match Settings::read(&source, std::env::args_os()) {
        Ok(settings) => settings,
        Err(error) if !error.use_stderr() => {
            // --help and --version
            let _ = error.print();
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            let text = error.to_string();
            let line = text.lines().next().unwrap_or("error: unusable settings");
            eprintln!("tandem-sandbox: {}", line.trim_start_matches("error: "));
            return ExitCode::from(BAD_SETTINGS);
        }
    };
    if let Err(error) = start_log(&source) {
        return unusable(&error);
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("tandem-sandbox: cannot start its threads: {error}");
            return ExitCode::from(REFUSED);
        }
    };
    let code = runtime.block_on(run(settings));
    // Connections that hang on purpose must not keep the process alive.
    runtime.shutdown_background();
    code
}

async fn run(settings: Settings) -> ExitCode {
    let listener = match TcpListener::bind(settings.addr).await {
        Ok(listener) => listener,
        Err(error) => {
            eprintln!("tandem-sandbox: cannot listen on {}: {error}", settings.addr);
            return ExitCode::from(REFUSED);
        }
    };
    let (Ok(address), Ok(mut terminate), Ok(mut interrupt)) =
        (listener.local_addr(), signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        eprintln!("tandem-sandbox: the system refused a listener or a signal handler");
        return ExitCode::from(REFUSED);
    };
    let router = router(Sandbox::new(settings));
    println!("tandem-sandbox ready http=http://{address}");
    let _ = std::io::stdout().flush();
    tracing::info!(%address, shop = %format!("http://{address}/shop/"), "sandbox is listening");

    serve::run(listener, router, async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
    .await;
    ExitCode::SUCCESS
}
