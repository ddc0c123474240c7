//! The core's golden vectors in the browser, with the browser's own Unicode functions: what
//! a page hashes is what the server hashes.

use anyhow::{Context as _, ensure};
use serde::Deserialize;
use serde_json::json;
use tandem_tests::browser::{Session, Shop};
use tandem_tests::{World, binaries};

#[derive(Debug, Deserialize)]
struct Golden {
    /// The day the vectors were made for: a birth date must not lie in the future.
    today: String,
    vectors: Vec<Vector>,
}

/// A match key's raw value, its normal form and hash (core/vectors/match_keys.json).
#[derive(Debug, Deserialize)]
struct Vector {
    key: String,
    input: String,
    default_country: String,
    #[serde(default)]
    person_country: String,
    outcome: String,
    normal: Option<String>,
    sha256: Option<String>,
    problem: Option<String>,
}

/// Runs the package's normaliser over all given vectors.
const SCRIPT: &str = "
    const { normalise, hash } = await import('/pkg/index.js');
    const attempt = (work) => {
        try { return { is: work() ?? null }; } catch (problem) { return { problem: String(problem.message ?? problem) }; }
    };
    return given[0].map(({ key, input, country, merchant, today }) => ({
        normal: attempt(() => normalise(key, input, country, merchant, today)),
        hash: attempt(() => hash(key, input, country, merchant, today)),
    }));";

#[tokio::test]
async fn the_golden_vectors_hold_in_the_browser() -> anyhow::Result<()> {
    let root = binaries::workspace_root();
    let package = root.join("web-client/pkg-selftest");
    ensure!(
        package.join("index.js").exists(),
        "{} is missing: run `cargo xtask wasm --selftest` first",
        package.display()
    );
    let golden: Golden = serde_json::from_slice(&std::fs::read(root.join("core/vectors/match_keys.json"))?)?;
    let Golden { today, vectors } = golden;
    ensure!(vectors.len() > 150, "only {} vectors are left", vectors.len());

    let world = World::builder()
        .without_gateway()
        .sandbox("TANDEM_SANDBOX_PKG", package.display().to_string())
        .start()
        .await?;
    let session = Session::start().await?;
    Shop::new(&session, &world.sandbox.url).open("/events-manager").await?;
    let inputs = vectors.iter().map(|Vector { key, input, person_country, default_country, .. }| {
        json!({
            "key": key, "input": input, "country": person_country, "merchant": default_country, "today": today,
        })
    });
    let answers = session.run(SCRIPT, vec![inputs.collect()]).await?;
    let answers = answers.as_array().context("one answer per vector")?;
    assert_eq!(answers.len(), vectors.len());
    for (vector, answer) in vectors.iter().zip(answers) {
        let case = format!("{} {:?}: {answer}", vector.key, vector.input);
        let (normal, hash) = (&answer["normal"], &answer["hash"]);
        match vector.outcome.as_str() {
            "normal" => {
                assert_eq!(normal, &json!({ "is": vector.normal }), "{case}");
                assert_eq!(hash, &json!({ "is": vector.sha256 }), "{case}");
            }
            // A hash that was made already has no normal form.
            "digest" => assert_eq!(hash, &json!({ "is": vector.sha256 }), "{case}"),
            "blank" => assert_eq!(hash, &json!({ "is": null }), "{case}"),
            "problem" => assert_eq!(hash, &json!({ "problem": vector.problem }), "{case}"),
            other => panic!("{case}: outcome {other}"),
        }
    }
    Ok(())
}
