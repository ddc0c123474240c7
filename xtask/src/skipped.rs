//! What a run left out: steps of ours and tests that could not run on this machine, named at its end.

use std::fs;
use std::io::{ErrorKind, Write as _};
use std::path::PathBuf;

use anyhow::Context as _;

use crate::files::target;

/// Names the file to the tests, each of which appends a line for itself.
pub(crate) const FILE_VARIABLE: &str = "TANDEM_SKIPPED_FILE";

/// The file that collects the lines of one run.
pub(crate) fn file() -> PathBuf {
    target().join("skipped.txt")
}

/// Forgets what an earlier run left out.
pub(crate) fn forget() -> anyhow::Result<()> {
    match fs::remove_file(file()) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("removing {}", file().display()))
        }
        _ => Ok(()),
    }
}

/// Notes that something is left out, and why.
pub(crate) fn skip(what: &str, why: &str) -> anyhow::Result<()> {
    eprintln!("    skipped: {what}: {why}");
    fs::create_dir_all(target())?;
    let mut file = fs::OpenOptions::new().create(true).append(true).open(file())?;
    Ok(file.write_all(format!("skipped: {what}: {why}\n").as_bytes())?)
}

/// Names everything that was left out since [`forget`].
pub(crate) fn show() -> anyhow::Result<()> {
    match fs::read_to_string(file()) {
        Ok(lines) => eprint!("\n{lines}"),
        Err(error) if error.kind() == ErrorKind::NotFound => eprintln!("\nnothing was skipped"),
        Err(error) => return Err(error).with_context(|| format!("reading {}", file().display())),
    }
    Ok(())
}
