//! Scripts of the browser package name nothing of the protocol: its messages are the Rust client's (`web-client/src/`).
//!
//! Names of several words are looked for: `event_source_url`, and `eventSourceUrl` unless a page writes it too, so that it
//! stands in the package's types. A name of one word (`email`, `value`) is English, and is not looked for.

use std::collections::BTreeSet;

use anyhow::{Context as _, ensure};

use super::sources;
use crate::files::root;

const PROTOS: [&str; 2] = ["proto/tandem/v1/common.proto", "proto/tandem/v1/tracking.proto"];
const SCRIPTS: &str = "web-client/js";
/// What a page may write, and so its scripts.
const TYPES: &str = "index.d.ts";
/// Posts JSON where WebAssembly does not start: it is a client of its own.
const EXEMPT: &str = "json.js";
/// Words that only gRPC uses, and its statuses that no page gets.
const GRPC: [&str; 12] = [
    "TrackingService",
    "CANCELLED",
    "UNKNOWN",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "RESOURCE_EXHAUSTED",
    "ABORTED",
    "UNIMPLEMENTED",
    "UNAVAILABLE",
    "DATA_LOSS",
    "OK",
];

pub(super) fn check(findings: &mut Vec<String>) -> anyhow::Result<()> {
    let folder = root().join(SCRIPTS);
    let types = sources::read(&folder.join(TYPES))?;
    let mut forbidden: BTreeSet<String> = GRPC.into_iter().map(str::to_owned).collect();
    for proto in PROTOS {
        forbidden.extend(names(&sources::read(&root().join(proto))?));
    }
    ensure!(forbidden.contains("clientEventId"), "the names of the protocol were not found");
    for word in words(&types) {
        forbidden.remove(word);
    }
    for entry in std::fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.ends_with(".js") && name != EXEMPT {
            find(&format!("{SCRIPTS}/{name}"), &sources::read(&path)?, &forbidden, findings);
        }
    }
    Ok(())
}

fn find(name: &str, text: &str, forbidden: &BTreeSet<String>, findings: &mut Vec<String>) {
    for (i, line) in text.lines().enumerate() {
        for word in words(line).filter(|word| forbidden.contains(*word)) {
            findings.push(format!("{name}:{}: `{word}` is the protocol's; web-client/src/ has it", i + 1));
        }
    }
}

/// The names of several words in a `.proto`: of fields, in both spellings, of RPCs and of enum values.
fn names(proto: &str) -> Vec<String> {
    let mut found = Vec::new();
    for line in proto.lines().map(str::trim).filter(|line| !line.starts_with("//")) {
        if let Some(rest) = line.strip_prefix("rpc ") {
            found.extend(words(rest).next().map(str::to_owned));
        } else if let Some((declared, _)) = line.split_once(" = ") {
            let name = words(declared).last().unwrap_or_default();
            if name.contains('_') {
                found.extend([name.to_owned(), camel_case(name)]);
            }
        }
    }
    found
}

fn camel_case(name: &str) -> String {
    let mut words = name.split('_');
    let mut out = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut letters = word.chars();
        out.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        out.push_str(letters.as_str());
    }
    out
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_protocol_are_found_in_scripts() {
        let proto = "service S {\n  rpc CaptureLead(A) returns (B);\n}\nmessage M {\n  // order_id = 1\n  optional string first_name = 3;\n  string email = 1;\n}\nenum E {\n  CONSENT_DENIED = 2;\n}";
        let forbidden: BTreeSet<String> = names(proto).into_iter().collect();
        let mut findings = Vec::new();
        let script = "// firstName\nx.first_name = email; // Capture lead\npost('/S/CaptureLead', CONSENT_DENIED, order_id);";
        find("a.js", script, &forbidden, &mut findings);
        let lines: Vec<&str> =
            findings.iter().map(|finding| finding.split(" is").next().unwrap_or_default()).collect();
        assert_eq!(
            lines,
            [
                "a.js:1: `firstName`",
                "a.js:2: `first_name`",
                "a.js:3: `CaptureLead`",
                "a.js:3: `CONSENT_DENIED`"
            ]
        );
    }
}
