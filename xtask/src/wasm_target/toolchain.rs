//! The Rust toolchain that is in use.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, ensure};

use crate::command::capture;
use crate::files::root;

pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

/// A toolchain's folder and version.
#[derive(Debug)]
pub(super) struct Toolchain {
    pub(super) sysroot: PathBuf,
    /// For example `1.95.0`.
    pub(super) release: String,
    /// Commit of the compiler, as hex digits.
    pub(super) commit: String,
}

impl Toolchain {
    /// The toolchain that rust-toolchain.toml (or `RUSTUP_TOOLCHAIN`) selects.
    pub(super) fn active() -> anyhow::Result<Self> {
        let ask = |arguments: &[&str]| -> anyhow::Result<String> {
            let mut rustc = Command::new("rustc");
            let output = capture(rustc.current_dir(root()).args(arguments), Duration::from_secs(300))?;
            ensure!(output.is_success, "running rustc: {}", output.error_line());
            Ok(output.text)
        };
        let sysroot = ask(&["--print", "sysroot"])?;
        let sysroot = sysroot.lines().last().context("rustc prints no sysroot")?;
        let about = ask(&["-vV"])?;
        let field = |name: &str| {
            let line = about.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
            line.map(str::to_owned).with_context(|| format!("rustc -vV prints no {name}"))
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

    /// Name of the toolchain for rustup: the name of its folder.
    pub(super) fn name(&self) -> String {
        self.sysroot.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }

    /// The toolchain's compiler, without the flags that the caller's environment sets.
    pub(super) fn rustc(&self) -> Command {
        self.program("rustc")
    }

    /// The toolchain's cargo, without the flags that the caller's environment sets.
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
