//! `cargo xtask examples`: runs the examples in Rust and Python against a server and the sandbox.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

use crate::command::{cargo, find, run, step};
use crate::files::{root, target};

/// Builds the programs and runs the examples.
pub(crate) fn run_examples() -> anyhow::Result<()> {
    step("build the programs", || run(cargo("build").args(["--workspace", "--bins", "--exclude", "xtask"])))?;
    check()
}

/// Runs the examples. The programs must be built already.
pub(crate) fn check() -> anyhow::Result<()> {
    let python = environment()?;
    let scripts = root().join("examples/python");
    let rules = ["-m", "unittest", "discover", "--quiet", "--start-directory"];
    run(Command::new(&python).args(rules).arg(&scripts).env("PYTHONDONTWRITEBYTECODE", "1"))
        .context("running the unit tests of the Python examples")?;
    run(Command::new(target().join("debug/examples-check")).arg("--python").arg(&python))
        .context("running the examples against a server")
}

/// A Python environment with the examples' requirements. Makes it if it is missing or the requirements have changed.
fn environment() -> anyhow::Result<PathBuf> {
    let needs = root().join("examples/python/requirements.txt");
    let wanted = std::fs::read_to_string(&needs).with_context(|| format!("reading {}", needs.display()))?;
    let folder = target().join("examples-python");
    let (python, installed) = (folder.join("bin/python"), folder.join("installed.txt"));
    if python.is_file() && std::fs::read_to_string(&installed).is_ok_and(|text| text == wanted) {
        return Ok(python);
    }
    let system = find(&["python3"])
        .context("python3 is not installed (Debian: apt-get install python3 python3-venv)")?;
    let mut pip = make(&system, &folder)
        .context("making a Python environment (Debian: apt-get install python3-venv)")?;
    let install = ["install", "--quiet", "--disable-pip-version-check", "--requirement"];
    run(pip.args(install).arg(&needs))
        .context("installing the requirements of the Python examples from PyPI")?;
    std::fs::write(&installed, wanted).with_context(|| format!("writing {}", installed.display()))?;
    Ok(python)
}

/// Makes an environment and returns the pip that installs into it. Some systems ship venv without ensurepip. There the
/// system's own pip is used.
fn make(system: &Path, folder: &Path) -> anyhow::Result<Command> {
    let python = folder.join("bin/python");
    let venv = |options: &[&str]| run(Command::new(system).args(["-m", "venv"]).args(options).arg(folder));
    let Err(error) = venv(&["--clear"]) else {
        let mut pip = Command::new(python);
        pip.args(["-m", "pip"]);
        return Ok(pip);
    };
    eprintln!("    {error:#}; trying with the system's pip");
    venv(&["--clear", "--without-pip"])?;
    let mut pip = Command::new(system);
    pip.args(["-m", "pip", "--python"]).arg(python);
    Ok(pip)
}
