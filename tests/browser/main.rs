//! The demo shop and the examples in headless browsers: the page's pixel and the server must send the same IDs.
//!
//! These tests need Chromium and chromedriver, Firefox, the browser package built by `cargo xtask wasm`, and the
//! React example built by `cargo xtask web-examples`. If one is missing, they fail and name it.

mod consent;
mod declarative;
mod docs;
mod examples;
mod fallback;
mod forms;
mod identity;
mod kept;
mod lead;
mod leaving;
mod load;
mod loader;
mod matching;
mod matrix;
mod mistakes;
mod package;
mod page;
mod policy;
mod purchase;
mod recipes;
mod refused;
mod routes;
mod same_origin;
mod served_package;
mod start;
mod storage;
mod unsent;
mod vectors;

use anyhow::ensure;
use serde_json::Value;
use tandem_tests::{World, binaries};

/// A world whose shop has the built browser package.
async fn world_with_shop() -> anyhow::Result<World> {
    let entry = binaries::workspace_root().join("web-client/pkg/index.js");
    ensure!(entry.exists(), "{} is missing: run `cargo xtask wasm` first", entry.display());
    World::start().await
}

/// The pixel's event of this name. Waits for it and expects it once.
async fn pixel_event(world: &World, name: &str) -> anyhow::Result<Value> {
    let mut sent = world
        .eventually(format!("{name} from the pixel"), async || {
            let mut events = world.sandbox.pixel_events().await?;
            events.retain(|event| event["ev"] == name);
            Ok(Some(events).filter(|events| !events.is_empty()))
        })
        .await?;
    ensure!(sent.len() == 1, "the pixel sent {name} {} times: {sent:?}", sent.len());
    Ok(sent.remove(0))
}

/// Waits until the fake Events Manager has merged the browser's and the server's copies of an event.
async fn wait_until_deduplicated(world: &World, name: &str, id: &str) -> anyhow::Result<()> {
    world
        .eventually(format!("{name} {id} to be deduplicated"), async || {
            let rows = world.sandbox.matches().await?;
            let row = rows.iter().find(|row| row["event_name"] == name && row["event_id"] == id);
            let merged =
                |row: &Value| row["deduplicated"] == true && row["browser"] == 1 && row["server"] == 1;
            Ok(row.is_some_and(merged).then_some(()))
        })
        .await
}
