//! Pages without mistakes, and pages with known mistakes.
//!
//! Beside each bad page or script `x` is a file `x.expected`: a line `line:column code` for each finding, in order.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use tandem_lint::{Code, ReadError, Style, check, read, render};

fn corpus(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(folder)
}

/// `line:column code` of every finding in a folder, by file.
fn found(folder: &Path) -> Result<Vec<(PathBuf, String)>, ReadError> {
    let shop = read(&[folder.to_path_buf()])?;
    let findings = check(&shop, &[]);
    let found = findings.iter().map(|finding| {
        let place = finding.position;
        (PathBuf::from(&finding.file), format!("{}:{} {}", place.line, place.column, finding.code))
    });
    Ok(found.collect())
}

#[test]
fn nothing_is_found_in_pages_that_are_right() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let own = [corpus("good"), root.join("web-client/js"), root.join("sandbox/assets")];
    let shop = read(&own).unwrap();
    assert!(shop.len() >= 15, "{} files", shop.len());
    let findings = check(&shop, &[]);
    assert!(findings.is_empty(), "{}", render(&shop, &findings, Style::Plain));
}

#[test]
fn bad_pages_give_exactly_what_is_written_beside_them() {
    let folder = corpus("bad");
    let found = found(&folder).unwrap();
    let mut pages = 0;
    let mut entries: Vec<PathBuf> =
        std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for page in entries.iter().filter(|path| path.extension().is_some_and(|end| end != "expected")) {
        let name = page.file_name().unwrap().to_string_lossy().into_owned();
        let expected = std::fs::read_to_string(folder.join(format!("{name}.expected"))).unwrap();
        let lines: Vec<&str> =
            found.iter().filter(|(file, _)| file == page).map(|(_, line)| line.as_str()).collect();
        assert_eq!(lines.join("\n"), expected.trim_end(), "{name}");
        pages += 1;
    }
    assert!(pages >= 12, "{pages} pages");
}

#[test]
fn every_code_has_a_bad_page_and_a_section_in_the_docs() {
    let folder = corpus("bad");
    let found: BTreeSet<String> = found(&folder)
        .unwrap()
        .into_iter()
        .filter_map(|(_, line)| Some(line.split_once(' ')?.1.to_owned()))
        .collect();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let docs = std::fs::read_to_string(root.join("docs/lint.md")).unwrap();
    let sections: BTreeSet<&str> =
        docs.lines().filter_map(|line| line.strip_prefix("### `")?.strip_suffix('`')).collect();
    for code in Code::ALL {
        assert!(sections.contains(code.as_str()), "docs/lint.md has no section for {code}");
        assert_eq!(Code::parse(code.as_str()), Some(*code));
        // A page for this code would be too long for the corpus. `anything.rs` covers it.
        if *code != Code::ScriptUnreadable {
            assert!(found.contains(code.as_str()), "no bad page shows {code}");
        }
    }
    assert_eq!(sections.len(), Code::ALL.len(), "docs/lint.md has sections of codes that do not exist");
}

#[test]
fn what_the_operator_allows_is_left_out() {
    let shop = read(&[corpus("bad").join("pixel.html")]).unwrap();
    let all = check(&shop, &[]);
    let allowed = [Code::TrackSingle, Code::MissingNoscript];
    let rest = check(&shop, &allowed);
    assert!(all.iter().any(|finding| finding.code == Code::TrackSingle));
    assert!(!rest.is_empty() && rest.iter().all(|finding| !allowed.contains(&finding.code)));
}

#[test]
fn a_finding_is_one_line_of_json_with_the_promised_fields() {
    let shop = read(&[corpus("bad").join("token.html")]).unwrap();
    let line = check(&shop, &[])[0].json();
    let value: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!((value["code"].as_str(), value["severity"].as_str()), (Some("leaked_token"), Some("error")));
    assert_eq!((value["line"].as_u64(), value["column"].as_u64()), (Some(2), Some(23)));
    assert!(value["file"].as_str().unwrap().ends_with("token.html"));
    assert!(!value["message"].as_str().unwrap().is_empty() && !value["help"].as_str().unwrap().is_empty());
    assert_eq!(value.as_object().unwrap().len(), 7);
    assert!(!line.contains("dummydummy") && !line.contains('\n'));
}
