//! Finds and builds the binaries under test.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Context as _, bail};

/// The programs and their packages.
const PROGRAMS: [(&str, &str); 4] = [
    ("tandem-server", "tandem-server"),
    ("tandem-gateway", "tandem-gateway"),
    ("tandem-sandbox", "tandem-sandbox"),
    ("tandem", "tandem-cli"),
];

#[must_use]
pub fn workspace_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_path_buf).unwrap_or_default()
}

/// Path of a program: `target/<profile>/`, the parent of the running test's folder. If a program is missing, builds
/// all programs once.
///
/// # Errors
/// When a program is missing and cannot be built.
pub fn program(name: &str) -> anyhow::Result<PathBuf> {
    static FOLDER: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| prepare().map_err(|error| format!("{error:#}")));
    match folder {
        Ok(folder) => Ok(folder.join(format!("{name}{}", std::env::consts::EXE_SUFFIX))),
        Err(error) => bail!("{error}"),
    }
}

fn prepare() -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe().context("the running program's own path")?;
    let mut folder = own.parent().context("a program lies in a folder")?.to_path_buf();
    if folder.ends_with("deps") {
        folder.pop();
    }
    let missing: Vec<&str> = PROGRAMS
        .iter()
        .filter(|(program, _)| !folder.join(format!("{program}{}", std::env::consts::EXE_SUFFIX)).exists())
        .map(|(_, package)| *package)
        .collect();
    if !missing.is_empty() {
        build(&folder, &missing)?;
    }
    Ok(folder)
}

fn build(folder: &Path, packages: &[&str]) -> anyhow::Result<()> {
    let profile = match folder.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(name) => name,
    };
    eprintln!("building {} first", packages.join(", "));
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(workspace_root()).args(["build", "--profile", profile]);
    for package in packages {
        cargo.args(["-p", package]);
    }
    let status = cargo.status().context("starting cargo")?;
    if !status.success() {
        bail!("building the programs under test failed ({status})");
    }
    Ok(())
}
