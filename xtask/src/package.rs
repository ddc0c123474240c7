//! The browser package: `web-client/` compiled to WebAssembly, bound to JavaScript in this very
//! process, and put into `web-client/pkg/`.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::command::{is_installed, step};
use crate::files::{Scratch, root};
use crate::webassembly::{bind, compile};
use crate::{normaliser, npm, size, skipped, wasm_target};

/// Stem of the bound files: `tandem_web.js`, `tandem_web_bg.wasm`.
const STEM: &str = "tandem_web";

/// The licences that the package is under, at the user's choice.
const LICENCES: [&str; 2] = ["LICENSE-MIT", "LICENSE-APACHE"];

/// What to build.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Shrink further with wasm-opt and esbuild, which come from npm
    #[arg(long)]
    release: bool,
    /// Print what a page loads, raw and compressed, and what takes the room; fail above the budget
    #[arg(long)]
    size: bool,
}

/// `cargo xtask wasm`.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    // What is measured is what is released.
    build(options.release || options.size)?;
    if options.size { size::report(&folder()) } else { Ok(()) }
}

/// Where the package is.
pub(crate) fn folder() -> PathBuf {
    root().join("web-client/pkg")
}

/// Builds the package; `release` shrinks it with tools from npm.
pub(crate) fn build(release: bool) -> anyhow::Result<()> {
    wasm_target::ensure_usable()?;
    let scratch = Scratch::new("pkg")?;
    step("browser package: compile", || compile("tandem-web"))?;
    step("browser package: bind", || bind(STEM, scratch.path(), release))?;
    normaliser::add(scratch.path(), release)?;
    let scripts =
        std::fs::read_dir(root().join("web-client/js"))?.map(|entry| entry.map(|entry| entry.path()));
    let licences = LICENCES.iter().map(|name| Ok(root().join(name)));
    for from in scripts.chain(licences) {
        let from: PathBuf = from?;
        let name = from.file_name().context("a file without a name")?;
        std::fs::copy(&from, scratch.path().join(name))
            .with_context(|| format!("copying {}", from.display()))?;
    }
    if release {
        step("browser package: wasm-opt and esbuild", || npm::shrink(scratch.path()))?;
    }
    publish(scratch.path(), &folder())
}

/// Builds the package as it is released, and fails when it has outgrown its budget. Without npm
/// it is built, but not measured.
pub(crate) fn build_and_measure() -> anyhow::Result<()> {
    let release = is_installed("npm");
    build(release)?;
    if release {
        return size::report(&folder());
    }
    skipped::skip("size of the browser package", "npm is not installed")
}

/// Puts finished files in place one by one, so that a page never sees a half-written one, and
/// removes what an earlier build left.
fn publish(from: &Path, to: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let (name, path) = (entry.file_name(), entry.path());
        if path.is_file() {
            let stage = to.join(format!(".{}.new", name.to_string_lossy()));
            std::fs::copy(&path, &stage)?;
            std::fs::rename(&stage, to.join(&name))?;
        }
    }
    for entry in std::fs::read_dir(to)? {
        let entry = entry?;
        if entry.file_type()?.is_file() && !from.join(entry.file_name()).exists() {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
