//! Runs the core's golden vectors in the browser, with the browser's own Unicode functions. A page must store what
//! the server would have hashed.

use anyhow::{Context as _, ensure};
use serde::Deserialize;
use serde_json::json;
use tandem_tests::binaries;
use tandem_tests::browser::{Session, Shop};

use crate::world_with_shop;

#[derive(Debug, Deserialize)]
struct Golden {
    /// The day for which the vectors were made. A birth date must not be in the future.
    today: String,
    vectors: Vec<Vector>,
}

/// A match key's raw value, and the hash of its normal form (core/vectors/match_keys.json).
#[derive(Debug, Deserialize)]
struct Vector {
    key: String,
    input: String,
    default_country: String,
    #[serde(default)]
    person_country: String,
    outcome: String,
    sha256: Option<String>,
    problem: Option<String>,
}

/// Runs the package's normaliser over all given vectors.
const SCRIPT: &str = "
    const { default: init, hash } = await import('/pkg/tandem_normaliser.js');
    await init();
    const attempt = (work) => {
        try { return { is: work() ?? null }; } catch (problem) { return { problem: String(problem) }; }
    };
    return given[0].map(({ key, input, country, merchant, today }) =>
        attempt(() => hash(key, input, country, merchant, Date.parse(today))));";

#[tokio::test]
async fn the_golden_vectors_hold_in_the_browser() -> anyhow::Result<()> {
    let root = binaries::workspace_root();
    let golden: Golden = serde_json::from_slice(&std::fs::read(root.join("core/vectors/match_keys.json"))?)?;
    let Golden { today, vectors } = golden;
    ensure!(vectors.len() > 150, "only {} vectors are left", vectors.len());

    let world = world_with_shop().await?;
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
        let expected = match vector.outcome.as_str() {
            "normal" | "digest" => json!({ "is": vector.sha256 }),
            "blank" => json!({ "is": null }),
            "problem" => json!({ "problem": vector.problem }),
            other => panic!("{case}: outcome {other}"),
        };
        assert_eq!(answer, &expected, "{case}");
    }
    Ok(())
}
