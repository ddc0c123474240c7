//! Checks which crate may not depend on which.

use super::sources::read;
use crate::files::root;

/// Crates and their forbidden dependencies (ARCHITECTURE.md). `uuid` is allowed everywhere: core uses its pure `Builder`
/// and gets time and random bytes as arguments.
const FORBIDDEN: [(&str, &[&str]); 7] = [
    (
        "core",
        &["tokio", "hyper", "tonic", "rusqlite", "prost", "reqwest", "tandem-proto", "tandem-lint", "rand"],
    ),
    (
        "net",
        &["tandem-core", "tandem-proto", "tandem-server", "tandem-lint", "prost", "serde_json", "rusqlite"],
    ),
    ("server", &["tandem-lint"]),
    ("gateway", &["serde_json", "tandem-server", "tandem-core", "tandem-lint", "rusqlite", "hmac", "sha2"]),
    ("web-client", &["tandem-server", "tandem-lint", "tonic", "tokio", "serde", "serde_json"]),
    ("settings", &["tandem-core", "tandem-proto", "tandem-server", "serde_json"]),
    ("sandbox", &["tandem-core", "tandem-proto", "tandem-server", "tandem-lint"]),
];

pub(super) fn check(findings: &mut Vec<String>) -> anyhow::Result<()> {
    for (package, forbidden) in FORBIDDEN {
        let manifest = read(&root().join(package).join("Cargo.toml"))?;
        let mut of_the_product = false;
        for line in manifest.lines() {
            if line.starts_with('[') {
                of_the_product = line.contains("dependencies") && !line.contains("dev-dependencies");
            }
            let name = line.split(['.', '=', ' ']).next().unwrap_or_default();
            if of_the_product && forbidden.contains(&name) {
                findings.push(format!("{package} must not depend on {name}"));
            }
        }
    }
    Ok(())
}
