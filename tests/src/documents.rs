//! What the documents tell people to paste. Tests run it from there, so that no second copy can differ.

use anyhow::Context as _;

use crate::binaries::workspace_root;

/// The page about serving the browser package.
const SERVING: &str = "docs/serving.md";
const POLICY: &str = "Content-Security-Policy: ";

/// The addresses that the documents use for the Tandem server and for Meta.
pub const TANDEM: &str = "https://track.shop.example";
pub const LIBRARY: &str = "https://connect.facebook.net";
const REPORTS: [&str; 2] = ["https://*.facebook.com", "https://www.facebook.com"];

fn serving() -> anyhow::Result<String> {
    std::fs::read_to_string(workspace_root().join(SERVING)).context(SERVING)
}

/// The first block of this language in the page about serving.
///
/// # Errors
/// When there is none.
pub fn serving_block(language: &str) -> anyhow::Result<String> {
    let text = serving()?;
    let (_, rest) = text
        .split_once(&format!("\n```{language}\n"))
        .with_context(|| format!("{SERVING} has no block of {language}"))?;
    Ok(rest.split_once("\n```").context("a block without an end")?.0.to_owned())
}

/// The Content Security Policy that the documents give, without the header's name.
///
/// # Errors
/// When the page has none.
pub fn policy() -> anyhow::Result<String> {
    let text = serving()?;
    let policy = text.lines().find_map(|line| line.strip_prefix(POLICY));
    Ok(policy.with_context(|| format!("{SERVING} has no policy"))?.to_owned())
}

/// The documents' policy for a shop that calls Tandem at `endpoint` and has Meta's library and reports at `meta`.
///
/// # Errors
/// When the page has none.
pub fn policy_at(endpoint: &str, meta: &str) -> anyhow::Result<String> {
    let policy = policy()?.replace(TANDEM, endpoint).replace(LIBRARY, meta);
    Ok(REPORTS.iter().fold(policy, |policy, reports| policy.replace(reports, meta)))
}
