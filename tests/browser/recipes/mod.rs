//! The files in `docs/recipes`, each run with a stand-in of the product that it is for.

mod banners;
mod consent;
mod shops;

use std::collections::BTreeSet;

use anyhow::Context as _;
use tandem_tests::binaries;

/// Files that a test runs. A new file without a test makes [`every_recipe_has_a_test`] fail.
const TESTED: [&str; 9] = [
    "consent-cookiebot.js",          // consent
    "consent-google.js",             // consent
    "consent-onetrust.js",           // consent
    "consent-tcf.js",                // consent
    "google-tag-manager-event.html", // shops
    "google-tag-manager.html",       // shops
    "nextjs-tandem.tsx",             // shops
    "shopify-custom-pixel.js",       // shops
    "woocommerce.php",               // shops
];

/// A recipe's text.
fn recipe(name: &str) -> anyhow::Result<String> {
    let file = binaries::workspace_root().join("docs/recipes").join(name);
    std::fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))
}

#[test]
fn every_recipe_has_a_test() -> anyhow::Result<()> {
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(binaries::workspace_root().join("docs/recipes"))? {
        found.insert(entry?.file_name().to_string_lossy().into_owned());
    }
    found.remove("README.md");
    assert_eq!(found.iter().map(String::as_str).collect::<Vec<_>>(), TESTED);
    Ok(())
}
