//! The browser package: `web-client/` compiled to WebAssembly, bound to JavaScript in this very
//! process, and put into `web-client/pkg/`.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use wasm_bindgen_cli_support::Bindgen;

use crate::command::{cargo, is_installed, run as run_command, step};
use crate::files::{Scratch, root, target};
use crate::wasm_target::TARGET;
use crate::{normaliser, npm, size, wasm_target};

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
    eprintln!("    npm is not installed: the release build's size is not measured");
    Ok(())
}

/// Compiles one of the package's crates to WebAssembly.
pub(crate) fn compile(name: &str) -> anyhow::Result<()> {
    let mut build = cargo();
    build.args(["build", "--package", name, "--lib", "--target", TARGET, "--profile", "wasm"]);
    // Paths of this machine stay out of the package's panic messages.
    let cargo_home = std::env::home_dir().unwrap_or_default().join(".cargo");
    let cargo_home = std::env::var_os("CARGO_HOME").map_or(cargo_home, PathBuf::from);
    let flags: Vec<String> = [cargo_home.join("registry/src").as_path(), root()]
        .iter()
        .map(|folder| format!("'--remap-path-prefix={}='", folder.display()))
        // SHA-256 as a loop: slower, and a third of the code.
        .chain(["'--cfg=sha2_backend_soft=\"compact\"'".to_owned()])
        .collect();
    build.arg("--config").arg(format!("target.{TARGET}.rustflags=[{}]", flags.join(",")));
    run_command(&mut build)
}

/// Binds a compiled crate to JavaScript: `{stem}.js` and `{stem}_bg.wasm` in `out`.
pub(crate) fn bind(stem: &str, out: &Path, has_names: bool) -> anyhow::Result<()> {
    let input = target().join(TARGET).join("wasm").join(format!("{stem}.wasm"));
    let mut bindgen = Bindgen::new();
    bindgen
        .input_path(&input)
        .out_name(stem)
        .web(true)
        .and_then(|bindgen| {
            bindgen
                .typescript(false)
                .omit_default_module_path(false)
                .remove_name_section(!has_names)
                .remove_producers_section(true)
                .generate(out)
        })
        .map_err(|error| anyhow!("binding {}: {error:#}", input.display()))
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
