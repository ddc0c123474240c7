//! Builds the browser package: compiles `web-client/` to WebAssembly, binds it to JavaScript in this process, and puts
//! the result into `web-client/pkg/`.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::command::{is_installed, step};
use crate::files::{Scratch, root};
use crate::webassembly::{bind, compile};
use crate::{normaliser, npm, size, skipped, wasm_target};

/// Stem of the bound files: `tandem_web.js`, `tandem_web_bg.wasm`.
const STEM: &str = "tandem_web";

/// Licence files that the package contains.
const LICENCES: [&str; 2] = ["LICENSE-MIT", "LICENSE-APACHE"];

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Shrink further with wasm-opt and esbuild, which come from npm
    #[arg(long)]
    pub(crate) release: bool,
    /// Print the size of each file, raw and compressed, and of the module's parts; fail above the budget
    #[arg(long)]
    pub(crate) size: bool,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    // Sizes are those of the release build.
    build(options.release || options.size)?;
    if options.size { size::report(&folder()) } else { Ok(()) }
}

pub(crate) fn folder() -> PathBuf {
    root().join("web-client/pkg")
}

/// Builds the package. `release` shrinks it with tools from npm.
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

/// Makes the release build and fails if it is above its budget. Without npm, makes the other build and measures nothing.
pub(crate) fn build_and_measure() -> anyhow::Result<()> {
    let release = is_installed("npm");
    build(release)?;
    if release {
        return size::report(&folder());
    }
    skipped::skip("size of the browser package", "npm is not installed")
}

/// Moves finished files into place one by one, so that a page never reads a half-written file. A file that has not
/// changed stays as it is, so that the server, which embeds it, is not built again. Removes the files of earlier builds.
fn publish(from: &Path, to: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let (name, path) = (entry.file_name(), entry.path());
        if path.is_file() && std::fs::read(to.join(&name)).ok() != Some(std::fs::read(&path)?) {
            let stage = to.join(format!(".{}.new", name.to_string_lossy()));
            std::fs::copy(&path, &stage)?;
            std::fs::rename(&stage, to.join(&name))?;
        }
    }
    for entry in std::fs::read_dir(to)? {
        let entry = entry?;
        // Git has an empty file there, so that the folder exists before the first build.
        let is_gits = entry.file_name() == ".gitkeep";
        if entry.file_type()?.is_file() && !is_gits && !from.join(entry.file_name()).exists() {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
