//! Running other programs, with progress and time limits.

use std::fs::File;
use std::io::Read as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, bail};

use crate::files::Scratch;

/// Does the work and prints how long it took.
pub(crate) fn step<T>(what: &str, work: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<T> {
    eprintln!("==> {what}");
    let started = Instant::now();
    let outcome = work();
    let result = if outcome.is_ok() { "done" } else { "FAILED" };
    eprintln!("    {result}: {what} ({:.1} s)", started.elapsed().as_secs_f64());
    outcome
}

/// Runs a program that shares our standard output and error. Its failure is an error.
pub(crate) fn run(command: &mut Command) -> anyhow::Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let status = command.status().with_context(|| format!("starting {name}"))?;
    if !status.success() {
        bail!("{} ended with {status}", shown(command));
    }
    Ok(())
}

/// Cargo's commands that know no `--locked` of their own: the first resolves nothing, the second passes it on.
const WITHOUT_LOCKED: [&str; 2] = ["fmt", "auditable"];

/// A command of the cargo that runs xtask, in the workspace's root. It takes the versions of `Cargo.lock` and no others.
pub(crate) fn cargo(verb: &str) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(crate::files::root()).arg(verb);
    if !WITHOUT_LOCKED.contains(&verb) {
        command.arg("--locked");
    }
    command
}

/// What a program wrote to standard output and standard error, and whether it succeeded.
#[derive(Debug)]
pub(crate) struct ProgramOutput {
    pub(crate) is_success: bool,
    pub(crate) text: String,
}

impl ProgramOutput {
    /// The first line that is marked as an error, else the last line.
    pub(crate) fn error_line(&self) -> &str {
        let mut lines = self.text.lines().map(str::trim).filter(|line| !line.is_empty());
        let is_error = |line: &&str| line.starts_with("error") || line.starts_with("E:");
        lines.clone().find(is_error).or_else(|| lines.next_back()).unwrap_or("no output")
    }
}

/// Runs a program for at most `limit` and returns its output instead of showing it.
pub(crate) fn capture(command: &mut Command, limit: Duration) -> anyhow::Result<ProgramOutput> {
    let name = shown(command);
    let scratch = Scratch::new("output")?;
    let path = scratch.path().join("out");
    let out = File::create(&path)?;
    command.stdin(Stdio::null()).stdout(out.try_clone()?).stderr(out);
    let mut child = command.spawn().with_context(|| format!("starting {name}"))?;
    let deadline = Instant::now() + limit;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if Instant::now() > deadline {
            child.kill()?;
            child.wait()?;
            bail!("{name} did not finish within {} s", limit.as_secs());
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    let mut bytes = Vec::new();
    File::open(&path)?.read_to_end(&mut bytes)?;
    Ok(ProgramOutput { is_success: status.success(), text: String::from_utf8_lossy(&bytes).into_owned() })
}

pub(crate) fn is_installed(name: &str) -> bool {
    find(&[name]).is_some()
}

/// The first of these programs on the PATH.
pub(crate) fn find(names: &[&str]) -> Option<std::path::PathBuf> {
    let path = std::env::var_os("PATH")?;
    let folders: Vec<_> = std::env::split_paths(&path).collect();
    names
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)))
        .find(|candidate| candidate.is_file())
}

fn shown(command: &Command) -> String {
    let mut text = command.get_program().to_string_lossy().into_owned();
    for argument in command.get_args() {
        text.push(' ');
        text.push_str(&argument.to_string_lossy());
    }
    text
}

/// The path of a program. The error names a missing one.
pub(crate) fn needed(name: &str) -> anyhow::Result<PathBuf> {
    find(&[name]).ok_or_else(|| anyhow!("{name} is not installed"))
}
