//! Checks where a module's file is: a module with a folder is the folder's `mod.rs`, and no attribute moves a file.

use std::collections::BTreeSet;

use anyhow::anyhow;
use proc_macro2::{TokenStream, TokenTree};

use super::tokens::{each_group, is_punct, is_word, line_of};

/// Files that still break a rule. This list may only get shorter.
const KNOWN: &[&str] = &[];

/// Checks all Rust sources: their names and their texts.
pub(super) fn check(sources: &[(&str, &str)], findings: &mut Vec<String>) -> anyhow::Result<()> {
    check_except(sources, KNOWN, findings)
}

fn check_except(sources: &[(&str, &str)], known: &[&str], findings: &mut Vec<String>) -> anyhow::Result<()> {
    let folders: BTreeSet<&str> =
        sources.iter().flat_map(|(file, _)| file.match_indices('/').map(|(at, _)| &file[..at])).collect();
    let mut seen = BTreeSet::new();
    for (file, text) in sources {
        let tokens = text.parse().map_err(|error| anyhow!("{file}: {error}"))?;
        let moved = moved_modules(tokens).into_iter().map(|line| {
            format!(
                "{file}:{line}: `#[path]` is not allowed: move a file and its tests into a folder, as mod.rs and tests.rs"
            )
        });
        let folder = file.strip_suffix(".rs").filter(|folder| folders.contains(folder));
        let beside = folder.map(|folder| format!("{file} is beside its folder: move it to {folder}/mod.rs"));
        let mut broken: Vec<String> = moved.chain(beside).collect();
        if !broken.is_empty() && known.contains(file) {
            seen.insert(*file);
            broken.clear();
        }
        findings.append(&mut broken);
    }
    for file in known.iter().filter(|file| !seen.contains(*file)) {
        findings.push(format!(
            "xtask/src/tidy/module_files.rs: {file} follows the rules now: remove the exception"
        ));
    }
    Ok(())
}

/// Lines of the `path` attributes.
fn moved_modules(tokens: TokenStream) -> Vec<usize> {
    let mut lines = Vec::new();
    each_group(tokens, &mut |tokens| {
        for (mark, bracket) in tokens.iter().zip(tokens.iter().skip(1)) {
            let TokenTree::Group(attribute) = bracket else { continue };
            let inner: Vec<TokenTree> = attribute.stream().into_iter().collect();
            if is_punct(Some(mark), '#') && is_word(inner.first(), "path") && is_punct(inner.get(1), '=') {
                lines.push(line_of(mark));
            }
        }
    });
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(sources: &[(&str, &str)], known: &[&str]) -> Vec<String> {
        let mut findings = Vec::new();
        check_except(sources, known, &mut findings).unwrap();
        findings
    }

    #[test]
    fn a_module_with_a_folder_is_the_folders_mod_rs() {
        let kept = [("a/src/lib.rs", ""), ("a/src/b/mod.rs", ""), ("a/src/b/c.rs", ""), ("a/src/bc.rs", "")];
        assert_eq!(findings(&kept, &[]), [""; 0]);
        let beside = [("a/src/b.rs", ""), ("a/src/b/c.rs", "")];
        assert_eq!(findings(&beside, &[]), ["a/src/b.rs is beside its folder: move it to a/src/b/mod.rs"]);
    }

    #[test]
    fn no_attribute_moves_a_modules_file() {
        let text = "mod a;\n#[cfg(test)]\n#[path = \"a_tests.rs\"]\nmod tests;";
        let refused = "a.rs:3: `#[path]` is not allowed: move a file and its tests into a folder, as mod.rs and tests.rs";
        assert_eq!(findings(&[("a.rs", text)], &[]), [refused]);
        let kept = "#[derive(Debug)] struct A { path: u8 }\nconst TEXT: &str = \"#[path = 1]\";";
        assert_eq!(findings(&[("a.rs", kept)], &[]), [""; 0]);
    }

    #[test]
    fn a_known_exception_is_tolerated_until_it_is_gone() {
        let text = "#[path = \"b.rs\"]\nmod b;";
        assert_eq!(findings(&[("a.rs", text)], &["a.rs"]), [""; 0]);
        let gone = ["xtask/src/tidy/module_files.rs: a.rs follows the rules now: remove the exception"];
        assert_eq!(findings(&[("a.rs", "mod b;")], &["a.rs"]), gone);
    }
}
