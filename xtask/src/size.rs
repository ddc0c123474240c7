//! What a page loads, and the budget for it.

use std::io::Write as _;
use std::path::Path;

use crate::{contents, npm};
use anyhow::{Context as _, ensure};
use flate2::{Compression, write::GzEncoder};

/// Everything that a page loads, each file compressed by gzip -9, in bytes. A sales page pays
/// for every kilobyte.
const BUDGET_BYTES: usize = 20_000;

/// The files that a page loads. The release build has the second in the first.
const LOADED: [&str; 3] = ["index.js", "tandem_web.js", "tandem_web_bg.wasm"];

/// Prints the table; an error above the budget.
pub(crate) fn report(folder: &Path, is_release: bool) -> anyhow::Result<()> {
    let mut total = (0, 0);
    println!("{:<22} {:>8} {:>8}", "file", "bytes", "gzip -9");
    for name in LOADED {
        let path = folder.join(name);
        if name == LOADED[1] && !path.exists() {
            continue;
        }
        let bytes = std::fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
        let gzipped = gzip(&bytes)?;
        println!("{name:<22} {:>8} {gzipped:>8}", bytes.len());
        total = (total.0 + bytes.len(), total.1 + gzipped);
    }
    println!("{:<22} {:>8} {:>8}   budget {BUDGET_BYTES}", "all", total.0, total.1);
    if is_release {
        let named = npm::named(LOADED[2]);
        let wasm = std::fs::read(&named).with_context(|| format!("reading {}", named.display()))?;
        println!("\nin the WebAssembly:");
        for (what, bytes) in contents::rows(&wasm)? {
            println!("{bytes:>8}  {what}");
        }
    }
    ensure!(
        total.1 <= BUDGET_BYTES,
        "the browser package is {} bytes over its budget",
        total.1 - BUDGET_BYTES
    );
    Ok(())
}

fn gzip(bytes: &[u8]) -> anyhow::Result<usize> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?.len())
}
