//! Checks that every outcome code has a page, and that every page has a code.

use super::sources::{read, relative};
use crate::files::{root, walk};

pub(super) fn check(findings: &mut Vec<String>) -> anyhow::Result<()> {
    let source = read(&root().join("core/src/code.rs"))?;
    let codes: Vec<&str> = source
        .lines()
        .filter_map(|line| line.trim().strip_suffix("\";")?.split_once(" = \""))
        .map(|(_, code)| code)
        .collect();
    let folder = root().join("docs/codes");
    for code in &codes {
        if !folder.join(format!("{code}.md")).is_file() {
            findings.push(format!("docs/codes/{code}.md is missing"));
        }
    }
    for page in walk(&folder, &[])? {
        let stem = page.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if !codes.contains(&stem.as_str()) {
            findings.push(format!("{}: core/src/code.rs has no such code", relative(&page)));
        }
    }
    Ok(())
}
