//! Steps and tests that could not run on this machine. They are listed at the end of a run.

use std::fs;
use std::io::{ErrorKind, Write as _};
use std::path::PathBuf;

use anyhow::Context as _;

use crate::files::target;

/// Variable with the path of [`file()`]. A test that is skipped appends a line to that file.
pub(crate) const FILE_VARIABLE: &str = "TANDEM_SKIPPED_FILE";

/// The file with a line for each skipped step or test of one run.
pub(crate) fn file() -> PathBuf {
    target().join("skipped.txt")
}

/// Removes the file of an earlier run.
pub(crate) fn forget() -> anyhow::Result<()> {
    match fs::remove_file(file()) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("removing {}", file().display()))
        }
        _ => Ok(()),
    }
}

/// Records that `what` is skipped, and why.
pub(crate) fn skip(what: &str, why: &str) -> anyhow::Result<()> {
    eprintln!("    skipped: {what}: {why}");
    fs::create_dir_all(target())?;
    let mut file = fs::OpenOptions::new().create(true).append(true).open(file())?;
    Ok(file.write_all(format!("skipped: {what}: {why}\n").as_bytes())?)
}

/// Prints everything that was skipped since [`forget`].
pub(crate) fn show() -> anyhow::Result<()> {
    match fs::read_to_string(file()) {
        Ok(lines) => eprint!("\n{lines}"),
        Err(error) if error.kind() == ErrorKind::NotFound => eprintln!("\nnothing was skipped"),
        Err(error) => return Err(error).with_context(|| format!("reading {}", file().display())),
    }
    Ok(())
}
