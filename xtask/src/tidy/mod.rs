//! The house rules that no compiler checks.

mod arrows;
mod dependencies;
mod imports;
mod layers;
mod modules;
mod pages;
mod paths;
mod sources;
mod test_functions;

use anyhow::bail;

use crate::files::{root, walk};
use modules::Modules;

/// Folders that hold no source.
const SKIPPED: [&str; 5] = ["target", ".git", "node_modules", "pkg", "data"];
/// Documents whose paths are checked, and the folder of the others.
const DOCUMENTS: [&str; 3] = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"];
const DOCUMENTS_FOLDER: &str = "docs/";

/// Checks everything and says what is wrong, all at once.
pub(crate) fn run() -> anyhow::Result<()> {
    let files = walk(root(), &SKIPPED)?;
    let mut texts = Vec::new();
    for path in &files {
        let extension = path.extension().and_then(|extension| extension.to_str());
        if matches!(extension, Some("rs" | "proto" | "md")) {
            texts.push((sources::relative(path), sources::read(path)?));
        }
    }
    let mut faults = Vec::new();
    for (name, text) in &texts {
        match name.rsplit('.').next() {
            Some("rs") => sources::rust_file(name, text, &mut faults),
            Some("proto") => sources::proto_file(name, text, &mut faults),
            _ => {}
        }
    }
    let names: Vec<String> = files.iter().map(|path| sources::relative(path)).collect();
    named_paths(&names, &texts, &mut faults);
    module_layers(&texts, &mut faults)?;
    dependencies::check(&mut faults)?;
    pages::check(&mut faults)?;
    sources::needed(&mut faults);
    crate::settings_docs::check(&mut faults)?;
    sources::generated(&mut faults)?;
    for fault in &faults {
        eprintln!("tidy: {fault}");
    }
    if faults.is_empty() {
        eprintln!("tidy: {} files looked at, nothing to mend", files.len());
        Ok(())
    } else {
        bail!("{} things to mend", faults.len())
    }
}

/// Every path that a document or a doc comment names is there, and holds the test that it names.
fn named_paths(names: &[String], texts: &[(String, String)], faults: &mut Vec<String>) {
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
                faults.push(format!("{file}:{line}: there is no `{path}`"));
            }
            let Some(item) = item.filter(|_| !found.is_empty()) else { continue };
            let holds = |text: &str| test_functions::in_source(text).is_ok_and(|tests| tests.contains(&item));
            if !texts.iter().any(|(name, text)| found.contains(&name.as_str()) && holds(text)) {
                faults.push(format!("{file}:{line}: `{path}` has no test `{item}`"));
            }
        }
    }
}

/// Modules import only what stands below them.
fn module_layers(texts: &[(String, String)], faults: &mut Vec<String>) -> anyhow::Result<()> {
    let read = |folder: &str| {
        let src = arrows::source_folder(folder);
        let sources = texts.iter().filter(|(name, _)| name.ends_with(".rs"));
        Modules::read(src, sources.map(|(name, text)| (name.as_str(), text.as_str())))
    };
    for layers in layers::LAYERS {
        arrows::check(&read(layers.0)?, *layers, layers::UPWARDS, faults);
    }
    for kept in layers::KEPT {
        arrows::check_kept(&read(kept.0)?, *kept, faults);
    }
    Ok(())
}
