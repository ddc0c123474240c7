//! The Rust toolchain that is in use.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, ensure};

use crate::command::capture;
use crate::files::root;

/// The target.
pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

/// A toolchain: its folder and what its compiler says of itself.
#[derive(Debug)]
pub(super) struct Toolchain {
    pub(super) sysroot: PathBuf,
    /// For example `1.95.0`.
    pub(super) release: String,
    /// Commit of the compiler, as hex digits.
    pub(super) commit: String,
}

impl Toolchain {
    /// The one that rust-toolchain.toml (or `RUSTUP_TOOLCHAIN`) selects.
    pub(super) fn active() -> anyhow::Result<Self> {
        let ask = |arguments: &[&str]| -> anyhow::Result<String> {
            let mut rustc = Command::new("rustc");
            let said = capture(rustc.current_dir(root()).args(arguments), Duration::from_secs(300))?;
            ensure!(said.ok, "rustc does not run: {}", said.gist());
            Ok(said.text)
        };
        let sysroot = ask(&["--print", "sysroot"])?;
        let sysroot = sysroot.lines().last().context("rustc names no sysroot")?;
        let about = ask(&["-vV"])?;
        let field = |name: &str| {
            let line = about.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
            line.map(str::to_owned).with_context(|| format!("rustc -vV says no {name}"))
        };
        Ok(Self {
            sysroot: PathBuf::from(sysroot),
            release: field("release")?,
            commit: field("commit-hash")?,
        })
    }

    pub(super) fn rustlib(&self) -> PathBuf {
        self.sysroot.join("lib/rustlib")
    }

    /// Where the target's libraries belong.
    pub(super) fn target_folder(&self) -> PathBuf {
        self.rustlib().join(TARGET)
    }

    /// Its name for rustup: the name of its folder.
    pub(super) fn name(&self) -> String {
        self.sysroot.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }

    /// Its compiler, free of what the caller's environment would make it do.
    pub(super) fn rustc(&self) -> Command {
        self.program("rustc")
    }

    /// Its cargo, likewise.
    pub(super) fn cargo(&self) -> Command {
        self.program("cargo")
    }

    fn program(&self, name: &str) -> Command {
        let own = self.sysroot.join("bin").join(name);
        let mut command = Command::new(if own.is_file() { own } else { PathBuf::from(name) });
        for (variable, _) in std::env::vars_os() {
            let name = variable.to_string_lossy();
            let ours = name.starts_with("CARGO") && name != "CARGO_HOME";
            if ours || name.starts_with("RUSTFLAGS") || name.starts_with("RUSTC") {
                command.env_remove(&variable);
            }
        }
        command
    }
}
