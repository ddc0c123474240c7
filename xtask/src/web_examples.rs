//! `cargo xtask web-examples`: builds the web examples that need a bundler. npm installs the versions of their lockfile.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, ensure};

use crate::command::{find, run, step};
use crate::files::root;
use crate::package;

const REACT: &str = "examples/web-react";

/// Builds the examples. The browser package must be built already.
pub(crate) fn build() -> anyhow::Result<()> {
    ensure!(
        package::folder().join("index.js").exists(),
        "the browser package is missing: run `cargo xtask wasm`"
    );
    let npm = find(&["npm"])
        .context("npm is missing: the React example needs Node.js and npm (Debian: apt-get install npm)")?;
    let folder = root().join(REACT);
    let npm = |arguments: &[&str]| run(Command::new(&npm).current_dir(&folder).args(arguments));
    if !is_installed(&folder) {
        step("React example: what its lockfile names", || {
            npm(&["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
        })?;
    }
    step("React example: types", || npm(&["run", "--silent", "check"]))?;
    step("React example: bundle", || npm(&["run", "--silent", "build"]))
}

/// Whether npm has installed the versions of the lockfile. npm records that in a file of its own.
fn is_installed(folder: &Path) -> bool {
    let changed = |name: &str| std::fs::metadata(folder.join(name)).and_then(|file| file.modified()).ok();
    changed("node_modules/.package-lock.json")
        .is_some_and(|installed| Some(installed) >= changed("package-lock.json"))
}
