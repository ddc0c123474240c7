//! cargo-deny: what may be linked into Tandem. `deny.toml` has the rules.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, bail};

use crate::command::{capture, find, run};
use crate::files::{root, target};
use crate::skipped;

/// Where cargo-deny gets its advisories.
const DATABASE: &str = "https://github.com/RustSec/advisory-db";
/// Longest wait for the database's host.
const HOST_WAIT: Duration = Duration::from_secs(20);
/// Longest wait for PyPI.
const INSTALL_WAIT: Duration = Duration::from_secs(120);
const REQUIREMENTS: &str = "xtask/supply-chain-requirements.txt";

/// Checks licences, bans and sources everywhere, and advisories where their database can be had. A database that
/// can be had and a check that fails is a failure, whatever the reason.
pub(super) fn check(requires_advisories: bool) -> anyhow::Result<()> {
    let deny = match program() {
        Ok(deny) => deny,
        Err(error) if requires_advisories => return Err(error),
        Err(error) => return skipped::skip("cargo-deny", &format!("{error:#}")),
    };
    let check = |what: &[&str]| {
        let mut check = Command::new(&deny);
        check.current_dir(root()).args(["--locked", "--all-features", "--log-level", "error", "check"]);
        run(check.args(["--hide-inclusion-graph", "--allow", "duplicate"]).args(what))
    };
    check(&["licenses", "bans", "sources"])?;
    if requires_advisories || has_database() {
        return check(&["advisories"]);
    }
    skipped::skip("advisories", &format!("{DATABASE} cannot be reached"))
}

fn has_database() -> bool {
    let mut ask = Command::new("git");
    ask.args(["ls-remote", "--quiet", DATABASE, "HEAD"]).env("GIT_TERMINAL_PROMPT", "0");
    capture(&mut ask, HOST_WAIT).is_ok_and(|answer| answer.is_success)
}

/// The installed cargo-deny, else the one of [`REQUIREMENTS`]. Nothing is compiled.
fn program() -> anyhow::Result<PathBuf> {
    if let Some(installed) = find(&["cargo-deny"]) {
        return Ok(installed);
    }
    let wanted = std::fs::read_to_string(root().join(REQUIREMENTS)).context(REQUIREMENTS)?;
    let folder = target().join("supply-chain/tools");
    let (deny, stamp) = (folder.join("bin/cargo-deny"), folder.join("installed.txt"));
    if deny.is_file() && std::fs::read_to_string(&stamp).is_ok_and(|text| text == wanted) {
        return Ok(deny);
    }
    let python = find(&["python3"]).context("neither cargo-deny nor python3 is installed")?;
    let mut make = Command::new(python);
    make.args(["-m", "venv", "--clear"]).arg(&folder);
    let mut install = Command::new(folder.join("bin/python"));
    install.current_dir(root()).args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
    install.args(["--no-deps", "--only-binary", ":all:", "--require-hashes", "-r", REQUIREMENTS]);
    for command in [&mut make, &mut install] {
        let output = capture(command, INSTALL_WAIT)?;
        if !output.is_success {
            bail!(
                "cargo-deny cannot be installed (cargo install --locked cargo-deny): {}",
                output.error_line()
            );
        }
    }
    std::fs::write(&stamp, wanted)?;
    Ok(deny)
}
