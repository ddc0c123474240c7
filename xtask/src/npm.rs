//! wasm-opt and esbuild from npm, for the release build of the browser package. Users of the
//! package need neither.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

use crate::command::{find, run};
use crate::files::target;

/// The tools and their exact versions.
const TOOLS: [&str; 2] = ["binaryen@132.0.0", "esbuild@0.28.2"];

/// Shrinks the package in `folder`: the WebAssembly for size, the scripts by shorter names.
pub(crate) fn shrink(folder: &Path, stem: &str) -> anyhow::Result<()> {
    let tools = tools()?;
    let wasm = folder.join(format!("{stem}_bg.wasm"));
    let mut wasm_opt = Command::new(tools.join("wasm-opt"));
    wasm_opt.args(["-Oz", "--converge", "--strip-debug", "--strip-producers", "--strip-target-features"]);
    // What rustc and the binder have used already.
    wasm_opt.args(["--enable-bulk-memory", "--enable-reference-types", "--enable-sign-ext"]);
    wasm_opt.args(["--enable-nontrapping-float-to-int", "--enable-mutable-globals", "--enable-multivalue"]);
    run(wasm_opt.arg(&wasm).arg("-o").arg(&wasm))?;
    for script in ["index.js", &format!("{stem}.js")] {
        let script = folder.join(script);
        let mut esbuild = Command::new(tools.join("esbuild"));
        esbuild.arg(&script).args(["--minify", "--format=esm", "--target=es2020", "--log-level=warning"]);
        run(esbuild.arg("--allow-overwrite").arg(format!("--outfile={}", script.display())))?;
    }
    Ok(())
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
