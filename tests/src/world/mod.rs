//! A world: sandbox, server and gateway of one test, in their own folder.

mod builder;
mod caller;
mod steps;
mod visitor;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use rustix::process::Signal;
use tempfile::TempDir;

pub use builder::WorldBuilder;
pub use caller::Caller;
pub use visitor::Visitor;

use crate::Sandbox;
use crate::metas_name::MetasName;
use crate::process::{Environment, Process};

/// How long a graceful stop may take: the promised 10 s, and the delay of a busy machine.
const STOP_LIMIT: Duration = Duration::from_secs(20);

/// The running programs of one test. When this is dropped, all of them are killed and removed. After a failure, or if
/// `TANDEM_TESTS_KEEP` is set, the folder stays and its path is printed.
#[derive(Debug)]
pub struct World {
    pub sandbox: Sandbox,
    /// Address of the server's gRPC port.
    pub grpc: String,
    /// Address of the server's HTTP port.
    pub http_url: String,
    /// Address of the gateway. Empty in a world without one.
    pub gateway: String,
    http: reqwest::Client,
    server_environment: Environment,
    gateway_environment: Environment,
    server: Option<Process>,
    gateway_process: Option<Process>,
    sandbox_process: Process,
    starts: u32,
    troubled: AtomicBool,
    /// Answers for Meta as long as the world exists.
    _metas_name: Option<MetasName>,
    folder: TempDir,
}

impl World {
    #[must_use]
    pub fn builder() -> WorldBuilder {
        WorldBuilder::default()
    }

    /// Starts a world with the default settings.
    ///
    /// # Errors
    /// When a program does not start.
    pub async fn start() -> anyhow::Result<Self> {
        Self::builder().start().await
    }

    #[must_use]
    pub fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The folder of the programs' logs.
    #[must_use]
    pub fn log_dir(&self) -> PathBuf {
        self.folder.path().join("logs")
    }

    /// Logs of the gateway and of every start of the server. They must contain no personal data.
    #[must_use]
    pub fn product_logs(&self) -> Vec<PathBuf> {
        let mut files = Vec::new();
        for entry in std::fs::read_dir(self.log_dir()).into_iter().flatten().flatten() {
            if !entry.file_name().to_string_lossy().starts_with("sandbox") {
                files.push(entry.path());
            }
        }
        files
    }

    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Keeps the folder when the world ends, because something was wrong.
    pub fn keep(&self) {
        self.troubled.store(true, Ordering::Relaxed);
    }

    /// Kills the server (SIGKILL), as a crash or an out-of-memory killer would.
    pub fn kill_server(&mut self) {
        if let Some(mut server) = self.server.take() {
            server.kill();
        }
    }

    /// Asks the server to stop (SIGTERM) and waits for exit code 0.
    ///
    /// # Errors
    /// When it does not stop in time, or its exit code is not 0.
    pub async fn stop_server(&mut self) -> anyhow::Result<()> {
        let mut server = self.server.take().context("the server is not running")?;
        server.signal(Signal::TERM)?;
        let status = server.ended(STOP_LIMIT).await?;
        ensure!(status.code() == Some(0), "the server ended with {status}\n{}", server.log_tail(20));
        Ok(())
    }

    /// Asks the gateway to stop (SIGTERM) and waits for exit code 0.
    ///
    /// # Errors
    /// When it does not stop in time, or its exit code is not 0.
    pub async fn stop_gateway(&mut self) -> anyhow::Result<()> {
        let mut gateway = self.gateway_process.take().context("the gateway is not running")?;
        gateway.signal(Signal::TERM)?;
        let status = gateway.ended(STOP_LIMIT).await?;
        ensure!(status.code() == Some(0), "the gateway ended with {status}\n{}", gateway.log_tail(20));
        Ok(())
    }

    /// Kills the gateway (SIGKILL).
    pub fn kill_gateway(&mut self) {
        if let Some(mut gateway) = self.gateway_process.take() {
            gateway.kill();
        }
    }

    /// Starts the gateway again at the same address. Kills it first if it is still running.
    ///
    /// # Errors
    /// When it does not become ready.
    pub async fn restart_gateway(&mut self) -> anyhow::Result<()> {
        self.kill_gateway();
        let address = self.gateway.split("://").last().unwrap_or_default().to_owned();
        self.gateway_environment.insert("TANDEM_GATEWAY_ADDR".to_owned(), address);
        self.starts += 1;
        let name = format!("gateway-{}", self.starts);
        let mut gateway =
            builder::start_program("tandem-gateway", &name, &self.log_dir(), &self.gateway_environment)?;
        gateway.ready().await?;
        self.gateway_process = Some(gateway);
        Ok(())
    }

    /// The gateway's process ID.
    ///
    /// # Errors
    /// When the gateway is not running.
    pub fn gateway_id(&self) -> anyhow::Result<u32> {
        Ok(self.gateway_process.as_ref().context("the gateway is not running")?.id())
    }

    /// Freezes the server (SIGSTOP): it keeps its connections and answers nothing.
    ///
    /// # Errors
    /// When the server is not running.
    pub fn freeze_server(&self) -> anyhow::Result<()> {
        self.server.as_ref().context("the server is not running")?.signal(Signal::STOP)
    }

