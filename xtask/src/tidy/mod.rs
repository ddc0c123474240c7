//! Checks the house rules that no compiler checks.

mod arrows;
mod dependencies;
mod imports;
mod layers;
mod module_files;
mod modules;
mod pages;
mod paths;
mod predicates;
mod sources;
pub(crate) mod test_functions;
mod tokens;
mod wire_names;

use anyhow::bail;

use crate::files::{root, walk};
use modules::Modules;

/// Folders without sources.
pub(crate) const SKIPPED: [&str; 5] = ["target", ".git", "node_modules", "pkg", "data"];
/// Documents whose paths are checked, and the folder with more documents.
const DOCUMENTS: [&str; 3] = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"];
const DOCUMENTS_FOLDER: &str = "docs/";

/// Checks every rule and prints all findings at once.
pub(crate) fn run() -> anyhow::Result<()> {
    let files = walk(root(), &SKIPPED)?;
    let mut texts = Vec::new();
    for path in &files {
        let extension = path.extension().and_then(|extension| extension.to_str());
        if matches!(extension, Some("rs" | "proto" | "md")) {
            texts.push((sources::relative(path), sources::read(path)?));
        }
    }
    let mut findings = Vec::new();
    for (name, text) in &texts {
        match name.rsplit('.').next() {
            Some("rs") => sources::rust_file(name, text, &mut findings),
            Some("proto") => sources::proto_file(name, text, &mut findings),
            _ => {}
        }
    }
    let names: Vec<String> = files.iter().map(|path| sources::relative(path)).collect();
    named_paths(&names, &texts, &mut findings);
    module_layers(&texts, &mut findings)?;
    let rust: Vec<(&str, &str)> = texts
        .iter()
        .filter(|(name, _)| name.ends_with(".rs"))
        .map(|(name, text)| (name.as_str(), text.as_str()))
        .collect();
    predicates::check(rust.iter().copied(), &mut findings)?;
    module_files::check(&rust, &mut findings)?;
    dependencies::check(&mut findings)?;
    pages::check(&mut findings)?;
    sources::needed(&mut findings);
    wire_names::check(&mut findings)?;
    crate::settings_docs::check(&mut findings)?;
    sources::generated(&mut findings)?;
    for finding in &findings {
        eprintln!("tidy: {finding}");
    }
    if findings.is_empty() {
        eprintln!("tidy: {} files checked, no findings", files.len());
        Ok(())
    } else {
        bail!("{} findings", findings.len())
    }
}

/// Checks that every path in a document or doc comment exists, and contains the function that is named with it.
fn named_paths(names: &[String], texts: &[(String, String)], findings: &mut Vec<String>) {
    let existing = paths::Existing::of(names.iter().map(String::as_str));
    for (file, text) in texts {
        let mentions = if file.ends_with(".rs") {
            paths::in_doc_comments(text)
        } else if DOCUMENTS.contains(&file.as_str()) || file.starts_with(DOCUMENTS_FOLDER) {
            paths::in_document(text)
        } else {
            continue;
        };
        for paths::Mention { line, path, item } in mentions {
            let Some(found) = existing.find(file, &path) else { continue };
            if found.is_empty() {
                findings.push(format!("{file}:{line}: there is no `{path}`"));
            }
            let Some(item) = item.filter(|_| !found.is_empty()) else { continue };
            let holds = |text: &str| test_functions::in_source(text).is_ok_and(|tests| tests.contains(&item));
            if !texts.iter().any(|(name, text)| found.contains(&name.as_str()) && holds(text)) {
                findings.push(format!("{file}:{line}: `{path}` has no test `{item}`"));
            }
        }
    }
}

/// Modules import only modules below them.
fn module_layers(texts: &[(String, String)], findings: &mut Vec<String>) -> anyhow::Result<()> {
    let read = |folder: &str| {
        let src = arrows::source_folder(folder);
        let sources = texts.iter().filter(|(name, _)| name.ends_with(".rs"));
        Modules::read(src, sources.map(|(name, text)| (name.as_str(), text.as_str())))
    };
    for layers in layers::LAYERS {
        arrows::check(&read(layers.0)?, *layers, layers::UPWARDS, findings);
    }
    for kept in layers::NAME_RULES {
        arrows::check_names(&read(kept.0)?, *kept, findings);
    }
    Ok(())
}
