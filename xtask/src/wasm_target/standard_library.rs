//! Builds the standard library for the target from its source, with the toolchain in use.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, ensure};

use super::toolchain::{TARGET, Toolchain};
use crate::command::capture;

/// Unpacks `package` in `folder`, builds, and returns the folder with the libraries.
pub(super) fn build(toolchain: &Toolchain, package: &Path, folder: &Path) -> anyhow::Result<PathBuf> {
    let tree = folder.join("tree");
    let mut unpack = Command::new("dpkg-deb");
    let output = capture(unpack.arg("-x").arg(package).arg(&tree), Duration::from_secs(120))?;
    ensure!(output.is_success, "unpacking: {}", output.error_line());
    let source = std::fs::read_dir(tree.join("usr/src"))?
        .flatten()
        .map(|entry| entry.path().join("library"))
        .find(|library| library.is_dir())
        .context("the package has no library folder")?;

    // The compiler's own build uses these flags. Unstable parts stay marked as unstable. Fat LTO needs the bitcode.
    // The libraries must not contain paths of this machine.
    let flags = format!(
        "-Zforce-unstable-if-unmarked -Cembed-bitcode=yes --remap-path-prefix={}=/rustc/{}/library",
        source.display(),
        toolchain.commit
    );
    let target_dir = folder.join("build");
    let mut cargo = toolchain.cargo();
    cargo
        .current_dir(&source)
        .env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTC", toolchain.sysroot.join("bin/rustc"))
        .env("__CARGO_DEFAULT_LIB_METADATA", "tandem")
        .env("RUSTFLAGS", flags)
        .args(["build", "--locked", "--release", "--package", "sysroot", "--target", TARGET])
        .args(["--features", "compiler-builtins-mem", "--target-dir"])
        .arg(&target_dir);
    let output = capture(&mut cargo, Duration::from_secs(1200))?;
    ensure!(
        output.is_success,
        "building: {}",
        output.text.lines().rev().take(15).collect::<Vec<_>>().join("\n")
    );
    Ok(target_dir.join(TARGET).join("release/deps"))
}
