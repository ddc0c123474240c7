//! `docs/settings.md`, made from the table of keys.

use std::path::PathBuf;

use anyhow::Context as _;
use tandem_settings::document::page;
use tandem_settings::keys::KEYS;

use crate::files::{root, walk};

const STALE: &str = "docs/settings.md differs from settings/src/keys.rs: run `cargo xtask settings-docs`";
/// Folders whose code reads settings.
const READERS: [&str; 5] = ["settings/src", "server/src", "gateway/src", "cli/src", "sandbox/src"];

fn path() -> PathBuf {
    root().join("docs/settings.md")
}

pub(crate) fn write() -> anyhow::Result<()> {
    std::fs::write(path(), page()).with_context(|| format!("writing {}", path().display()))
}

/// Checks that the page is up to date, and that some program reads each row of the table.
pub(crate) fn check(findings: &mut Vec<String>) -> anyhow::Result<()> {
    if std::fs::read_to_string(path()).unwrap_or_default() != page() {
        findings.push(STALE.to_owned());
    }
    let mut code = String::new();
    for folder in READERS {
        for file in walk(&root().join(folder), &["keys.rs"])? {
            if file.extension().is_some_and(|extension| extension == "rs") {
                code.push_str(&std::fs::read_to_string(file)?);
            }
        }
    }
    // The sandbox reads its rows in a loop. A test there checks that each row is a flag.
    for key in KEYS.iter().filter(|key| !key.name.starts_with("TANDEM_SANDBOX_")) {
        if !code.contains(key.name) {
            findings.push(format!("settings/src/keys.rs: no program reads {}", key.name));
        }
    }
    Ok(())
}
