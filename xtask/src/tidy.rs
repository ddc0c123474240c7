//! The house rules that no compiler checks.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use crate::files::{root, walk};

/// Most lines of a Rust file. A file that outgrows it holds more than one concept.
const LINES_MAX: usize = 400;
/// Files that are longer for a reason: long tables and long lists of cases.
const LONGER: [(&str, usize); 2] = [("tests/flow/", 460), ("core/tests/", 520)];
/// Folders that hold no source.
const SKIPPED: [&str; 5] = ["target", ".git", "node_modules", "pkg", "data"];

/// Who must not know whom (ARCHITECTURE.md).
const FORBIDDEN: [(&str, &[&str]); 6] = [
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
    ("sandbox", &["tandem-core", "tandem-proto", "tandem-server", "tandem-lint"]),
];

/// Checks everything and says what is wrong, all at once.
pub(crate) fn run() -> anyhow::Result<()> {
    let sources = walk(root(), &SKIPPED)?;
    let mut faults = Vec::new();
    for path in &sources {
        let name = relative(path);
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("rs") => rust_file(path, &name, &mut faults)?,
            Some("proto") => proto_file(path, &name, &mut faults)?,
            _ => {}
        }
    }
    dependencies(&mut faults)?;
    code_pages(&mut faults)?;
    documents(&mut faults);
    generated(&mut faults)?;
    for fault in &faults {
        eprintln!("tidy: {fault}");
    }
    if faults.is_empty() {
        eprintln!("tidy: {} files looked at, nothing to mend", sources.len());
        Ok(())
    } else {
        bail!("{} things to mend", faults.len())
    }
}

fn relative(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).to_string_lossy().replace('\\', "/")
}

fn read(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))
}

fn rust_file(path: &Path, name: &str, faults: &mut Vec<String>) -> anyhow::Result<()> {
    let text = read(path)?;
    let lines = text.lines().count();
    let allowed =
        LONGER.iter().find(|(start, _)| name.starts_with(start)).map_or(LINES_MAX, |(_, lines)| *lines);
    if lines > allowed {
        faults.push(format!(
            "{name} has {lines} lines; over {allowed} it is time to split it by responsibility"
        ));
    }
    // This file names what it looks for.
    if name != "xtask/src/tidy.rs" {
        for (i, line) in text.lines().enumerate() {
            for mark in ["TODO", "FIXME", "todo!(", "unimplemented!(", "dbg!(", "#[ignore"] {
                if line.contains(mark) {
                    faults.push(format!("{name}:{}: {mark}", i + 1));
                }
            }
        }
    }
    Ok(())
}

/// Every message, field, enum value, service and method says what it is.
fn proto_file(path: &Path, name: &str, faults: &mut Vec<String>) -> anyhow::Result<()> {
    let text = read(path)?;
    let mut above = "";
    for (i, line) in text.lines().map(str::trim).enumerate() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let declares = matches!(words.first(), Some(&("message" | "enum" | "service" | "rpc")))
            || (line.ends_with(';') && line.contains(" = ") && !line.starts_with("option"));
        if declares && !above.starts_with("//") {
            faults.push(format!("{name}:{}: no comment says what this is", i + 1));
        }
        above = line;
    }
    Ok(())
}

fn dependencies(faults: &mut Vec<String>) -> anyhow::Result<()> {
    for (package, forbidden) in FORBIDDEN {
        let manifest = read(&root().join(package).join("Cargo.toml"))?;
        let mut of_the_product = false;
        for line in manifest.lines() {
            if line.starts_with('[') {
                of_the_product = line.contains("dependencies") && !line.contains("dev-dependencies");
            }
            let name = line.split(['.', '=', ' ']).next().unwrap_or_default();
            if of_the_product && forbidden.contains(&name) {
                faults.push(format!("{package} must not depend on {name}"));
            }
        }
    }
    Ok(())
}

/// Every outcome code has its page, and every page its code.
fn code_pages(faults: &mut Vec<String>) -> anyhow::Result<()> {
    let source = read(&root().join("core/src/code.rs"))?;
    let codes: Vec<&str> = source
        .lines()
        .filter_map(|line| line.trim().strip_suffix("\";")?.split_once(" = \""))
        .map(|(_, code)| code)
        .collect();
    let folder = root().join("docs/codes");
    for code in &codes {
        if !folder.join(format!("{code}.md")).is_file() {
            faults.push(format!("docs/codes/{code}.md is missing"));
        }
    }
    for page in walk(&folder, &[])? {
        let stem = page.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if !codes.contains(&stem.as_str()) {
            faults.push(format!("{} is the page of no code in core/src/code.rs", relative(&page)));
        }
    }
    Ok(())
}

fn documents(faults: &mut Vec<String>) {
    for name in
        ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE-MIT", "LICENSE-APACHE"]
    {
        if !root().join(name).is_file() {
            faults.push(format!("{name} is missing"));
        }
    }
}

/// Nothing generated is checked in.
fn generated(faults: &mut Vec<String>) -> anyhow::Result<()> {
    let listed = std::process::Command::new("git").arg("ls-files").current_dir(root()).output();
    // Without git (an archive of the sources) nothing can have been checked in.
    let Ok(listed) = listed else { return Ok(()) };
    for name in String::from_utf8_lossy(&listed.stdout).lines() {
        let path = PathBuf::from(name);
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        if matches!(extension, "wasm" | "db" | "profraw")
            || name.starts_with("target/")
            || name.contains("/pkg/")
        {
            faults.push(format!("{name} is generated and must not be checked in"));
        }
    }
    Ok(())
}
