//! Tools from npm. The release build of the browser package needs wasm-opt and esbuild; users of the package need
//! neither.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

use crate::command::{find, run};
use crate::files::{root, target};

/// Folder of the manifest and the lock file that name the tools, each with its digest.
const TOOLS: &str = "xtask/npm-tools";

/// WebAssembly features that rustc and the binder use.
const ENABLED: [&str; 6] = [
    "--enable-bulk-memory",
    "--enable-reference-types",
    "--enable-sign-ext",
    "--enable-nontrapping-float-to-int",
    "--enable-mutable-globals",
    "--enable-multivalue",
];

/// The scripts that stay files of their own. Pages import the first, and it loads the others on demand.
const ENTRIES: [&str; 7] =
    ["index.js", "auto.js", "forms.js", "debug.js", "json.js", "storable.js", "tandem_normaliser.js"];

/// Shrinks the package in `folder`: optimises the WebAssembly for size, bundles and minifies the scripts.
pub(crate) fn shrink(folder: &Path) -> anyhow::Result<()> {
    let tools = installed(TOOLS)?;
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "wasm") {
            shrink_wasm(&tools.join("wasm-opt"), &path)?;
        }
    }
    for entry in ENTRIES.iter().filter(|entry| folder.join(entry).exists()) {
        bundle(&tools.join("esbuild"), folder, entry)?;
    }
    // The bundles contain the remaining scripts.
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.extension().is_some_and(|extension| extension == "js") && !ENTRIES.contains(&name) {
            std::fs::remove_file(&path)?;
        }
    }
    Ok(())
}

/// The copy of a module that keeps the names of its functions.
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

/// Bundles a script and its imports into one file: fewer bytes, and fewer round trips before WebAssembly can start.
/// Scripts that load later stay files of their own. Every browser that can run the package's WebAssembly understands
/// the target's syntax.
fn bundle(esbuild: &Path, folder: &Path, entry: &str) -> anyhow::Result<()> {
    let mut esbuild = Command::new(esbuild);
    esbuild.current_dir(folder).arg(entry).args(["--bundle", "--minify", "--format=esm", "--target=es2022"]);
    esbuild.args(["--log-level=warning", "--allow-overwrite"]);
    // The map names the scripts as they are in the repository. Browsers load it only for their developer tools.
    esbuild.args(["--sourcemap=linked", "--source-root=js/"]);
    esbuild
        .args(ENTRIES.iter().filter(|other| **other != entry).map(|other| format!("--external:./{other}")));
    run(esbuild.arg(format!("--outfile={entry}")))
}

/// Installs what the lock file in `from` names into the build folder, once. Returns the folder of the programs.
pub(crate) fn installed(from: &str) -> anyhow::Result<PathBuf> {
    let from = root().join(from);
    let folder = target().join(from.file_name().context("a folder without a name")?);
    let programs = folder.join("node_modules/.bin");
    let stamp = folder.join("installed");
    let wanted = std::fs::read_to_string(from.join("package-lock.json"))
        .with_context(|| from.display().to_string())?;
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(programs);
    }
    let npm = find(&["npm"])
        .context("npm is missing: the release build and the checks of the package need Node.js and npm")?;
    std::fs::create_dir_all(&folder)?;
    for name in ["package.json", "package-lock.json"] {
        std::fs::copy(from.join(name), folder.join(name))?;
    }
    // The tools work without the scripts that packages would run.
    let mut install = Command::new(npm);
    install.current_dir(&folder).args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
    run(&mut install).with_context(|| format!("installing {}", from.display()))?;
    std::fs::write(&stamp, wanted)?;
    Ok(programs)
}