    /// Continues a frozen server.
    ///
    /// # Errors
    /// When the server is not running.
    pub fn thaw_server(&self) -> anyhow::Result<()> {
        self.server.as_ref().context("the server is not running")?.signal(Signal::CONT)
    }

    /// Limits every file that the running server writes, including its log, to this size in bytes, as if the disk
    /// were full. `None` removes the limit.
    ///
    /// # Errors
    /// When the server is not running.
    pub fn limit_files(&self, bytes: Option<u64>) -> anyhow::Result<()> {
        use rustix::process::{Pid, Resource, Rlimit, prlimit};
        let server = self.server.as_ref().context("the server is not running")?;
        let id = Pid::from_raw(i32::try_from(server.id())?).context("a process has a number")?;
        // The system's maximum stays, so that this can remove the limit again.
        let limit = Rlimit { current: bytes, maximum: None };
        prlimit(Some(id), Resource::Fsize, limit).context("limiting the server's files")?;
        Ok(())
    }

    /// Whether the last started server is still running.
    ///
    /// # Errors
    /// When the system does not give its state.
    pub fn server_runs(&mut self) -> anyhow::Result<bool> {
        self.server.as_mut().map_or(Ok(false), Process::runs)
    }

    #[must_use]
    pub fn server_environment(&self) -> &Environment {
        &self.server_environment
    }

    /// Makes the server read its catalogue again (SIGHUP).
    ///
    /// # Errors
    /// When the server is not running.
    pub fn hang_up_server(&self) -> anyhow::Result<()> {
        self.server.as_ref().context("the server is not running")?.signal(Signal::HUP)
    }

    /// Limits the files that the running server may have open. `None` removes the limit.
    ///
    /// # Errors
    /// When the server is not running.
    pub fn limit_open_files(&self, count: Option<u64>) -> anyhow::Result<()> {
        use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
        let id = Pid::from_raw(i32::try_from(self.server_id()?)?).context("a process has a number")?;
        // The maximum stays, so that this can remove the limit again. The server has raised its own limit.
        let maximum = getrlimit(Resource::Nofile).maximum;
        let limit = Rlimit { current: count.or(maximum), maximum };
        prlimit(Some(id), Resource::Nofile, limit).context("limiting the server's open files")?;
        Ok(())
    }

    /// Starts the server again on the same data and the same ports. Kills it first if it is still running.
    ///
    /// # Errors
    /// When it does not become ready.
    pub async fn restart_server(&mut self) -> anyhow::Result<()> {
        self.restart_server_with(&[]).await
    }

    /// [`World::restart_server`] with changed settings.
    ///
    /// # Errors
    /// When it does not become ready.
    pub async fn restart_server_with(&mut self, settings: &[(&str, &str)]) -> anyhow::Result<()> {
        self.kill_server();
        for (name, value) in settings {
            self.server_environment.insert((*name).to_owned(), (*value).to_owned());
        }
        for (variable, url) in [("TANDEM_GRPC_ADDR", &self.grpc), ("TANDEM_HTTP_ADDR", &self.http_url)] {
            let address = url.split("://").last().unwrap_or_default().to_owned();
            self.server_environment.insert(variable.to_owned(), address);
        }
        self.starts += 1;
        let name = format!("server-{}", self.starts);
        let mut server =
            builder::start_program("tandem-server", &name, &self.log_dir(), &self.server_environment)?;
        server.ready().await?;
        self.server = Some(server);
        Ok(())
    }

    /// The server's process ID.
    ///
    /// # Errors
    /// When the server is not running.
    pub fn server_id(&self) -> anyhow::Result<u32> {
        Ok(self.server.as_ref().context("the server is not running")?.id())
    }

    /// The server's log since its last start.
    #[must_use]
    pub fn server_log(&self) -> String {
        self.server.as_ref().map(Process::logged).unwrap_or_default()
    }
}

impl World {
    /// The log lines in which the server or the gateway reports a panic.
    fn panics(&self) -> Vec<String> {
        let logs = self.product_logs().into_iter().filter_map(|file| std::fs::read_to_string(file).ok());
        logs.flat_map(|log| {
            let panics = log.lines().filter(|line| line.contains("panicked at"));
            panics.map(str::to_owned).collect::<Vec<_>>()
        })
        .collect()
    }
}

impl Drop for World {
    /// # Panics
    /// When the server or the gateway has panicked, even if the test did not check it.
    fn drop(&mut self) {
        let failing = std::thread::panicking();
        let panics = self.panics();
        let kept = std::env::var_os("TANDEM_TESTS_KEEP").is_some();
        if !failing && !self.troubled.load(Ordering::Relaxed) && !kept && panics.is_empty() {
            return;
        }
        self.folder.disable_cleanup(true);
        eprintln!("the world is kept in {}", self.folder.path().display());
        let programs = [self.server.as_ref(), self.gateway_process.as_ref(), Some(&self.sandbox_process)];
        for program in programs.into_iter().flatten() {
            let log = program.logged();
            let loud = |line: &&str| ["\"WARN\"", "\"ERROR\""].iter().any(|mark| line.contains(mark));
            let lines: Vec<&str> = log.lines().filter(loud).take(10).collect();
            if !lines.is_empty() {
                eprintln!("warnings and errors:\n{}", lines.join("\n"));
            }
        }
        assert!(failing || panics.is_empty(), "a program under test panicked: {panics:#?}");
    }
}
