//! Checks whether the store of a killed server is intact.

use std::path::Path;

use anyhow::{Context as _, ensure};
use rusqlite::Connection;

/// Copies a killed server's store and lets SQLite check the copy: it recovers the log and checks every page and
/// index. The store itself does not change.
///
/// # Errors
/// When there is no store, or its copy is damaged.
pub fn check(data: &Path) -> anyhow::Result<()> {
    let copy = tempfile::Builder::new().prefix("tandem-integrity-").tempdir()?;
    let mut stores = Vec::new();
    for entry in std::fs::read_dir(data)? {
        let (from, name) = entry.map(|entry| (entry.path(), entry.file_name()))?;
        if from.is_file() {
            let to = copy.path().join(&name);
            std::fs::copy(&from, &to).with_context(|| format!("copying {}", from.display()))?;
            if to.extension().is_some_and(|extension| extension == "db") {
                stores.push(to);
            }
        }
    }
    ensure!(!stores.is_empty(), "no store lies in {}", data.display());
    for store in stores {
        let db = Connection::open(&store)?;
        let verdict: String = db.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
        ensure!(verdict == "ok", "{}: {verdict}", store.display());
    }
    Ok(())
}
