//! Whether what comes from npm is fixed to its last byte. For crates, `--locked` and `Cargo.lock` do that.

use std::path::Path;

use anyhow::{Context as _, ensure};
use serde_json::Value;

use crate::files::{root, walk};
use crate::tidy::SKIPPED;

/// Every `package.json` that needs packages has a lock file beside it, which gives the digest of each of them.
pub(super) fn check() -> anyhow::Result<()> {
    let skip: Vec<&str> = SKIPPED.iter().copied().chain(["node_modules", "pkg"]).collect();
    for manifest in walk(root(), &skip)?.iter().filter(|path| path.ends_with("package.json")) {
        let lock = manifest.with_file_name("package-lock.json");
        let text = lock.exists().then(|| read(&lock)).transpose()?;
        check_pair(&read(manifest)?, text.as_ref()).with_context(|| manifest.display().to_string())?;
    }
    Ok(())
}

fn read(path: &Path) -> anyhow::Result<Value> {
    let text = std::fs::read_to_string(path)?;
    serde_json::from_str(&text).with_context(|| path.display().to_string())
}

fn check_pair(manifest: &Value, lock: Option<&Value>) -> anyhow::Result<()> {
    const KINDS: [&str; 3] = ["dependencies", "devDependencies", "optionalDependencies"];
    if KINDS.iter().all(|kind| manifest[kind].as_object().is_none_or(serde_json::Map::is_empty)) {
        return Ok(());
    }
    let lock = lock.context("package-lock.json is missing: run `npm install --package-lock-only`")?;
    for kind in KINDS {
        ensure!(lock["packages"][""][kind] == manifest[kind], "package-lock.json is of another {kind}");
    }
    for (name, package) in lock["packages"].as_object().context("package-lock.json lists no packages")? {
        // The rest are packages of this repository.
        let is_fetched = name.starts_with("node_modules/") && package["link"] != true;
        ensure!(!is_fetched || package["integrity"].is_string(), "package-lock.json has no digest of {name}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_npm_fetches_has_a_digest_in_a_lock_file() {
        let manifest = json!({ "dependencies": { "a": "1.0.0" } });
        let lock = |package: Value| {
            json!({ "packages": {
                "": { "dependencies": { "a": "1.0.0" } },
                "node_modules/a": package,
                "node_modules/own": { "link": true },
            } })
        };
        assert!(check_pair(&json!({ "name": "none" }), None).is_ok());
        assert!(check_pair(&manifest, None).is_err());
        assert!(check_pair(&manifest, Some(&lock(json!({ "integrity": "sha512-x" })))).is_ok());
        assert!(check_pair(&manifest, Some(&lock(json!({ "version": "1.0.0" })))).is_err());
        let newer = json!({ "dependencies": { "a": "1.0.1" } });
        assert!(check_pair(&newer, Some(&lock(json!({ "integrity": "sha512-x" })))).is_err());
    }
}
