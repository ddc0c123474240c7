//! wasm-opt and esbuild from npm, for the release build of the browser package. Users of the
//! package need neither.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

use crate::command::{find, run};
use crate::files::target;

/// The tools and their exact versions.
const TOOLS: [&str; 2] = ["binaryen@132.0.0", "esbuild@0.28.2"];

/// What rustc and the binder have used already.
const ENABLED: [&str; 6] = [
    "--enable-bulk-memory",
    "--enable-reference-types",
    "--enable-sign-ext",
    "--enable-nontrapping-float-to-int",
    "--enable-mutable-globals",
    "--enable-multivalue",
];

/// The scripts that stay files of their own: the one that pages import, and those that it loads
/// when they are needed.
const ENTRIES: [&str; 7] =
    ["index.js", "auto.js", "forms.js", "debug.js", "plain.js", "storable.js", "tandem_normaliser.js"];

/// Shrinks the package in `folder`: the WebAssembly for size, the scripts into few with short names.
pub(crate) fn shrink(folder: &Path) -> anyhow::Result<()> {
    let tools = tools()?;
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "wasm") {
            shrink_wasm(&tools.join("wasm-opt"), &path)?;
        }
    }
    for entry in ENTRIES.iter().filter(|entry| folder.join(entry).exists()) {
        bundle(&tools.join("esbuild"), folder, entry)?;
    }
    // What is left of the scripts is in the bundles now.
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.extension().is_some_and(|extension| extension == "js") && !ENTRIES.contains(&name) {
            std::fs::remove_file(&path)?;
        }
    }
    Ok(())
}

/// The names of the functions of a module in the package, to tell what takes the room in it.
pub(crate) fn named(wasm: &str) -> PathBuf {
    target().join(format!("named_{wasm}"))
}

fn shrink_wasm(wasm_opt: &Path, wasm: &Path) -> anyhow::Result<()> {
    let named = named(&wasm.file_name().unwrap_or_default().to_string_lossy());
    let mut shrink = Command::new(wasm_opt);
    shrink.args(["-Oz", "--converge", "--debuginfo", "--strip-producers", "--strip-target-features"]);
    run(shrink.args(ENABLED).arg(wasm).arg("-o").arg(&named))?;
    run(Command::new(wasm_opt).arg("--strip-debug").args(ENABLED).arg(&named).arg("-o").arg(wasm))
}

/// Puts a script and what it imports into one file: less to load, and fewer journeys before
/// WebAssembly can start. What loads later stays a file of its own. The syntax is that of the
/// browsers that can run the package's WebAssembly.
fn bundle(esbuild: &Path, folder: &Path, entry: &str) -> anyhow::Result<()> {
    let mut esbuild = Command::new(esbuild);
    esbuild.current_dir(folder).arg(entry).args(["--bundle", "--minify", "--format=esm", "--target=es2022"]);
    esbuild.args(["--log-level=warning", "--allow-overwrite"]);
    esbuild
        .args(ENTRIES.iter().filter(|other| **other != entry).map(|other| format!("--external:./{other}")));
    run(esbuild.arg(format!("--outfile={entry}")))
}

/// Installs the tools into the build folder, once, and returns where their programs are.
fn tools() -> anyhow::Result<PathBuf> {
    let folder = target().join("npm-tools");
    let programs = folder.join("node_modules/.bin");
    let stamp = folder.join("installed");
    let wanted = TOOLS.join(" ");
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(programs);
    }
    let npm = find(&["npm"]).context("npm is missing: the release build needs Node.js and npm")?;
    std::fs::create_dir_all(&folder)?;
    let mut install = Command::new(npm);
    install.current_dir(&folder).args(["install", "--no-save", "--no-audit", "--no-fund", "--prefix", "."]);
    run(install.args(TOOLS)).context("installing wasm-opt and esbuild")?;
    std::fs::write(&stamp, wanted)?;
    Ok(programs)
}
