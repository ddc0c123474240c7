//! Checks that hold for every file, whatever it contains.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::files::root;

/// Most lines of a Rust file. A longer file contains more than one concept.
const LINES_MAX: usize = 400;
/// Folders whose files may be longer, because they contain long tables and lists of cases.
const LONGER: [(&str, usize); 2] = [("tests/flow/", 460), ("core/tests/", 520)];
/// Files that must exist.
const NEEDED: [&str; 6] =
    ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE-MIT", "LICENSE-APACHE"];

pub(super) fn relative(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).to_string_lossy().replace('\\', "/")
}

pub(super) fn read(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))
}

/// Checks that a Rust file is short and contains no unfinished work.
pub(super) fn rust_file(name: &str, text: &str, findings: &mut Vec<String>) {
    let lines = text.lines().count();
    let allowed =
        LONGER.iter().find(|(start, _)| name.starts_with(start)).map_or(LINES_MAX, |(_, lines)| *lines);
    if lines > allowed {
        findings
            .push(format!("{name} has {lines} lines, the limit is {allowed}: split it by responsibility"));
    }
    // This file itself contains the marks of unfinished work.
    if name != "xtask/src/tidy/sources.rs" {
        for (i, line) in text.lines().enumerate() {
            for mark in ["TODO", "FIXME", "todo!(", "unimplemented!(", "dbg!(", "#[ignore"] {
                if line.contains(mark) {
                    findings.push(format!("{name}:{}: {mark}", i + 1));
                }
            }
        }
    }
}

/// Checks that every message, field, enum value, service and method has a comment.
pub(super) fn proto_file(name: &str, text: &str, findings: &mut Vec<String>) {
    let mut above = "";
    for (i, line) in text.lines().map(str::trim).enumerate() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let declares = matches!(words.first(), Some(&("message" | "enum" | "service" | "rpc")))
            || (line.ends_with(';') && line.contains(" = ") && !line.starts_with("option"));
        if declares && !above.starts_with("//") {
            findings.push(format!("{name}:{}: this needs a comment", i + 1));
        }
        above = line;
    }
}

/// Checks that the documents exist that every reader looks for.
pub(super) fn needed(findings: &mut Vec<String>) {
    for name in NEEDED {
        if !root().join(name).is_file() {
            findings.push(format!("{name} is missing"));
        }
    }
}

/// Checks that no generated file is checked in.
pub(super) fn generated(findings: &mut Vec<String>) -> anyhow::Result<()> {
    let listed = std::process::Command::new("git").arg("ls-files").current_dir(root()).output();
    // Without git (an archive of the sources) there is nothing to check.
    let Ok(listed) = listed else { return Ok(()) };
    for name in String::from_utf8_lossy(&listed.stdout).lines() {
        let path = PathBuf::from(name);
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        if matches!(extension, "wasm" | "db" | "profraw")
            || name.starts_with("target/")
            || (name.contains("/pkg/") && !name.ends_with("/.gitkeep"))
        {
            findings.push(format!("{name} is generated and must not be checked in"));
        }
    }
    Ok(())
}
