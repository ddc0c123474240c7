//! A running program. It has a clean environment, writes its logs to files, and ends when it is dropped.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail};

use crate::wait::{PATIENCE, eventually_within};

pub type Environment = BTreeMap<String, String>;

/// Prefixes of the developer's variables that must not reach a program under test.
const FOREIGN: [&str; 5] = ["TANDEM_", "FACEBOOK_", "META_", "CASHFREE_", "RUST_LOG"];
/// Proxy settings, which would divert calls between programs on the loopback.
const PROXIES: [&str; 8] = [
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
];

/// A running program. Killed when dropped.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    out: PathBuf,
    log: PathBuf,
}

/// The result of a program that ended by itself.
#[derive(Debug)]
pub struct Ended {
    /// Exit code. `None` if a signal ended the program.
    pub code: Option<i32>,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub log: String,
}

/// A command without the developer's own settings and proxies.
#[must_use]
pub fn clean_command(program: &Path) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        if FOREIGN.iter().any(|prefix| name.starts_with(prefix)) || PROXIES.contains(&name.as_str()) {
            command.env_remove(&name);
        }
    }
    command.stdin(Stdio::null());
    command
}

impl Process {
    /// Starts `program`; its output goes to `<folder>/<name>.out` and `<folder>/<name>.log`.
    ///
    /// # Errors
    /// When the program does not start or the files cannot be opened.
    pub fn start(
        program: &Path,
        name: &str,
        folder: &Path,
        environment: &Environment,
        arguments: &[&str],
    ) -> anyhow::Result<Self> {
        let out = folder.join(format!("{name}.out"));
        let log = folder.join(format!("{name}.log"));
        let child = clean_command(program)
            .args(arguments)
            .envs(environment)
            .current_dir(folder)
            .stdout(Stdio::from(File::create(&out)?))
            .stderr(Stdio::from(File::create(&log)?))
            .spawn()
            .with_context(|| format!("starting {}", program.display()))?;
        Ok(Self { name: name.to_owned(), child, out, log })
    }

    /// Runs a program to its end, for at most [`PATIENCE`].
    ///
    /// # Errors
    /// When it cannot be started or does not end.
    pub async fn run(
        program: &Path,
        folder: &Path,
        environment: &Environment,
        arguments: &[&str],
    ) -> anyhow::Result<Ended> {
        let name = format!("run-{}", uuid::Uuid::new_v4());
        let mut process = Self::start(program, &name, folder, environment, arguments)?;
        let status = process.ended(PATIENCE).await?;
        Ok(Ended { code: status.code(), out: read(&process.out), log: read(&process.log) })
    }

    /// Waits for the line `<program> ready key=url …`. Returns the keys and addresses.
    ///
    /// # Errors
    /// When the program ends or prints no such line in time. The message contains the end of its log.
    pub async fn ready(&mut self) -> anyhow::Result<BTreeMap<String, String>> {
        let what = format!("{} to be ready", self.name);
        let found = eventually_within(PATIENCE, what, async || {
            let said = read(&self.out);
            if let Some(line) = said.lines().find(|line| line.contains(" ready ")) {
                let pairs = line.split_whitespace().filter_map(|word| word.split_once('='));
                return Ok(Some(Ok(pairs.map(|(key, url)| (key.to_owned(), url.to_owned())).collect())));
            }
            match self.child.try_wait()? {
                Some(status) => Ok(Some(Err(status))),
                None => Ok(None),
            }
        })
        .await;
        match found {
            Ok(Ok(addresses)) => Ok(addresses),
            Ok(Err(status)) => {
                bail!("{} ended ({status}) before it was ready:\n{}", self.name, self.log_tail(20))
            }
            Err(error) => Err(error.context(self.log_tail(20))),
        }
    }

    /// The process ID.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether the program is still running.
    ///
    /// # Errors
    /// When the system does not give its state.
    pub fn runs(&mut self) -> anyhow::Result<bool> {
        Ok(self.child.try_wait()?.is_none())
    }

    /// Sends a signal.
    ///
    /// # Errors
    /// When the program has ended.
    pub fn signal(&self, signal: rustix::process::Signal) -> anyhow::Result<()> {
        let id = i32::try_from(self.child.id())?;
        let id = rustix::process::Pid::from_raw(id).context("a process has a number")?;
        rustix::process::kill_process(id, signal).with_context(|| format!("signalling {}", self.name))
    }

    /// Waits until the program has ended.
    ///
    /// # Errors
    /// When it is still running after `limit`.
    pub async fn ended(&mut self, limit: Duration) -> anyhow::Result<ExitStatus> {
        let what = format!("{} to end", self.name);
        let ended = eventually_within(limit, what, async || Ok(self.child.try_wait()?)).await;
        ended.map_err(|error| error.context(self.log_tail(20)))
    }

    /// Kills the program (SIGKILL) and waits for its end.
    pub fn kill(&mut self) {
        // The program may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Everything the program logged.
    #[must_use]
    pub fn logged(&self) -> String {
        read(&self.log)
    }

    /// The last lines of the log.
    #[must_use]
    pub fn log_tail(&self, lines: usize) -> String {
        let log = self.logged();
        let tail: Vec<&str> = log.lines().rev().take(lines).collect();
        let tail: Vec<&str> = tail.into_iter().rev().collect();
        format!("end of {}'s log ({}):\n{}", self.name, self.log.display(), tail.join("\n"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

fn read(path: &Path) -> String {
    String::from_utf8_lossy(&std::fs::read(path).unwrap_or_default()).into_owned()
}
