//! The sizes of the files that a page loads, and their budget.

use std::io::Write as _;
use std::path::Path;

use crate::{contents, npm};
use anyhow::{Context as _, ensure};
use flate2::{Compression, write::GzEncoder};

/// Most bytes that a page may load before its first event. Each file counts as compressed by gzip -9. The aim is 22,000:
/// `web-client/README.md` says what takes the room.
const BUDGET_BYTES: usize = 30_000;

const WASM: &str = "tandem_web_bg.wasm";

/// Files that load before the first event.
const FIRST: [&str; 2] = ["index.js", WASM];

/// Files that load later, and when.
const LATER: [(&str, &str); 7] = [
    ("auto.js", "only with the script tag or the loader"),
    ("forms.js", "only with forms that have data-tandem"),
    ("debug.js", "only with debug"),
    ("storable.js", "when a call must be put into storage"),
    ("tandem_normaliser.js", "with storable.js"),
    ("tandem_normaliser_bg.wasm", "with storable.js"),
    ("json.js", "where WebAssembly does not start"),
];

/// The file with the script that a page inlines, and the most bytes of that script, compressed as the others: it is part
/// of a page, and pages are sent compressed.
const LOADER: &str = "loader.html";
const LOADER_BYTES_MAX: usize = 1_200;

/// Prints the sizes of a release build's files and of the parts of the main module. Fails above a budget.
pub(crate) fn report(folder: &Path) -> anyhow::Result<()> {
    let mut total = (0, 0);
    println!("{:<26} {:>8} {:>8}", "file", "bytes", "gzip -9");
    for name in FIRST {
        let (bytes, gzipped) = row(folder, name, "")?;
        total = (total.0 + bytes, total.1 + gzipped);
    }
    println!("{:<26} {:>8} {:>8}   budget {BUDGET_BYTES}", "before the first event", total.0, total.1);
    for (name, when) in LATER {
        row(folder, name, when)?;
    }
    let page = read(folder, LOADER)?;
    let script = loader(&page)?;
    let loader_bytes = gzip(script.as_bytes())?;
    println!("{LOADER:<26} {:>8} {loader_bytes:>8}   its script; at most {LOADER_BYTES_MAX}", script.len());
    println!("\nin {WASM}, before compression:");
    let named = npm::named(WASM);
    let wasm = std::fs::read(&named).with_context(|| format!("reading {}", named.display()))?;
    for (what, bytes) in contents::rows(&wasm)? {
        println!("{bytes:>8}  {what}");
    }
    ensure!(
        loader_bytes <= LOADER_BYTES_MAX,
        "the loader's script is {} bytes over its budget",
        loader_bytes - LOADER_BYTES_MAX
    );
    ensure!(
        total.1 <= BUDGET_BYTES,
        "the browser package is {} bytes over its budget",
        total.1 - BUDGET_BYTES
    );
    Ok(())
}

fn row(folder: &Path, name: &str, when: &str) -> anyhow::Result<(usize, usize)> {
    let bytes = read(folder, name)?;
    let gzipped = gzip(&bytes)?;
    println!("{name:<26} {:>8} {gzipped:>8}   {when}", bytes.len());
    Ok((bytes.len(), gzipped))
}

fn read(folder: &Path, name: &str) -> anyhow::Result<Vec<u8>> {
    let path = folder.join(name);
    std::fs::read(&path).with_context(|| format!("reading {}", path.display()))
}

/// The loader's script, with its tags.
fn loader(file: &[u8]) -> anyhow::Result<&str> {
    let text = std::str::from_utf8(file)?;
    let (start, end) =
        text.find("<script>").zip(text.find("</script>")).context("the loader has no script")?;
    text.get(start..end + "</script>".len()).context("the loader's script ends before it begins")
}

fn gzip(bytes: &[u8]) -> anyhow::Result<usize> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?.len())
}
