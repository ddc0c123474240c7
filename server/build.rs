//! Embeds the browser package from `web-client/pkg/`, if it was built: each file as it is and compressed, its digests,
//! and one digest of all files, which names their folder in URLs.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::{Compression, write::GzEncoder};
use sha2::{Digest as _, Sha256, Sha384};

/// Bytes of the digest of all files that stand in URLs.
const FOLDER_BYTES: usize = 8;

fn main() -> io::Result<()> {
    let manifest = PathBuf::from(variable("CARGO_MANIFEST_DIR")?);
    let package = manifest.join("../web-client/pkg");
    // The folder always exists: git has an empty file in it. A missing one would make each build run this again.
    println!("cargo::rerun-if-changed={}", package.display());
    let out = PathBuf::from(variable("OUT_DIR")?);
    let files = if package.join("index.js").exists() { read(&package)? } else { Vec::new() };
    let mut all = Sha256::new();
    let mut rows = String::new();
    for (number, (name, bytes)) in files.iter().enumerate() {
        // Lengths keep two different packages from having the same bytes in a row.
        for part in [name.as_bytes(), bytes.as_slice()] {
            all.update(part.len().to_le_bytes());
            all.update(part);
        }
        rows.push_str(&row(&out, number, name, bytes)?);
    }
    let folder = hex(all.finalize().get(..FOLDER_BYTES).unwrap_or_default());
    let text = format!("Package {{ folder: \"{folder}\", files: &[{rows}] }}\n");
    fs::write(out.join("web_package.rs"), text)
}

fn variable(name: &str) -> io::Result<String> {
    std::env::var(name).map_err(io::Error::other)
}

/// The files of the package, sorted by name.
fn read(package: &Path) -> io::Result<Vec<(String, Vec<u8>)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(package)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        // A dot begins files that are none of the package's: git's, and those that are being written.
        if entry.file_type()?.is_file() && !name.starts_with('.') {
            files.push((name, fs::read(entry.path())?));
        }
    }
    files.sort();
    Ok(files)
}

/// Writes a file's copies, and returns the Rust expression that embeds them.
fn row(out: &Path, number: usize, name: &str, bytes: &[u8]) -> io::Result<String> {
    let (plain, gzipped) = (out.join(format!("{number}.plain")), out.join(format!("{number}.gz")));
    fs::write(&plain, bytes)?;
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    fs::write(&gzipped, encoder.finish()?)?;
    let etag = hex(Sha256::digest(bytes).get(..16).unwrap_or_default());
    let integrity = STANDARD.encode(Sha384::digest(bytes));
    Ok(format!(
        "File {{ name: {name:?}, etag: \"{etag}\", integrity: \"sha384-{integrity}\", \
         plain: include_bytes!({plain:?}), gzipped: include_bytes!({gzipped:?}) }},\n"
    ))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing into a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
