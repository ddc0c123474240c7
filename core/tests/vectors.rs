//! Runs the golden vectors of match keys natively. Another test runs the same file in Chromium with the
//! browser's own Unicode functions.

// Without `full` the Unicode functions come from a browser, and there is none here.
#![cfg(feature = "full")]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::BTreeSet;

use serde_json::Value;
use tandem_core::country::Country;
use tandem_core::hash::Sha256Hex;
use tandem_core::normalise::{Day, KeyContext, MatchKey, MatchKeyError, hash_key, normalise};
use tandem_core::personal::Raw;
use tandem_core::unicode::NativeUnicode;

const VECTORS: &str = include_str!("../vectors/match_keys.json");

fn vectors() -> Vec<Value> {
    let file: Value = serde_json::from_str(VECTORS).unwrap();
    assert_eq!(file["today"], "2026-11-24");
    file["vectors"].as_array().unwrap().clone()
}

/// Result of normalising a vector's input.
#[derive(Debug, PartialEq, Eq)]
struct Found {
    outcome: &'static str,
    normal: Option<String>,
    sha256: Option<String>,
    problem: Option<&'static str>,
}

fn run(vector: &Value) -> Found {
    let key = MatchKey::from_meta_name(vector["key"].as_str().unwrap()).unwrap();
    let country = |field: &str| vector[field].as_str().map(|text| Country::parse(text).unwrap());
    let context = KeyContext {
        unicode: &NativeUnicode,
        default_country: country("default_country").unwrap(),
        person_country: country("person_country"),
        today: Day::new(2026, 11, 24).unwrap(),
    };
    let raw = Raw::new(vector["input"].as_str().unwrap());
    let hash = hash_key(key, &raw, &context);
    let sha256 = hash.ok().flatten().map(Sha256Hex::to_hex);
    let problem = hash.err().map(MatchKeyError::code);
    // A digest has no normal form.
    let is_digest = Sha256Hex::parse(raw.expose().trim()).is_some();
    let normal = if is_digest { Ok(None) } else { normalise(key, &raw, &context) };
    let normal = normal.ok().flatten().map(|text| text.expose().to_owned());
    let outcome = match (&normal, &sha256, problem) {
        (Some(_), Some(_), None) => "normal",
        (None, Some(_), None) => "digest",
        (None, None, None) => "blank",
        (None, None, Some(_)) => "problem",
        _ => "contradiction",
    };
    Found { outcome, normal, sha256, problem }
}

#[test]
fn every_vector_holds() {
    let mut failed = Vec::new();
    for vector in vectors() {
        let text = |field: &str| vector[field].as_str();
        let found = run(&vector);
        let holds = text("outcome") == Some(found.outcome)
            && text("normal") == found.normal.as_deref()
            && text("sha256") == found.sha256.as_deref()
            && text("problem") == found.problem;
        if !holds {
            failed.push(format!("{vector}\n  found {found:?}"));
        }
    }
    assert!(failed.is_empty(), "{} failed:\n{}", failed.len(), failed.join("\n"));
}

/// The hashes in Meta's documentation (customer information parameters). They are repeated here, so that
/// nobody can remove them from the file unnoticed.
#[test]
fn metas_known_answers_are_among_them() {
    let known = [
        ("em", "62a14e44f765419d10fea99367361a727c12365e2520f32218d505ed9aa0f62f"),
        ("ph", "e323ec626319ca94ee8bff2e4c87cf613be6ea19919ed1364124e16807ab3176"),
        ("fn", "6915771be1c5aa0c886870b6951b03d7eafc121fea0e80a5ea83beb7c449f4ec"),
        ("fn", "8fa8cd9c440be61d0151429310034083132b35975c4bea67fdd74158eb51db14"),
        ("fn", "08e1996b5dd49e62a4b4c010d44e4345592a863bb9f8e3976219bac29417149c"),
        ("db", "01acdbf6ec7b4f478a225f1a246e5d6767eeab1a7ffa17f025265b5b94f40f0c"),
        ("country", "79adb2a2fce5c6ba215fe5f27f532d4e7edbac4b6a5e09e1ef3a08084a904621"),
    ];
    let vectors = vectors();
    let answers = vectors.iter().filter(|vector| vector["source"] == "meta-known-answer");
    let found: BTreeSet<_> =
        answers.map(|vector| (vector["key"].as_str().unwrap(), vector["sha256"].as_str().unwrap())).collect();
    assert_eq!(found, BTreeSet::from(known));
}

#[test]
fn each_key_and_each_outcome_is_covered() {
    let vectors = vectors();
    for key in MatchKey::ALL {
        for outcome in ["normal", "blank"] {
            let covered = vectors.iter().any(|v| v["key"] == key.meta_name() && v["outcome"] == outcome);
            assert!(covered, "{key:?} {outcome}");
        }
    }
    for error in MatchKeyError::ALL {
        assert!(vectors.iter().any(|vector| vector["problem"] == error.code()), "{error:?}");
    }
}
